import FoundationEssentials
import Glibc
import Jobs
import Platform
import TestSupport
import Testing

@Suite("The front as people start it")
struct ServeTests {
    /// A running `motorpool serve`.
    private struct Server {
        let worker: Worker
        let client: RawClient
    }

    private func serve(_ program: Program, _ words: String..., variables: [String: String] = [:]) async throws
        -> Server
    {
        var program = program
        program.variables.merge(variables) { $1 }
        let worker = try program.start(["serve", "--port", "0"] + words)
        try await worker.says("listening")
        let mark = "\"address\":\"http://127.0.0.1:"
        let text = worker.child.outputText
        guard let place = text.firstRange(of: mark),
            let port = UInt16(text[place.upperBound...].prefix { $0.isNumber })
        else {
            throw Broken(description: text)
        }
        return Server(worker: worker, client: RawClient(port: port))
    }

    /// Lends a front, which is ended.
    private func withServer(
        _ words: String..., variables: [String: String] = [:], _ body: (Program, Server) async throws -> Void
    ) async throws {
        try await withProgram { program in
            let server = try await serve(program, variables: variables)
            let result: Result<Void, any Error>
            do { result = .success(try await body(program, server)) } catch { result = .failure(error) }
            server.worker.child.kill()
            try result.get()
        }
    }

    private func id(_ answer: RawClient.Answer) throws -> String {
        guard let location = answer.header("Location") else { throw Broken(description: answer.text) }
        return String(location.dropFirst("/jobs/".count))
    }

    @Test("front and worker are two processes with one database; what is done stays known after both")
    func apart() async throws {
        try await withServer { program, server in
            let worker = try await program.work("--lease", "1s")
            let body = #"{"kind":"sleep","args":{"seconds":0.2}}"#
            let first = try await server.client.ask("POST", "/jobs", body, headers: ["Idempotency-Key: a"])
            #expect(first.status == 202)
            let job = try id(first)
            #expect(
                try id(try await server.client.ask("POST", "/jobs", body, headers: ["Idempotency-Key: a"]))
                    == job)
            #expect(
                try await server.client.ask(
                    "POST", "/jobs", #"{"kind":"noop"}"#, headers: ["Idempotency-Key: a"]
                ).status == 422)
            let unknown = try await server.client.ask("POST", "/jobs", #"{"kind":"slep"}"#)
            #expect(unknown.status == 400)
            #expect(unknown.body.contains("abort, effect, fail, family, noop, sleep"))
            let done = try await server.client.ask("GET", "/jobs/\(job)?wait=30")
            #expect(done.body.contains(#""state":"done""#))
            #expect(done.body.contains(#""result":{"slept""#))
            let tag = try #require(done.header("ETag"))
            #expect(
                try await server.client.ask("GET", "/jobs/\(job)", headers: ["If-None-Match: \(tag)"]).status
                    == 304)

            let later = #"{"kind":"sleep","subject":"x","delay":"1h"}"#
            #expect(try await server.client.ask("POST", "/jobs", later).status == 202)
            try await eventually("the worker tells its pace", within: .seconds(20)) {
                try await server.client.ask("GET", "/conditions?kind=sleep&subject=x").body
                    .contains("\"estimate_seconds\":3")
            }

