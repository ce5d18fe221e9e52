import FoundationEssentials
import Glibc
import Jobs
import Platform
import TestSupport
import Testing

@Suite("Signals")
struct SignalTests {
    private static let jobs = [
        "noop.conf": "queue = trial\nlanes = 2\n",
        "sleep.conf": "queue = sleepers\nlanes = 4\ntime_limit = 1h\n",
    ]

    /// Lends a worker of two kinds, whose policies are files that the test may change.
    private func withWorker(
        _ words: String..., schedule: String = "",
        _ body: (Program, Worker, _ folder: String) async throws -> Void
    ) async throws {
        try await withProgram { program in
            var program = program
            program.variables["MOTORPOOL_KINDS"] = "noop,sleep"
            var files = Self.jobs
            files["schedule.conf"] = nil
            try await withFolder(files) { folder in
                let schedules = "\(folder).schedule"
                try write(schedule, to: schedules)
                defer { unlink(schedules) }
                program.variables["MOTORPOOL_JOBS"] = folder
                program.variables["MOTORPOOL_SCHEDULER"] = schedules
                let worker = try program.start((words.isEmpty ? ["work"] : words) + ["--grace", "300ms"])
                let result: Result<Void, any Error>
                do {
                    try await worker.says(words.isEmpty ? "started" : "scheduling")
                    result = .success(try await body(program, worker, folder))
                } catch {
                    result = .failure(error)
                }
                worker.child.kill()
                try result.get()
            }
        }
    }

