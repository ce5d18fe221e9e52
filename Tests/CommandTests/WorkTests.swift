import FoundationEssentials
import Glibc
import Platform
import TestSupport
import Testing

@Suite("Work and its end")
struct WorkTests {
    private struct Told: Decodable {
        let state: String
        let failures: Int
        let errors: [String]
    }

    @Test("the first SIGTERM drains: what runs comes back in line and no attempt is counted")
    func drain() async throws {
        try await withProgram { program in
            let worker = try await program.work("--grace", "100ms")
            let id = try await running(program)
            worker.signal(SIGTERM)
            let status = try await worker.end()
            #expect(status == .exited(0))
            let told = try #require(try await program("job", "\(id)", "--json").decoded(Told.self).first)
            #expect(told.state == "waiting")
            #expect(told.failures == 0)
            #expect(told.errors.isEmpty)
            let text = worker.child.outputText
            for event in ["draining", "handed_back", "stopped"] {
                #expect(text.contains("\"event\":\"\(event)\""), "\(text)")
            }
        }
    }

    @Test("the second SIGTERM ends the process at once")
    func second() async throws {
        try await withProgram { program in
            let worker = try await program.work("--grace", "60s")
            _ = try await running(program, block: true)
            worker.signal(SIGTERM)
            try await worker.says("draining")
            worker.signal(SIGTERM)
            let status = try await worker.end(within: .seconds(5))
            #expect(status == .exited(130))
        }
    }

    @Test("each line of the log is one JSON object with time, level, event and message")
    func log() async throws {
        struct Line: Decodable {
            let time: String
            let level: String
            let event: String
            let message: String
        }
        try await withProgram { program in
            let worker = try await program.work("--verbose")
            try await program(
                "enqueue", "fail", "--args", "{\"for_good\":true,\"message\":\"a\\nb\\u001b[31m\"}", "--wait")
            worker.signal(SIGINT)
            #expect(try await worker.end() == .exited(0))
            let lines = try worker.child.outputText.split(separator: "\n").map {
                try JSONDecoder().decode(Line.self, from: Data($0.utf8))
            }
            let events = Set(lines.map(\.event))
            #expect(
                events.isSuperset(of: [
                    "started", "claimed", "run_started", "run_failed", "draining", "stopped",
                ]))
            #expect(!worker.child.outputText.contains("\u{1b}"))
        }
    }

    @Test("a queue that no kind has is refused before anything starts")
    func queues() async throws {
        try await withProgram { program in
            let answer = try await program("work", "--queues", "nope", "--jobs", Checkout.path + "/jobs")
            #expect(answer.code == 2)
            #expect(answer.text.contains("no kind has the queue “nope”"))
        }
    }

    @Test("who can't fetch mods from here is told so at the start, and what to try")
    func lookout() async throws {
        try await withProgram { program in
            let (descriptor, port) = try Loopback.listen(on: "127.0.0.1")
            close(descriptor)
            var program = program
            program.variables["MOTORPOOL_STEAM_API"] = "http://127.0.0.1:\(port)"
            let worker = try await program.work()
            try await worker.says("no_steamcmd")
            try await worker.says("no_steam")
            #expect(worker.child.outputText.contains("Without internet, try --sandbox"))
            worker.signal(SIGTERM)
            #expect(try await worker.end() == .exited(0))
            // Who works other queues has nothing to do with it.
            let other = try await program.work("--queues", "trial")
            other.signal(SIGTERM)
            #expect(try await other.end() == .exited(0))
            #expect(!other.child.outputText.contains("no_steam"))
        }
    }
}
