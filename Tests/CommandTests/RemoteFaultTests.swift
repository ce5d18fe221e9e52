import Glibc
import Platform
import TestSupport
import Testing

/// The command line over HTTP, against a host that does as it likes.
@Suite("Commands to a farm that is not well")
struct RemoteFaultTests {
    private static let job =
        "{\"id\":7,\"kind\":\"noop\",\"queue\":\"trial\",\"state\":\"waiting\",\"verdict\":\"created\"}"

    private func program(_ host: LoopbackHost, token: String? = nil) -> Program {
        var program = Program(variables: ["MOTORPOOL_URL": host.address()])
        if let token { program.variables["MOTORPOOL_TOKEN"] = token }
        return program
    }

    private func problem(_ status: Int, _ code: String, _ message: String, _ fields: String...)
        -> LoopbackHost.Step
    {
        let body = "{\"error\":{\"code\":\"\(code)\",\"message\":\"\(message)\"}}"
        return .answer(status, Array(body.utf8), ["Content-Type: application/json"] + fields)
    }

    @Test("a farm that is not there is told with 69")
    func unreachable() async throws {
        let host = try LoopbackHost(.ok(""))
        host.stop()
        for words in [["job", "7"], ["enqueue", "noop"], ["jobs"], ["cancel", "7"], ["retry", "7"]] {
            let answer = try await program(host).run(words)
            #expect(answer.code == 69)
            #expect(
                answer.text.contains("the farm at 127.0.0.1:\(host.port) can't be reached"), "\(answer.text)")
        }
    }

    @Test("something else than a farm is told as that")
    func stranger() async throws {
        let host = try LoopbackHost(.ok("<html>hello</html>"))
        let answer = try await program(host)("job", "7")
        #expect(answer.code == 69)
        #expect(answer.text.contains("answers something else than a farm"))
        let moved = try LoopbackHost(.redirect(302, to: "https://else.example/"))
        let elsewhere = try await program(moved)("job", "7")
        #expect(elsewhere.code == 2)
        #expect(elsewhere.text.contains("sends to https://else.example/: give that as --url"))
        #expect(moved.questions.count == 1)
    }

    @Test("an enqueue whose answer got lost is asked again under the same key, and tells of one new job")
    func lostAnswer() async throws {
        let count = Lock(0)
        let host = try LoopbackHost { _ in
            let turn = count.withLock { count in
                count += 1
                return count
            }
            if turn == 1 { return [.hangUp] }
            let again = Self.job.replacing("created", with: "duplicate")
            return [.answer(202, Array(again.utf8))]
        }
        let answer = try await program(host)("enqueue", "noop")
        #expect(answer.code == 0, "\(answer.text)")
        #expect(answer.text == "job 7 waits\n")
        let keys = host.questions.map { $0.headers["idempotency-key"] }
        #expect(keys.count == 2 && keys[0] != nil && keys[0] == keys[1])
    }

    @Test("a retry whose answer got lost is not asked again")
    func unsafe() async throws {
        let host = try LoopbackHost(.hangUp)
        let answer = try await program(host)("retry", "7")
        #expect(answer.code == 69)
        #expect(host.questions.count == 1)
    }

    @Test("429 is obeyed, and told when it asks for too much")
    func patience() async throws {
        let count = Lock(0)
        let host = try LoopbackHost { _ in
            let turn = count.withLock { count in
                count += 1
                return count
            }
            return turn == 1
                ? [self.problem(429, "too_many_requests", "slowly", "Retry-After: 1")]
                : [.answer(200, Array(Self.job.utf8))]
        }
        let began = BootClock.now
        let answer = try await program(host)("job", "7", "--json")
        #expect(answer.code == 0, "\(answer.text)")
        let waited = BootClock.now - began >= .seconds(1)
        #expect(waited)
        let strict = try LoopbackHost(problem(429, "too_many_requests", "slowly", "Retry-After: 3600"))
        let refused = try await program(strict)("job", "7")
        #expect(refused.code == 75)
        #expect(refused.text.contains("wants to be asked later in 3600 s: slowly"))
        #expect(strict.questions.count == 1)
    }

    @Test("who may not is told what is missing, and the token goes only into its field")
    func roles() async throws {
        let host = try LoopbackHost { question in
            question.headers["authorization"] == nil
                ? [self.problem(401, "no_token", "expected a token of the role producer")]
                : [self.problem(403, "forbidden", "expected the role producer, and bot has reader")]
        }
        let stranger = try await program(host)("enqueue", "noop")
        #expect(stranger.code == 1)
        #expect(stranger.text.contains("role producer; set MOTORPOOL_TOKEN or --token-file"))
        let reader = try await program(host, token: "mp_secret")("enqueue", "noop")
        #expect(reader.code == 1)
        #expect(reader.text.contains("bot has reader"))
        #expect(!reader.text.contains("mp_secret"))
        #expect(host.questions.last?.headers["authorization"] == "Bearer mp_secret")
        #expect(host.questions.allSatisfy { !$0.target.contains("secret") })
    }

    @Test("the token may stand in a file, and a flag's value is taken off the process list")
    func tokens() async throws {
        let host = try LoopbackHost(.pause(.seconds(2)), .answer(200, Array(Self.job.utf8)))
        try await withFolder(["token": "mp_file\n", "empty": ""]) { folder in
            let answer = try await program(host)("job", "7", "--token-file", folder + "/token")
            #expect(answer.code == 0, "\(answer.text)")
            #expect(host.questions.last?.headers["authorization"] == "Bearer mp_file")
            let empty = try await program(host)("job", "7", "--token-file", folder + "/empty")
            #expect(empty.code == 2)
        }
        let child = try ChildProcess.start(
            [TestServer.binary(), "job", "7", "--url", host.address(), "--token", "mp_flag"],
            environment: ["PATH": "/usr/bin:/bin"], output: .captured(bytesMax: 10_000))
        defer { child.kill() }
        try await eventually("it asked") { host.questions.last?.headers["authorization"] == "Bearer mp_flag" }
        let seen = try TextOf.file("/proc/\(child.pid)/cmdline")
        #expect(seen.contains("--token") && !seen.contains("mp_flag"), "\(seen)")
    }

    @Test(
        "an address that is none is a fault of the settings",
        arguments: ["nonsense", "ftp://x/", "http://u:p@x/"])
    func badAddress(text: String) async throws {
        let answer = try await Program()("job", "7", "--url", text)
        #expect(answer.code == 2)
        #expect(!answer.text.contains("u:p"))
    }
}

enum TextOf {
    static func file(_ path: String) throws -> String {
        guard let stream = fopen(path, "r") else { throw Broken(description: "no \(path)") }
        defer { fclose(stream) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, stream)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
