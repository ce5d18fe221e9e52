import Glibc
import Jobs
import Postgres
import Store

/// At most two at once for a key, over three processes.
struct PerKeyLimit: Scenario {
    static let name = "limit"
    static let promise =
        "a key's limit holds in the whole cluster, and a killed holder's place is free within its lease"

    private static let workSeconds = 0.5

    func play(_ theatre: Theatre) async throws -> Verdict {
        let policies = [
            "effect": "queue = effects\nlanes = 8\nlimit_per_key = 2\nattempts = 100\nbackoff = 50ms to 500ms"
        ]
        return try await theatre.withStage("per_key_limit", policies: policies) { stage in
            let workers = try (1...3).map { try stage.start("limit-\($0)") }
            try await stage.waitUntilWorking(workers)
            try await enqueue(10, PerKeyLimit.workSeconds, stage)
            try await stage.drain(within: .seconds(30))
            let most = most(OutsideLedger(file: stage.effectsFile).begins)
            let (freed, bound) = try await killHolder(stage, workers, slack: theatre.bound(.seconds(1)))
            return Verdict(
                "\(most) at once, a killed holder's place was taken after \(freed.text) of at most \(bound.text)",
                [("at most 2 at once", most == 2), ("the place free in time", freed <= bound)])
        }
    }

    private func enqueue(_ count: Int, _ seconds: Double, _ stage: Stage) async throws {
        let args = JSON(text: "{\"seconds\":\(seconds),\"outside\":true}")
        _ = try await stage.store.enqueue(
            (0..<count).map { _ in NewJob("effect", args: args, limitKey: "k") })
    }

    /// How many worked at the same moment. A run works from its begin for as long as it was told to; its line of the end
    /// comes after its commit, when its place may already be another's.
    private func most(_ begins: [OutsideLedger.Line]) -> Int {
        begins.map { here in
            begins.count { $0.at <= here.at && here.at < $0.at + PerKeyLimit.workSeconds - 0.005 }
        }.max() ?? 0
    }

    /// - Returns: from the kill to the next begin, and what is allowed.
    private func killHolder(
        _ stage: Stage, _ workers: [WorkerProcess], slack: Duration
    ) async throws -> (Duration, Duration) {
        let before = OutsideLedger(file: stage.effectsFile).begins.count
        try await enqueue(4, 6, stage)
        try await eventually("two begin", within: .seconds(10)) {
            OutsideLedger(file: stage.effectsFile).begins.count == before + 2
        }
        let holder = OutsideLedger(file: stage.effectsFile).begins.last?.process
        guard let worker = workers.first(where: { $0.pid == holder }) else {
            throw TortureError("no worker holds a place")
        }
        worker.kill()
        let killed = ContinuousClock.now
        try await eventually("a third begins", within: .seconds(20)) {
            OutsideLedger(file: stage.effectsFile).begins.count > before + 2
        }
        // A lease, the rescuer's turn, and a poll.
        let lease = stage.workerSettings().lease
        return (.now - killed, lease + lease / 4 * 1.2 + slack)
    }
}
