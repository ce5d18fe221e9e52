import Glibc
import Jobs
import Platform
import Postgres
import Store

/// A process is killed once under load and under long jobs, and once more.
struct Recovery: Scenario {
    static let name = "recovery"
    static let promise =
        "after one crash everything runs side by side at once, after two alone in a lane of each queue"

    private static let lanes = 16
    private static let seconds = 4
    /// From the end of the lease until the jobs of a dead worker run again.
    private static let rescueMax = Duration.seconds(2)

    func play(_ theatre: Theatre) async throws -> Verdict {
        let policies = [
            "sleep": "queue = sleepers\nlanes = \(Recovery.lanes)\ntime_limit = 1h",
            "noop": "queue = trial\nlanes = 8\nhistory = none",
        ]
        return try await theatre.withStage("recovery", policies: policies) { stage in
            let lease = stage.workerSettings().lease
            let load = try await underLoad(stage)
            let once = try await longJobs(stage)
            let twice = try await struckTwice(stage)
            let charges = try await stage.count(
                "SELECT coalesce(sum(recoveries), 0)::bigint FROM motorpool.jobs")
            let dead = try await stage.count("SELECT count(*) FROM motorpool.dead")
            let sleep = Duration.seconds(Recovery.seconds)
            return Verdict(
                """
                under load \(load.held) held, back after \(load.took.text); \(Recovery.lanes) jobs of \(sleep.text) done \
                after \(once.text); two suspects in each of two queues done after \(twice.text); lease \(lease.text)
                """,
                [
                    ("the load held something", load.held > 0),
                    ("the load back", load.took <= theatre.bound(lease + Recovery.rescueMax)),
                    ("all side by side", once <= theatre.bound(sleep + lease + .seconds(3))),
                    ("a lane a queue", twice <= theatre.bound(sleep * 2 + lease + .seconds(3))),
                    ("alone in it", twice >= sleep * 2), ("none set aside", dead == 0),
                    ("none charged", charges == 0),
                ])
        }
    }

    /// - Returns: how many jobs the killed process held, and how long after its death the last of them had ended.
    private func underLoad(_ stage: Stage) async throws -> (held: Int, took: Duration) {
        let worker = try stage.start("load-1")
        try await stage.waitUntilWorking([worker])
        for _ in 0..<30 {
            _ = try await stage.store.enqueue([NewJob](repeating: NewJob("noop"), count: 1000))
        }
        try await eventually("jobs are held", within: .seconds(20), every: .milliseconds(2)) {
            try await stage.count("SELECT count(*) FROM motorpool.jobs WHERE state = 1") > 0
        }
        worker.kill()
        let killed = ContinuousClock.now
        let held: [Int64] = try await stage.store.database.run(
            "SELECT id FROM motorpool.jobs WHERE state = 1"
        ).map { try $0.get(0) }
        let heir = try stage.start("load-2")
        try await eventually("what was held ends", within: .seconds(60)) {
            try await stage.count("SELECT count(*) FROM motorpool.jobs WHERE id = ANY (\(held))") == 0
        }
        let took = ContinuousClock.now - killed
        try await stage.drain(within: .seconds(60))
        heir.signal(SIGTERM)
        _ = try await heir.waitForEnd(within: .seconds(10))
        return (held.count, took)
    }

    /// - Returns: how long after the death of their worker the last of the long jobs had ended.
    private func longJobs(_ stage: Stage) async throws -> Duration {
        let jobs = [NewJob](repeating: sleep(), count: Recovery.lanes)
        let killed = try await killed(stage, holding: jobs, "long")
        let heir = try stage.start("long-heir")
        try await stage.drain(within: .seconds(120))
        let took = ContinuousClock.now - killed
        heir.signal(SIGTERM)
        _ = try await heir.waitForEnd(within: .seconds(10))
        return took
    }

    /// - Returns: how long after the second death the last of two jobs in each of two queues had ended.
    private func struckTwice(_ stage: Stage) async throws -> Duration {
        let jobs = (0..<4).map { sleep(in: $0 % 2 == 0 ? "sleepers" : "trial") }
        _ = try await killed(stage, holding: jobs, "twice-1")
        let again = try stage.start("twice-2")
        try await runs(jobs.count, run: 2, stage)
        again.kill()
        let killed = ContinuousClock.now
        _ = try stage.start("twice-3")
        try await stage.drain(within: .seconds(120))
        return ContinuousClock.now - killed
    }

    private func sleep(in queue: String? = nil) -> NewJob {
        NewJob("sleep", args: JSON(text: "{\"seconds\":\(Recovery.seconds)}"), queue: queue)
    }

    /// Kills a worker that runs all of these.
    /// - Returns: when.
    private func killed(_ stage: Stage, holding jobs: [NewJob], _ name: String) async throws
        -> ContinuousClock.Instant
    {
        let worker = try stage.start(name)
        try await stage.waitUntilWorking([worker])
        _ = try await stage.store.enqueue(jobs)
        try await runs(jobs.count, run: 1, stage)
        worker.kill()
        return .now
    }

    /// Waits until so many report progress in this run.
    private func runs(_ count: Int, run: Int32, _ stage: Stage) async throws {
        try await eventually("\(count) run", within: .seconds(30)) {
            try await stage.count(
                """
                SELECT count(*) FROM motorpool.jobs j JOIN motorpool.progress p ON p.job = j.id AND p.run = j.run
                WHERE j.state = 1 AND j.run = \(run)
                """) == count
        }
    }
}
