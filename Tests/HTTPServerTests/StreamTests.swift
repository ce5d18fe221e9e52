import HTTPServer
import TestSupport
import Testing

private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

private func streaming(_ body: @escaping @Sendable (any BodyWriter) async throws -> Void)
    -> @Sendable (Request)
    async -> Response
{
    { _ in Response(200, headers: ["Content-Type": "text/event-stream"], content: .stream(body)) }
}

@Suite struct StreamTests {
    @Test("what is written arrives before the next is")
    func pieces() async throws {
        let gate = Gate()
        try await withServer(
            handler: streaming { writer in
                try await writer.write(Array("first".utf8))
                try await writer.write([])
                await gate.pass()
                try await writer.write(Array("second".utf8))
            }
        ) { address, _ in
            let caller = try Caller(address)
            try await caller.say(get)
            var early = ""
            while !early.contains("5\r\nfirst\r\n") {
                early += String(decoding: try await caller.hearSome(), as: UTF8.self)
            }
            #expect(early.contains("Transfer-Encoding: chunked"))
            #expect(!early.contains("Content-Length"))
            gate.open()
            var late = ""
            while !late.hasSuffix("0\r\n\r\n") {
                late += String(decoding: try await caller.hearSome(), as: UTF8.self)
            }
            #expect(late == "6\r\nsecond\r\n0\r\n\r\n")
            // The connection goes on.
            try await caller.say(get)
            #expect(try await caller.hear().text == "firstsecond")
        }
    }

    @Test("an HTTP/1.0 client reads up to the end of the connection")
    func old() async throws {
        try await withServer(
            handler: streaming { writer in
                try await writer.write(Array("a".utf8))
                try await writer.write(Array("b".utf8))
            }
        ) { address, _ in
            let caller = try Caller(address)
            try await caller.say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let heard = try await caller.hear()
            #expect(heard.isLast)
            #expect(heard.text == "ab")
        }
    }

    @Test("HEAD starts no stream")
    func head() async throws {
        try await withServer(handler: streaming { _ in Issue.record("streamed") }) { address, _ in
            let caller = try Caller(address)
            try await caller.say("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(try await caller.hear(isBodiless: true).status == 200)
            #expect(try await caller.hearsNothing())
        }
    }

    @Test("a stream that throws ends without its last chunk")
    func broken() async throws {
        struct Trouble: Error {}
        try await withServer(
            handler: streaming { writer in
                try await writer.write(Array("half".utf8))
                throw Trouble()
            }
        ) { address, server in
            let caller = try Caller(address)
            try await caller.say(get)
            let text = String(decoding: try await caller.hearAll(), as: UTF8.self)
            #expect(text.hasSuffix("4\r\nhalf\r\n"))
            #expect(server.counts.cuts == [.answerBroken: 1])
        }
    }

    @Test("a stream learns that its reader is gone although it writes nothing", arguments: [false, true])
    func gone(_ isReset: Bool) async throws {
        let outcome = Lockbox<String>()
        try await withServer(
            { $0.closedGraceSeconds = 1 },
            handler: streaming { writer in
                try await writer.write(Array("x".utf8))
                do {
                    try await Task.sleep(for: .seconds(60))
                } catch {
                    outcome.put("cancelled")
                    try await writer.write(Array("y".utf8))
                    outcome.put("written")
                }
            }
        ) { address, server in
            let caller = try Caller(address)
            try await caller.say(get)
            var early = ""
            while !early.hasSuffix("x\r\n") {
                early += String(decoding: try await caller.hearSome(), as: UTF8.self)
            }
            if isReset { caller.reset() } else { caller.endSaying() }
            try await eventually("the stream is cancelled") { outcome.content == "cancelled" }
            #expect(server.counts.connectionsOpen == 0)
            #expect(server.counts.cuts == [.peerGone: 1])
        }
    }

    @Test("a writer waits for its reader, and keeps nothing beyond the kernel's buffers")
    func backPressure() async throws {
        let written = Lockbox<Int>()
        try await withServer(
            { $0.writeStallSeconds = 1 },
            handler: streaming { writer in
                for number in 1...1_000 {
                    try await writer.write([UInt8](repeating: 65, count: 100_000))
                    written.put(number)
                }
            }
        ) { address, server in
            let caller = try Caller(address, receiveBuffer: 4_096)
            try await caller.say(get)
            try await eventually("the reader is cut") { server.counts.cuts == [.readerTooSlow: 1] }
            #expect((written.content ?? 0) < 200)
        }
    }

    @Test("two that write at once do not mix")
    func turns() async throws {
        try await withServer(
            handler: streaming { writer in
                try await withThrowingTaskGroup { group in
                    for letter in "ABCD".utf8 {
                        group.addTask {
                            for _ in 1...20 {
                                try await writer.write([UInt8](repeating: letter, count: 50_000))
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        ) { address, _ in
            let caller = try Caller(address, receiveBuffer: 65_536)
            try await caller.say("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let all = try await caller.hearAll()
            let (heard, _) = try #require(try Heard.parse(all, isBodiless: false, isOver: true))
            #expect(heard.body.count == 4_000_000)
            let isMixed = stride(from: 0, to: heard.body.count, by: 50_000).contains { start in
                heard.body[start..<(start + 50_000)].contains { $0 != heard.body[start] }
            }
            #expect(!isMixed)
        }
    }

    @Test("a writer that is kept beyond its answer can write nothing")
    func late() async throws {
        let kept = Lockbox<any BodyWriter>()
        try await withServer(handler: streaming { kept.put($0) }) { address, _ in
            let caller = try Caller(address)
            try await caller.say(get)
            #expect(try await caller.hear().body.isEmpty)
            let writer = try #require(kept.content)
            await #expect(throws: (any Error).self) { try await writer.write([65]) }
            try await caller.say(get)
            #expect(try await caller.hear().body.isEmpty)
        }
    }
}
