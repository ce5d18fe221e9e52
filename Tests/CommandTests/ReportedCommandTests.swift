import FoundationEssentials
import Glibc
import Jobs
import Platform
import TestSupport
import Testing

/// What users of other queues reported, as people meet it at the command line.
@Suite("Reported cases at the command line")
struct ReportedCommandTests {
    private struct Accepted: Decodable { let id: Int }
    private struct Due: Decodable { let due_at: String? }

    private static let bomb = "[" + [String](repeating: "1e131071", count: 8300).joined(separator: ",") + "]"

    @Test("R9: bytes that are no UTF-8 are refused on the command line, and never repaired")
    func bytes() async throws {
        try await withProgram { program in
            for flag in ["--subject", "--key", "--limit-key", "--queue"] {
                let script = #"exec "$0" enqueue noop "$1" "$(printf 'caf\351')""#
                let output = try await ChildProcess.run(
                    ["/bin/sh", "-c", script, TestServer.binary(), flag],
                    environment: ["PATH": "/usr/bin:/bin", "DATABASE_URL": program.database ?? ""],
                    deadline: .seconds(60), outputMax: 1 << 16)
                #expect(output.status == .exited(64), "\(output.text)")
                #expect(output.text.contains("argument 4: expected UTF-8"), "\(output.text)")
            }
            let environment = ["PATH": "/usr/bin:/bin", "DATABASE_URL": program.database ?? ""]
            let script = #"printf '{"kind":"noop","subject":"caf\351"}\n' | "$0" enqueue --many -"#
            let piped = try await ChildProcess.run(
                ["/bin/sh", "-c", script, TestServer.binary()], environment: environment,
                deadline: .seconds(60), outputMax: 1 << 16)
            #expect(piped.status == .exited(64), "\(piped.text)")
            #expect(piped.text.contains("standard input:1:") && piped.text.contains("UTF-8"), "\(piped.text)")
            #expect(try await program("jobs").text.contains("the queues are empty"))
        }
    }

    @Test("R10: --run-at is exactly when the job is due, by the database and over HTTP, alone and in lines")
    func runAt() async throws {
        try await withFarm { farm in
            for program in [farm.database, farm.boss] {
                let word = "2028-02-29t00:00:00.123456789z"
                let answer = try await program("enqueue", "noop", "--run-at", word, "--json")
                let id = try #require(try answer.decoded(Accepted.self).first?.id, "\(answer.text)")
                let told = try await program("job", "\(id)", "--json")
                #expect(try told.decoded(Due.self).first?.due_at == "2028-02-29T00:00:00.123456Z")
                let line = #"{"kind":"noop","run_at":"2028-02-29T00:00:00Z","key":"k"}"#
                try await withFolder(["jobs": "\(line)\n"]) { folder in
                    let many = try await program("enqueue", "--many", folder + "/jobs", "--json")
                    let id = try #require(try many.decoded(Accepted.self).first?.id, "\(many.text)")
                    let told = try await program("job", "\(id)", "--json")
                    #expect(try told.decoded(Due.self).first?.due_at == "2028-02-29T00:00:00.000000Z")
                }
                let far = try await program("enqueue", "noop", "--run-at", "9999-12-31T23:59:59Z")
                #expect(far.code != 0 && far.text.contains("run_at: expected an instant at most ten years"))
            }
            let both = try await farm.database(
                "enqueue", "noop", "--run-at", "2028-01-01T00:00:00Z", "--delay", "1s")
            #expect(both.code == 64)
            let form = try await farm.database("enqueue", "noop", "--run-at", "2028-01-01 00:00:00Z")
            #expect(form.code == 64 && form.text.contains("--run-at: expected an instant"))
        }
    }

