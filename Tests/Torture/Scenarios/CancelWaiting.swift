import Jobs
import Postgres
import Store

/// A cancel of what a worker has claimed and not begun, and of what it runs.
struct CancelWaiting: Scenario {
    static let name = "cancel"
    static let promise =
        "a cancelled job that was claimed and waits never starts, and a running one leaves no effect"

    func play(_ theatre: Theatre) async throws -> Verdict {
        try await theatre.withStage("cancel", policies: ["effect": "queue = effects\nlanes = 1"]) { stage in
            let workers = [try stage.start("cancel-1")]
            try await stage.waitUntilWorking(workers)
            let (tries, buffered) = try await cancelBuffered(stage)
            let running = try await cancelRunning(stage)
            try await stage.drain(within: .seconds(20))
            let begins = Set(OutsideLedger(file: stage.effectsFile).begins.map(\.job))
            let effects = Set(try await Ledger.read(stage.store.database).effects.map(\.job))
            return Verdict(
                "claimed and waiting (try \(tries)): \(begins.contains(buffered) ? "began" : "never began"), running: \(effects.contains(running) ? "left an effect" : "no effect")",
                [
                    (
                        "the waiting one never begins",
                        !begins.contains(buffered) && !effects.contains(buffered)
                    ),
                    ("the running one had begun", begins.contains(running)),
                    ("the running one leaves no effect", !effects.contains(running)),
                ])
        }
    }

    private func effect(_ seconds: Double, _ stage: Stage) -> NewJob {
        NewJob(
            "effect", args: JSON(text: "{\"seconds\":\(seconds),\"outside\":true}"))
    }

    private func hasBegun(_ job: JobID, _ stage: Stage) -> Bool {
        OutsideLedger(file: stage.effectsFile).begins.contains { $0.job == job.number }
    }

    /// Short jobs teach the worker to claim ahead; then one lane is busy with a longer one while the victim waits
    /// behind it, claimed.
    private func cancelBuffered(_ stage: Stage) async throws -> (tries: Int, job: Int64) {
        for attempt in 1...10 {
            _ = try await stage.store.enqueue((0..<60).map { _ in effect(0, stage) })
            try await stage.drain(within: .seconds(20))
            let jobs = try await stage.store.enqueue([effect(0, stage), effect(0.8, stage), effect(0, stage)])
                .map(\.job)
            try await eventually("the longer one begins", within: .seconds(10), every: .milliseconds(5)) {
                hasBegun(jobs[1], stage)
            }
            let isClaimed = try await stage.store.job(jobs[2])?.state == .running
            guard isClaimed, !hasBegun(jobs[2], stage) else {
                try await stage.drain(within: .seconds(20))
                continue
            }
            guard
                case .cancelled(mayHaveStarted: true) = try await stage.store.cancel(
                    jobs[2], reason: "torture")
            else {
                throw TortureError("a claimed job could not be cancelled")
            }
            try await stage.drain(within: .seconds(20))
            return (attempt, jobs[2].number)
        }
        throw TortureError("no job was ever claimed ahead")
    }

    private func cancelRunning(_ stage: Stage) async throws -> Int64 {
        let job = try await stage.store.enqueue(effect(1.5, stage)).job
        try await eventually("it begins", within: .seconds(10)) { hasBegun(job, stage) }
        try await Task.sleep(for: .milliseconds(300))
        guard case .cancelled = try await stage.store.cancel(job, reason: "torture") else {
            throw TortureError("a running job could not be cancelled")
        }
        // Longer than it would have run.
        try await Task.sleep(for: .seconds(2))
        return job.number
    }
}
