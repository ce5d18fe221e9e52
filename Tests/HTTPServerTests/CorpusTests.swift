import HTTPServer
import Testing

/// What becomes of a sample that comes in these pieces, by the parser alone.
private func outcome(_ pieces: [ArraySlice<UInt8>]) -> [String] {
    let parser = RequestParser(HTTPSettings())
    var outcome: [String] = []
    var waiting: [UInt8] = []
    var head: RequestHead?
    var body = 0
    for piece in pieces {
        waiting += piece
        while !waiting.isEmpty {
            let taken = waiting.withUnsafeBytes { parser.feed($0) }
            waiting.removeFirst(taken)
            head = parser.takeHead() ?? head
            body += parser.takeBody().count
            if let refusal = parser.refusal { return outcome + [String(refusal.status)] }
            if parser.isPastEnd { return outcome }
            guard parser.isComplete, let whole = head else { break }
            outcome.append(told(whole, body))
            guard whole.isKeptAlive else { return outcome }
            head = nil
            body = 0
            parser.next()
        }
    }
    return outcome
}

private func told(_ head: RequestHead, _ body: Int) -> String {
    "\(head.method.rawValue) \(head.path)\(head.query.map { "?" + $0 } ?? "")" + (body > 0 ? " +\(body)" : "")
}

@Suite struct CorpusTests {
    @Test("the corpus is as large as it is said to be")
    func size() { #expect(Corpus.all.count >= 150) }

    @Test("what comes whole becomes what it should", arguments: Corpus.all)
    func whole(_ sample: Sample) {
        let outcome = outcome([sample.bytes[...]])
        #expect(outcome == sample.becomes)
    }

    @Test(
        "what comes byte by byte becomes the same", arguments: Corpus.all.filter { $0.bytes.count < 20_000 })
    func bytewise(_ sample: Sample) {
        let outcome = outcome(sample.bytes.indices.map { sample.bytes[$0...$0] })
        #expect(outcome == sample.becomes)
    }

    @Test(
        "what comes in two pieces becomes the same, wherever it is cut",
        arguments: Corpus.all.filter { $0.bytes.count < 2_000 })
    func split(_ sample: Sample) {
        let others = sample.bytes.indices.filter { cut in
            outcome([sample.bytes[..<cut], sample.bytes[cut...]]) != sample.becomes
        }
        #expect(others.isEmpty)
    }

    @Test("what comes in pieces as the kernel hands them becomes the same", arguments: Corpus.all)
    func pieces(_ sample: Sample) {
        for size in [7, 1_000, 65_536] {
            let starts = stride(from: 0, to: sample.bytes.count, by: size)
            let outcome = outcome(starts.map { sample.bytes[$0..<min($0 + size, sample.bytes.count)] })
            #expect(outcome == sample.becomes, "in pieces of \(size)")
        }
    }

    @Test("by socket, each request has one answer, and a refusal closes", arguments: [0, 1])
    func live(_ pieceSize: Int) async throws {
        try await withServer { address, _ in
            for sample in Corpus.all where pieceSize == 0 || sample.bytes.count < 2_000 {
                let caller = try Caller(address)
                // A refusal may come, and the connection close, before all is sent.
                try? await caller.say(sample.bytes, inPiecesOf: pieceSize)
                caller.endSaying()
                let answers = try await answers(of: caller, to: sample)
                #expect(answers == sample.becomes, "\(sample)")
            }
        }
    }

    private func answers(of caller: Caller, to sample: Sample) async throws -> [String] {
        var bytes = try await caller.hearAll()
        var answers: [String] = []
        // A word before the body, if it came in time, is no answer.
        if let (word, used) = try Heard.parse(bytes, isBodiless: true, isOver: true), word.status == 100 {
            bytes.removeFirst(used)
        }
        for expected in sample.becomes {
            let isBodiless = expected.hasPrefix("HEAD")
            guard let (heard, used) = try Heard.parse(bytes, isBodiless: isBodiless, isOver: true) else {
                break
            }
            bytes.removeFirst(used)
            if heard.status == 200 {
                let line = heard.text.prefix { $0 != "\n" }
                let body = heard.body.count - line.utf8.count - 1
                answers.append(isBodiless ? expected : line + (body > 0 ? " +\(body)" : ""))
            } else {
                answers.append(String(heard.status))
                #expect(heard.isLast, "\(sample)")
                #expect(heard["Content-Type"] == "application/json", "\(sample)")
                #expect(heard.text.hasPrefix(#"{"error":{"code":""#), "\(sample)")
            }
        }
        return bytes.isEmpty ? answers : answers + ["and more"]
    }
}