    @Test("R1: the bomb is refused in a line of --many, which is named, and in --args of standard input")
    func bomb() async throws {
        try await withProgram { program in
            let lines =
                [String](repeating: #"{"kind":"noop"}"#, count: 999) + [
                    #"{"kind":"noop","args":\#(Self.bomb)}"#
                ]
            try await withFolder(["jobs": lines.joined(separator: "\n"), "args": "1\n\(Self.bomb)\n"]) {
                folder in
                let many = try await program("enqueue", "--many", folder + "/jobs")
                #expect(many.code == 64)
                #expect(
                    many.text.contains("jobs:1000: args: found 1087914200 bytes as jsonb writes them"),
                    "\(many.text)")
                let script = #"exec "$0" enqueue noop --args - <"$1""#
                let output = try await ChildProcess.run(
                    ["/bin/sh", "-c", script, TestServer.binary(), folder + "/args"],
                    environment: ["PATH": "/usr/bin:/bin", "DATABASE_URL": program.database ?? ""],
                    deadline: .seconds(60), outputMax: 1 << 16)
                #expect(
                    output.text.contains("standard input:2: args: found 1087914200 bytes"), "\(output.text)")
            }
            let one = try await program("enqueue", "noop", "--args", "[1e131071,1e131071,1e131071]")
            #expect(one.code == 64 && one.text.contains("args: found 393222 bytes"), "\(one.text)")
            #expect(try await program("jobs").text.contains("the queues are empty"))
        }
    }

    @Test("a body of 1.0 MB nested 120 deep costs its bytes, and not its bytes at every level")
    func nested() async throws {
        try await withWorker { program, _ in
            let worker = try program.start(["serve", "--port", "0"])
            defer { worker.child.kill() }
            try await worker.says("listening")
            let mark = "\"address\":\"http://127.0.0.1:"
            let text = worker.child.outputText
            let place = try #require(text.firstRange(of: mark))
            let port = try #require(UInt16(text[place.upperBound...].prefix { $0.isNumber }))
            let client = RawClient(port: port)
            _ = try await client.ask("POST", "/jobs", #"{"kind":"noop"}"#)
            let before = try memory(worker, "VmHWM")
            let long = String(repeating: "[", count: 119) + "\"" + String(repeating: "x", count: 1_000_000)
            let refused = #"{"kind":"noop","args":"# + long + "\"" + String(repeating: "]", count: 119) + "}"
            let answer = try await client.ask("POST", "/jobs", refused)
            #expect(
                answer.status == 400 && answer.text.contains("args: found 1000240 bytes"), "\(answer.text)")
            // Four that are taken, and together as large.
            let inside = String(repeating: "[", count: 116) + String(repeating: "1,", count: 80_000) + "1"
            let taken = #"{"kind":"noop","args":"# + inside + String(repeating: "]", count: 116) + "}"
            let body = "[" + [String](repeating: taken, count: 6).joined(separator: ",") + "]"
            #expect(body.utf8.count > 950_000)
            #expect(try await client.ask("POST", "/jobs", body).status == 202)
            let one = try memory(worker, "VmHWM")
            #expect(one - before < 13_000, "one: from \(before) to \(one) kB")
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<8 {
                    group.addTask { try await client.ask("POST", "/jobs", index < 4 ? refused : body).status }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.sorted() == [202, 202, 202, 202, 400, 400, 400, 400])
            let eight = try memory(worker, "VmHWM")
            #expect(eight - before < 78_000, "eight: from \(before) to \(eight) kB")
            for _ in 0..<20 { _ = try await client.ask("GET", "/health/ready") }
            let held = try memory(worker, "VmRSS")
            #expect(held - before < 40_000, "held: from \(before) to \(held) kB")
            print("1.0 MB nested 120 deep: before \(before) kB, one \(one), eight \(eight), held \(held)")
        }
    }

    private func memory(_ worker: Worker, _ name: String) throws -> Int {
        let lines = try TextOf.file("/proc/\(worker.child.pid)/status").split(separator: "\n")
        let line = lines.first { $0.hasPrefix(name) }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }
}
