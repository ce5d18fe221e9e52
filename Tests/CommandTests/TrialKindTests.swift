import Glibc
import Platform
import TestSupport
import Testing

@Suite("The trial kinds in production (C1)")
struct TrialKindTests {
    private static let names = ["noop", "sleep", "fail", "abort", "effect", "family"]
    private static let production = ["MOTORPOOL_TRIAL": "0"]

    @Test("a farm without --trial knows none of them: check, the front's document and its refusals name none")
    func unknown() async throws {
        try await withProgram { program in
            var program = program
            program.variables.merge(TrialKindTests.production) { $1 }
            let check = try await program("check", "--jobs", Checkout.path + "/jobs", "--json")
            #expect(check.code == 0, "\(check.text)")
            for name in TrialKindTests.names { #expect(!check.text.contains("\"\(name)\""), "\(check.text)") }

            let worker = try await program.work()
            let (descriptor, port) = try Loopback.listen(on: "127.0.0.1")
            close(descriptor)
            let front = try program.start(["serve", "--port", "\(port)", "--trust-local"])
            try await front.says("listening")
            let client = RawClient(port: UInt16(port))
            let document = try await client.ask("GET", "/openapi.json").body
            #expect(document.contains("\"openapi\""))
            for name in TrialKindTests.names { #expect(!document.contains("\"\(name)\""), "\(name)") }
            for name in TrialKindTests.names {
                let refused = try await client.ask("POST", "/jobs", "{\"kind\":\"\(name)\"}")
                #expect(refused.status == 400, "\(refused.body)")
                let others = TrialKindTests.names.filter { $0 != name }
                #expect(!others.contains { refused.body.contains($0) }, "\(refused.body)")
            }
            front.signal(SIGTERM)
            worker.signal(SIGTERM)
            _ = try await front.end()
            _ = try await worker.end()
        }
    }

    @Test("a start without --trial withdraws what an earlier start with it had published")
    func withdrawn() async throws {
        try await withProgram { program in
            let trial = try await program.work()
            trial.signal(SIGTERM)
            _ = try await trial.end()
            #expect(try await program("enqueue", "noop").code == 0)
            #expect(try await program("cancel", "1").code == 0)
            var production = program
            production.variables.merge(TrialKindTests.production) { $1 }
            let worker = try await production.work()
            let refused = try await production("enqueue", "noop")
            #expect(refused.code == 1, "\(refused.text)")
            worker.signal(SIGTERM)
            _ = try await worker.end()
        }
    }

    @Test("--kinds with a trial kind says that --trial is missing")
    func named() async throws {
        let answer = try await Program(variables: TrialKindTests.production)("check", "--kinds", "noop")
        #expect(answer.code == 1)
        #expect(answer.text.contains("start with --trial"), "\(answer.text)")
    }

    @Test("a job can't name a file for effect: nothing is written where its args point")
    func file() async throws {
        try await withProgram { program in
            let file = "/tmp/motorpool-attack-\(getpid())"
            let worker = try await program.work()
            let args = "{\"file\":\"\(file)\",\"outside\":true}"
            _ = try await program("enqueue", "effect", "--args", args, "--wait", "--timeout", "20s")
            #expect(access(file, F_OK) != 0)
            worker.signal(SIGTERM)
            _ = try await worker.end()
        }
    }

    @Test("a crash leaves one line of the log that names the signal, and no backtrace")
    func crash() async throws {
        try await withProgram { program in
            let worker = try await program.work("--lease", "2s")
            _ = try await program("enqueue", "abort")
            #expect(try await worker.end() == .signalled(SIGABRT))
            let lines = worker.child.outputText.split(separator: "\n")
            let crash = try #require(lines.last)
            #expect(crash.hasPrefix("{\"time\":\"20"), "\(crash)")
            #expect(crash.contains("\"event\":\"crashed\"") && crash.contains("SIGABRT"), "\(crash)")
            #expect(lines.allSatisfy { $0.hasPrefix("{") }, "\(lines)")
        }
    }
}
