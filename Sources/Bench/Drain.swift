internal import Glibc
internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// A situation in which a backlog is drained.
struct DrainCase: Sendable {
    let name: String
    var payloadBytes = 57
    var queues = 1
    var priorities = 1
    var isKept = false
    var hasWaitingCrowd = false
    var hasFutureCrowd = false
    var holdsTransaction = false

    static let all = [
        DrainCase(name: "drain"),
        DrainCase(name: "history", isKept: true),
        DrainCase(name: "1kB", payloadBytes: 1000),
        DrainCase(name: "5x3", queues: 5, priorities: 3),
        DrainCase(name: "1M-waiting", hasWaitingCrowd: true),
        DrainCase(name: "1M-future", hasFutureCrowd: true),
        DrainCase(name: "held-tx", holdsTransaction: true),
    ]
}

/// Loads a backlog behind paused queues, starts a worker process, opens the queues, and waits until the last job is gone.
struct Drain: Sendable {
    let place: BenchPlace
    let jobs: Int
    let crowd: Int
    let drain: DrainCase

    func measure() async throws -> Sample {
        try await place.reset()
        try writeDefinitions()
        let store = Store(place.settings, connectionsMax: 2)
        let worker = try startWorker()
        let result: Result<Sample, any Error>
        do { result = .success(try await drained(store, worker)) } catch { result = .failure(error) }
        _ = try? await blocking("worker end") { worker.terminate(grace: .seconds(10)) }
        await store.close()
        return try result.get()
    }

    private func drained(_ store: Store, _ worker: ChildProcess) async throws -> Sample {
        for queue in queueNames { try await store.pause(queue: queue, by: Self.clerk) }
        try await waitForWorker(worker)
        try await loadCrowd()
        let loaded = ContinuousClock.now
        try await load(store)
        let loadSeconds = (ContinuousClock.now - loaded).inSecondsExact
        let holder = try await drain.holdsTransaction ? holdTransaction() : nil
        let meter = try await Meter.start(place.database, workers: [worker.pid])
        for queue in queueNames { _ = try await store.resume(queue: queue, by: Self.clerk) }
        let looks = try await waitUntilGone()
        var sample = try await meter.stop(jobs: jobs)
        sample[.enqueueRate] = Double(jobs) / loadSeconds
        await holder?.close()
        _ = try await blocking("worker end") { worker.terminate(grace: .seconds(10)) }
        sample[.transactions] = try await meter.transactions(jobs: jobs, besides: looks)
        return sample
    }

    private var queueNames: [String] { (0..<drain.queues).map { "bench\($0)" } }

    private static let clerk = Operator(name: "bench")

    /// The kinds that the worker knows; the others of the program need no definition then.
    private static let kinds = ["noop", "sleep", "fail", "abort", "effect", "family"]

    private func writeDefinitions() throws {
        for kind in Drain.kinds {
            let history = drain.isKept ? "keep" : "none"
            try place.write("queue = bench0\nlanes = 8\nhistory = \(history)\n", to: "\(kind).conf")
        }
        // The other queues exist by having a kind of their own.
        let others = ["sleep", "fail", "abort", "effect"].prefix(max(0, drain.queues - 1))
        for (index, kind) in others.enumerated() {
            try place.write("queue = bench\(index + 1)\nlanes = 8\nhistory = none\n", to: "\(kind).conf")
        }
    }

    private func startWorker() throws -> ChildProcess {
        try ChildProcess.start(
            [place.binary, "work"],
            environment: [
                "DATABASE_URL": place.settings.url, "MOTORPOOL_JOBS": place.folder, "PATH": "/usr/bin:/bin",
                "MOTORPOOL_TRIAL": "1", "MOTORPOOL_KINDS": Drain.kinds.joined(separator: ","),
                "MOTORPOOL_POOLED": place.settings.pooled ? "1" : "0",
            ], output: .file("\(place.folder)/worker.log"))
    }

    private func waitForWorker(_ worker: ChildProcess) async throws {
        for _ in 0..<1000 {
            let live: Int64 =
                try await place.database.run(
                    "SELECT count(*) FROM motorpool.workers WHERE lease_until > now()"
                ).first?.get(0) ?? 0
            if live == 1 { return }
            if let status = worker.wait(deadline: .zero) {
                throw BenchError("the worker \(status); its log is \(place.folder)/worker.log")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw BenchError("the worker did not register within ten seconds")
    }

    /// Jobs that are not to be drained: behind the others of their queue, or due in a year.
    private func loadCrowd() async throws {
        guard drain.hasFutureCrowd || drain.hasWaitingCrowd else { return }
        let state = drain.hasFutureCrowd ? 2 : 0
        let level = drain.hasWaitingCrowd ? 7 : 5
        let priority = drain.hasWaitingCrowd ? 3 : 2
        try await place.database.run(
            SQL(
                """
                INSERT INTO motorpool.jobs (id, seq, run_at, state, level, priority, keep, queue, kind, args)
                SELECT n, n, now() + make_interval(secs => \(drain.hasFutureCrowd ? 31_536_000.0 : nil)), \(Int16(state)),
                    \(Int16(level)), \(Int16(priority)),
                    false, 'bench0', 'noop', '{"id": 123456, "name": "a payload of 57 bytes, or so"}'
                FROM (SELECT nextval('motorpool.seq') AS n FROM generate_series(1, \(crowd))) s
                """), within: .seconds(120))
        try await place.database.run(SQL("CHECKPOINT"), within: .seconds(120))
    }

    private func load(_ store: Store) async throws {
        let filler = String(repeating: "x", count: max(0, drain.payloadBytes - 28))
        let args = JSON(text: "{\"id\": 123456, \"name\": \"\(filler)\"}")
        for start in stride(from: 0, to: jobs, by: 10_000) {
            let batch = (start..<min(jobs, start + 10_000)).map { index in
                NewJob(
                    "noop", args: args,
                    priority: Priority(rawValue: Int16(index / drain.queues % drain.priorities)),
                    queue: "bench\(index % drain.queues)")
            }
            _ = try await store.enqueue(batch)
        }
    }

    /// - Returns: how often it looked; those transactions are not the farm's.
    private func waitUntilGone() async throws -> Int {
        var looks = 0
        let deadline = ContinuousClock.now + .seconds(300)
        // The crowd of waiting jobs has a lower priority: it is drained afterwards, which ends the measurement.
        let gone: SQL =
            drain.hasWaitingCrowd
            ? "SELECT NOT EXISTS (SELECT 1 FROM motorpool.jobs WHERE queue = 'bench0' AND state = 0 AND level = 1) AND NOT EXISTS (SELECT 1 FROM motorpool.jobs WHERE state = 1 AND level = 1)"
            : "SELECT NOT EXISTS (SELECT 1 FROM motorpool.jobs WHERE state = 0) AND NOT EXISTS (SELECT 1 FROM motorpool.jobs WHERE state = 1)"
        while ContinuousClock.now < deadline {
            looks += 1
            if try await place.database.run(gone).first?.get(0) == true { return looks }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw BenchError("jobs were left after five minutes")
    }

    /// Keeps vacuum from removing anything for as long as it is open.
    private func holdTransaction() async throws -> Connection {
        let connection = try await Connection.open(place.settings)
        try await connection.runScript(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM motorpool.kinds", within: .seconds(5)
        )
        return connection
    }
}