    private func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "w") else { throw Broken(description: "can't write \(path)") }
        fputs(text, file)
        fclose(file)
    }

    @Test("SIGHUP takes other policies while jobs run, and says what needs another start")
    func reload() async throws {
        try await withWorker { program, worker, folder in
            try await program("enqueue", "sleep", "--args", "{\"seconds\":600}")
            try write("queue = elsewhere\n", to: "\(folder)/noop.conf")
            try write(
                "queue = sleepers\nlanes = 1\ntime_limit = 200ms\nattempts = 1\n", to: "\(folder)/sleep.conf")
            worker.signal(SIGHUP)
            try await worker.says("reloaded")
            let text = worker.child.outputText
            #expect(text.contains("the queue elsewhere is new, and is not worked here"), "\(text)")
            // The run that goes on keeps its limit and its lane; with one lane less the other waits for it.
            let job = try await program("enqueue", "sleep", "--args", "{\"seconds\":600}").text
            #expect(job.contains("waits"))
            try await program("cancel", "1")
            try await eventually("the new limit ends the other", within: .seconds(20)) {
                try await program("job", "2").text.contains("longer than its time limit of 200ms")
            }
            worker.signal(SIGTERM)
            #expect(try await worker.end() == .exited(0))
        }
    }

    @Test("SIGHUP with a fault in a policy tells it with file and line, and everything goes on as before")
    func refused() async throws {
        try await withWorker { program, worker, folder in
            try write("queue = sleepers\nlanes = many\n", to: "\(folder)/sleep.conf")
            worker.signal(SIGHUP)
            try await worker.says("reload_refused")
            #expect(worker.child.outputText.contains("sleep.conf:2"), "\(worker.child.outputText)")
            #expect(
                try await program(
                    "enqueue", "noop", "--wait", variables: ["MOTORPOOL_JOBS": Checkout.path + "/jobs"]
                )
                .code == 0)
            // Once it is mended, the next signal takes it.
            try write("queue = sleepers\nlanes = 9\ntime_limit = 1h\n", to: "\(folder)/sleep.conf")
            worker.signal(SIGHUP)
            try await worker.says("reloaded")
            worker.signal(SIGTERM)
            #expect(try await worker.end() == .exited(0))
        }
    }

    @Test("SIGHUP takes another schedule, in work and in schedule serve", arguments: [false, true])
    func schedule(alone: Bool) async throws {
        let first = "[first]\nwhen = 0 0 1 1 *\nkind = noop\n"
        try await withProgram { program in
            try await withFolder(Self.jobs.merging(["s.conf": first]) { $1 }.filter { $0.key != "s.conf" }) {
                folder in
                var program = program
                let file = "\(folder).schedule"
                try write(first, to: file)
                defer { unlink(file) }
                program.variables.merge([
                    "MOTORPOOL_KINDS": "noop,sleep", "MOTORPOOL_JOBS": folder, "MOTORPOOL_SCHEDULER": file,
                    "MOTORPOOL_SCHEDULE": "1",
                ]) { $1 }
                let worker = try program.start(alone ? ["schedule", "serve"] : ["work"])
                defer { worker.child.kill() }
                try await worker.says(alone ? "scheduling" : "started")
                try await eventually("the first line is known", within: .seconds(20)) {
                    try await program("schedule", "list").text.contains("first")
                }
                try write("[second]\nwhen = * * * * * *\nkind = noop\n", to: file)
                worker.signal(SIGHUP)
                try await worker.says("reloaded")
                try await eventually("the second line fires", within: .seconds(20)) {
                    // Where nobody works, its later slots are skipped: the first one's job still waits.
                    let list = try await program("schedule", "list").text
                    return list.contains("second") && (list.contains("fired") || list.contains("skipp"))
                }
                try write("[second]\nwhen = nonsense\nkind = noop\n", to: file)
                worker.signal(SIGHUP)
                try await worker.says("reload_refused")
                worker.signal(SIGTERM)
                #expect(try await worker.end() == .exited(0))
            }
        }
    }

    @Test("SIGHUP takes other tokens at once; a broken file, or none, is refused and the old ones stay")
    func tokens() async throws {
        try await withProgram { program in
            func token(_ name: String) async throws -> (secret: String, line: String) {
                let words = try await program("token", "new", "--role", "producer", "--name", name).text
                    .split(whereSeparator: \.isWhitespace).map(String.init)
                guard let secret = words.first(where: { $0.hasPrefix("mp_") }),
                    let line = words.first(where: { $0.hasPrefix("\(name):") })
                else { throw Broken(description: "\(words)") }
                return (secret, line)
            }
            let (old, new) = (try await token("old"), try await token("new"))
            try await withFolder(["tokens": old.line + "\n"]) { folder in
                var program = program
                program.variables["MOTORPOOL_TRUST_LOCAL"] = "0"
                let front = try program.start(["serve", "--port", "0", "--tokens-file", "\(folder)/tokens"])
                defer { front.child.kill() }
                try await front.says("listening")
                let text = front.child.outputText
                let mark = "\"address\":\"http://127.0.0.1:"
                let port = text.firstRange(of: mark).flatMap {
                    UInt16(text[$0.upperBound...].prefix { $0.isNumber })
                }
                let client = RawClient(port: try #require(port))
                func status(_ secret: String?) async throws -> Int {
                    let headers = secret.map { ["Authorization: Bearer \($0)"] } ?? []
                    return try await client.ask("GET", "/jobs/1", headers: headers).status
                }
                #expect(try await status(old.secret) == 404)
                #expect(try await status(new.secret) == 401)
                try write(new.line + "\n", to: "\(folder)/tokens")
                front.signal(SIGHUP)
                try await front.says("reloaded")
                #expect(try await status(old.secret) == 401)
                #expect(try await status(new.secret) == 404)
                for broken in ["", "nonsense\n"] {
                    try write(broken, to: "\(folder)/tokens")
                    let before = refusals(front)
                    front.signal(SIGHUP)
                    try await eventually("it is refused", within: .seconds(20)) { refusals(front) > before }
                    #expect(try await status(new.secret) == 404)
                    #expect(try await status(nil) == 401)
                }
                front.signal(SIGTERM)
                #expect(try await front.end() == .exited(0))
            }
        }
    }

    private func refusals(_ worker: Worker) -> Int {
        _ = worker.child.wait(deadline: .zero)
        return worker.child.outputText.split(separator: "\n").count { $0.contains("\"reload_refused\"") }
    }

    @Test("SIGHUP ends in good order what has nothing to reload")
    func sandbox() async throws {
        try await withFolder([:]) { folder in
            let sandbox = try Program().start(["sandbox", "--port", "0", "--folder", "\(folder)/sandbox"])
            try await eventually("the sandbox stands", within: .seconds(20)) {
                _ = sandbox.child.wait(deadline: .zero)
                return sandbox.child.outputText.contains("MOTORPOOL_STEAMCMD")
            }
            sandbox.signal(SIGHUP)
            #expect(try await sandbox.end() == .exited(0))
        }
    }

    @Test(
        "SIGTERM ends a worker within its grace while runs block; their jobs are for a rescue",
        arguments: [2, 4])
    func termination(count: Int) async throws {
        try await withWorker { program, worker, _ in
            for _ in 0..<count {
                try await program("enqueue", "sleep", "--args", "{\"seconds\":3000,\"block\":true}")
            }
            #expect(try await program("enqueue", "noop", "--wait", "--timeout", "20s").code == 0)
            let began = ContinuousClock.now
            worker.signal(SIGTERM)
            #expect(try await worker.end() == .exited(0))
            #expect(ContinuousClock.now - began < .seconds(8))
            try await worker.says("left_running")
            #expect(try await program("job", "1").text.contains("running"))
        }
    }

    @Test("SIGTERM ends a worker whose every thread is blocked, after its grace, with 70")
    func everywhere() async throws {
        try await withWorker { program, worker, _ in
            try await program(
                "enqueue", "sleep", "--args", "{\"seconds\":3000,\"block\":true,\"everywhere\":true}")
            try await eventually("it runs", within: .seconds(20)) {
                try await program("job", "1").text.contains("running")
            }
            usleep(300_000)
            worker.signal(SIGTERM)
            #expect(try await worker.end(within: .seconds(25)) == .exited(70))
            try await worker.says("ended")
        }
    }
}
