import Jobs
import Platform
import Postgres
import Store
import TestSupport

/// The server crashes while transactions are being committed.
struct CommitTruth: Scenario {
    static let name = "commit-truth"
    static let promise = "what a crash of the server leaves of a commit is what its client was told"

    private static let crashes = 8
    private static let clients = 24

    /// What the clients were told, by the tag of the row they wrote.
    private struct Told: Sendable {
        var committed: [String] = []
        var undone: [String] = []
        var unknown = 0
    }

    func play(_ theatre: Theatre) async throws -> Verdict {
        try await theatre.withStage("commit_truth") { stage in
            let told = Lock(Told())
            let isOver = Lock(false)
            var dice = Dice(seed: theatre.seed, "crashes")
            try await withThrowingTaskGroup(of: Void.self) { clients in
                for client in 0..<CommitTruth.clients {
                    clients.addTask { await commit(stage, client, told) { isOver.withLock { $0 } } }
                }
                for _ in 0..<CommitTruth.crashes {
                    try await Task.sleep(for: dice.milliseconds(500...1500))
                    try await stage.server.crashAndRestart()
                }
                isOver.withLock { $0 = true }
                try await clients.waitForAll()
            }
            return try await judge(told.withLock { $0 }, stage)
        }
    }

    /// Commits one row after the other, on a pool of its own, so that nobody waits for another's connection.
    private func commit(
        _ stage: Stage, _ client: Int, _ told: Lock<Told>, until isOver: @Sendable () -> Bool
    ) async {
        let database = Database(stage.server.settings(stage.name), connectionsMax: 1)
        var number = 0
        while !isOver() {
            number += 1
            let tag = "\(client)-\(number)"
            do {
                try await database.transaction { tx in
                    _ = try await tx.run(
                        "INSERT INTO trial.effects (job, run, tag, process) VALUES (0, 0, \(tag), 0)")
                }
                told.withLock { $0.committed.append(tag) }
            } catch let error as PostgresError where error.isOutcomeUnknown {
                told.withLock { $0.unknown += 1 }
            } catch {
                told.withLock { $0.undone.append(tag) }
                try? await Task.sleep(for: .milliseconds(10))
            }
        }
        await database.close()
    }

    private func judge(_ told: Told, _ stage: Stage) async throws -> Verdict {
        let there = Set(
            try await insisting {
                try await stage.store.database.run("SELECT tag FROM trial.effects").map {
                    try $0.get(0, as: String.self)
                }
            })
        let lost = told.committed.count { !there.contains($0) }
        let unexpected = told.undone.count { there.contains($0) }
        return Verdict(
            "\(CommitTruth.crashes) crashes, \(told.committed.count) told committed, \(told.undone.count) told undone, \(told.unknown) unknown; \(lost) of the committed are gone, \(unexpected) of the undone are there",
            [("none gone", lost == 0), ("none there", unexpected == 0)])
    }
}
