import Glibc
import Jobs
import Platform
import Postgres
import Store

/// Workers are asked to end in the middle of their work.
struct Drain: Scenario {
    static let name = "drain"
    static let promise =
        "SIGTERM ends a worker within its grace time and 2 s, at nobody's cost; a second one ends it at once"

    func play(_ theatre: Theatre) async throws -> Verdict {
        try await theatre.withStage("drain") { stage in
            let drained = try await drainUnderLoad(stage)
            let abrupt = try await endAtOnce(stage)
            try await stage.store.database.run("DELETE FROM motorpool.jobs WHERE kind = 'sleep'")
            let last = try stage.start("last")
            try await stage.drain(within: .seconds(60))
            last.signal(SIGTERM)
            let end = try await last.waitForEnd(within: .seconds(10))
            let failures = try await stage.count(
                "SELECT coalesce(sum(failures), 0)::bigint FROM motorpool.history")
            let allowed = stage.workerSettings().grace + theatre.bound(.seconds(2))
            return Verdict(
                "slowest of 3 drains \(drained.slowest.text) of at most \(allowed.text), \(drained.held) jobs left waiting for a lease, \(drained.charged + failures) attempts charged, twice asked it ends in \(abrupt.text)",
                [
                    ("in time", drained.slowest <= allowed), ("nothing left claimed", drained.held == 0),
                    ("nothing charged", drained.charged + failures == 0),
                    ("exit code 0", drained.isOrderly && end == .exited(0)),
                    ("the second at once", abrupt <= theatre.bound(.milliseconds(500))),
                ])
        }
    }

    private struct Drained: Sendable {
        let slowest: Duration
        let held: Int
        let charged: Int
        let isOrderly: Bool
    }

    /// Short jobs, and some that are longer than any grace.
    private func drainUnderLoad(_ stage: Stage) async throws -> Drained {
        _ = try await stage.store.enqueue((0..<600).map { _ in NewJob("effect", args: "{\"seconds\":0.05}") })
        _ = try await stage.store.enqueue((0..<3000).map { _ in NewJob("noop") })
        _ = try await stage.store.enqueue((0..<6).map { _ in NewJob("sleep", args: "{\"seconds\":600}") })
        let workers = try (1...3).map { try stage.start("drain-\($0)") }
        try await stage.waitUntilWorking(workers)
        try await eventually("the long ones run", within: .seconds(10)) {
            try await stage.count("SELECT count(*) FROM motorpool.jobs WHERE kind = 'sleep' AND state = 1")
                == 6
        }
        let asked = ContinuousClock.now
        for worker in workers { worker.signal(SIGTERM) }
        var ends: [ChildProcess.ExitStatus?] = []
        for worker in workers { ends.append(try await worker.waitForEnd(within: .seconds(20))) }
        let slowest = ContinuousClock.now - asked
        return Drained(
            slowest: slowest,
            held: try await stage.count("SELECT count(*) FROM motorpool.jobs WHERE state = 1"),
            charged: try await stage.count(
                "SELECT coalesce(sum(failures + recoveries), 0)::bigint FROM motorpool.jobs"),
            isOrderly: ends.allSatisfy { $0 == .exited(0) })
    }

    /// - Returns: from the second signal to the end.
    private func endAtOnce(_ stage: Stage) async throws -> Duration {
        var settings = stage.workerSettings()
        settings.grace = .seconds(30)
        let worker = try stage.start("twice", settings)
        try await stage.waitUntilWorking([worker])
        try await eventually("it works", within: .seconds(10)) {
            try await stage.count("SELECT count(*) FROM motorpool.jobs WHERE kind = 'sleep' AND state = 1")
                > 0
        }
        worker.signal(SIGTERM)
        try await Task.sleep(for: .milliseconds(500))
        guard worker.ended == nil else { throw TortureError("it did not wait for what runs") }
        let asked = ContinuousClock.now
        worker.signal(SIGTERM)
        _ = try await worker.waitForEnd(within: .seconds(10))
        return .now - asked
    }
}