            worker.child.kill()
            let stranded = try id(try await server.client.ask("POST", "/jobs", body))
            try await eventually("the worker is missed", within: .seconds(20)) {
                try await server.client.ask("GET", "/jobs/\(stranded)").body.contains(
                    "no live worker knows this kind")
            }
            server.worker.signal(SIGTERM)
            #expect(try await server.worker.end() == .exited(0))
            let again = try await serve(program)
            let kept = try await again.client.ask("GET", "/jobs/\(job)")
            again.worker.child.kill()
            #expect(kept.body.contains(#""state":"done""#))
            #expect(kept.header("ETag") == tag)
        }
    }

    @Test("the first SIGTERM answers who waits, and ends in good order")
    func drain() async throws {
        try await withServer { program, server in
            // A farm that was there has told the kinds; nobody runs the job.
            let worker = try await program.work()
            worker.child.kill()
            let job = try id(try await server.client.ask("POST", "/jobs", #"{"kind":"noop"}"#))
            async let waiting = server.client.ask("GET", "/jobs/\(job)?wait=60")
            try await eventually("somebody waits") {
                try await server.client.ask("GET", "/metrics").body.contains(
                    "motorpool_http_waiting_requests 1\n")
            }
            server.worker.signal(SIGTERM)
            #expect(try await waiting.body.contains(#""state":"waiting""#))
            #expect(try await server.worker.end() == .exited(0))
            await #expect(throws: Broken.self) { try await server.client.ask("GET", "/health") }
        }
    }

    @Test("a port that is taken is told, and nothing else starts")
    func taken() async throws {
        try await withServer { program, server in
            let answer = try await program("serve", "--port", "\(server.client.port)")
            #expect(answer.code == 69)
            #expect(answer.text.contains("\(server.client.port)"))
            #expect(try await server.client.ask("GET", "/health").status == 200)
        }
    }

    @Test("a token that the program made opens the front, and stands in no log")
    func tokens() async throws {
        struct Made: Decodable {
            let token: String
            let line: String
        }
        try await withProgram { program in
            let answer = try await program("token", "new", "--role", "producer", "--name", "bot", "--json")
            let made = try #require(try answer.decoded(Made.self).first)
            let server = try await serve(
                program, variables: ["MOTORPOOL_TOKENS": made.line, "MOTORPOOL_TRUST_LOCAL": "0"])
            let own = ["Authorization: Bearer \(made.token)"]
            #expect(try await server.client.ask("GET", "/jobs").status == 401)
            #expect(try await server.client.ask("GET", "/jobs?subject=s3cret", headers: own).status == 200)
            #expect(try await server.client.ask("GET", "/jobs", headers: [own[0] + "0"]).status == 401)
            server.worker.signal(SIGTERM)
            #expect(try await server.worker.end() == .exited(0))
            let log = server.worker.child.outputText
            #expect(log.contains("\"caller\":\"bot\""))
            #expect(!log.contains(made.token) && !log.contains("s3cret"))
        }
    }

    @Test(
        "faults of the front's settings are listed, secrets unsaid",
        arguments: [
            ("MOTORPOOL_TOKENS", "bot:producer:beef"), ("MOTORPOOL_PORT", "70000"),
            ("MOTORPOOL_HOST", "localhost"),
            ("MOTORPOOL_TRUSTED_PROXIES", "10.0.0.0/40"), ("MOTORPOOL_ANONYMOUS", "operator"),
            ("MOTORPOOL_READ_RATE", "many"),
            ("MOTORPOOL_TOKENS_FILE", "/nonexistent"), ("MOTORPOOL_LOG", "xml"),
        ])
    func faults(_ name: String, _ value: String) async throws {
        let answer = try await Program()("serve", variables: [name: value])
        #expect(answer.code == 2)
        #expect(answer.text.contains("\(name): expected "))
        #expect(!answer.text.contains("beef"))
    }

    @Test("one trace is in the answer, in the request's line and in the run's line; every line is JSON")
    func trace() async throws {
        struct Line: Decodable {
            let event: String
            let trace: String?
            let traceparent: String?
        }
        try await withServer { program, server in
            let worker = try await program.work("--verbose")
            let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
            let answer = try await server.client.ask(
                "POST", "/jobs?wait=30", #"{"kind":"noop","subject":"a\nb\u001b[31m\u2028"}"#,
                headers: ["traceparent: 00-\(trace)-00f067aa0ba902b7-01", "X-Request-Id: {\"a\":1}"])
            #expect(answer.status == 200)
            let carried = try #require(answer.header("traceparent"))
            #expect(carried.contains(trace))
            try await eventually("the run is told") {
                _ = worker.child.wait(deadline: .zero); return worker.child.outputText.contains("run_ended")
            }
            worker.child.kill()
            server.worker.signal(SIGTERM)
            _ = try await server.worker.end()
            func lines(_ text: String) throws -> [Line] {
                try text.split(separator: "\n").map {
                    try JSONDecoder().decode(Line.self, from: Data($0.utf8))
                }
            }
            #expect(
                try lines(server.worker.child.outputText).contains {
                    $0.event == "request" && $0.trace == trace
                })
            #expect(
                try lines(worker.child.outputText).contains {
                    $0.event == "run_ended" && $0.traceparent == carried
                })
        }
    }
}
