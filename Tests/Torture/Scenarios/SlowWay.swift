import Glibc
import Jobs
import Platform
import Postgres
import Store

/// Large jobs over a way to the database of 100 Mbit a second, both ways.
struct SlowWay: Scenario {
    static let name = "slow-way"
    static let promise =
        "800 jobs of 218 kB and an enqueue --many of 1,000 x 248 kB over 12.5 MB/s: all done, in 1.5 times what the way needs, with little memory"

    private static let bytesPerSecond = 12_500_000
    private static let jobs = 800
    private static let lines = 1000
    /// What a worker may have in the end.
    private static let residentMax = 120 << 20

    func play(_ theatre: Theatre) async throws -> Verdict {
        try await theatre.withStage("slow_way") { stage in
            let proxy = try FaultProxy.start(
                to: theatre.server.port, seed: theatre.seed, bytesPerSecond: SlowWay.bytesPerSecond)
            let bytes = try await enqueueInSQL(stage)
            var settings = stage.workerSettings(by: proxy.port)
            settings.queues = ["trial"]
            settings.lease = .seconds(15)
            let worker = try stage.start("far", settings)
            try await stage.waitUntilWorking([worker])
            let began = ContinuousClock.now
            try await stage.drain(within: .seconds(180))
            let took = ContinuousClock.now - began
            // Idle memory is given back with the next look at the queue.
            try await Task.sleep(for: .seconds(3))
            let resident = SlowWay.resident(of: worker)
            let needed = Double(bytes) / Double(SlowWay.bytesPerSecond)
            let done = try await stage.count(
                "SELECT count(*) FROM motorpool.history WHERE ending = 'done' AND run = 1")
            let failures = worker.lines.count { $0.contains("claiming from") }
            _ = stage.allWorkers.map { $0.kill() }

            let (code, text, many) = try await enqueueMany(stage, by: proxy.port)
            let waiting = try await stage.count("SELECT count(*) FROM motorpool.jobs")
            await proxy.stop()
            let inMB = Double(resident) / 1_048_576
            return Verdict(
                "\(done) done in \(took.text), the way needs \(Duration.seconds(needed).text), \(failures) claims failed, the worker has \(Int(inMB)) MB; --many ended with \(code) after \(many.text), \(waiting) wait\(code == 0 ? "" : ": " + text)",
                [
                    ("each done in its first run", done == SlowWay.jobs),
                    ("no failed claim", failures == 0),
                    ("1.5 times what the way needs", took < theatre.bound(.seconds(needed * 1.5))),
                    ("a worker under 120 MB", resident < SlowWay.residentMax),
                    ("--many done", code == 0 && waiting == SlowWay.lines),
                ])
        }
    }

    /// As the report has it: 20,000 numbers of nine digits each.
    /// - Returns: what their args are as text, all together.
    private func enqueueInSQL(_ stage: Stage) async throws -> Int {
        try await stage.store.pause(queue: "trial", by: Operator(name: "torture"))
        try await stage.store.database.run(
            """
            WITH a AS (SELECT jsonb_build_object('ids', jsonb_agg((random() * 1e9)::bigint)) AS j FROM generate_series(1, 20000))
            SELECT count(motorpool.enqueue('noop', j, ring => false)) FROM a, generate_series(1, \(SlowWay.jobs))
            """, within: .seconds(60))
        let bytes = try await stage.count(
            "SELECT \(SlowWay.jobs)::bigint * octet_length(args::text) FROM motorpool.jobs LIMIT 1")
        try await stage.store.resume(queue: "trial", by: Operator(name: "torture"))
        return bytes
    }

    private func enqueueMany(_ stage: Stage, by port: UInt16) async throws -> (Int32, String, Duration) {
        let line =
            "{\"kind\":\"noop\",\"args\":\"" + String(repeating: "0123456789abcdef", count: 15_500) + "\"}"
        let path = "\(stage.folder)/many.ndjson"
        try TextFile.write(String(repeating: line + "\n", count: SlowWay.lines), to: path)
        let began = ContinuousClock.now
        let output = try await ChildProcess.run(
            [stage.binary, "enqueue", "--many", path],
            environment: [
                "DATABASE_URL": stage.server.url(stage.name, port: port), "PATH": "/usr/bin:/bin",
                "HOME": stage.folder, "TMPDIR": stage.folder,
            ], deadline: .seconds(180), outputMax: 1 << 16)
        guard case .exited(let code) = output.status else {
            return (-1, output.text, ContinuousClock.now - began)
        }
        return (code, output.text, ContinuousClock.now - began)
    }

    /// Resident bytes of the process.
    private static func resident(of worker: WorkerProcess) -> Int {
        let pages = TextFile.read("/proc/\(worker.pid)/statm").split(separator: " ").dropFirst().first
        return (pages.flatMap { Int($0) } ?? 0) * sysconf(Int32(_SC_PAGESIZE))
    }
}
