import Glibc
import Jobs
import Platform
import Postgres
import Store

/// Processes that stand still for two leases and then go on as if nothing had happened.
struct StoppedWorker: Scenario {
    static let name = "stopped-worker"
    static let promise = "what a stopped process writes after its lease is refused"

    private static let roundsMax = 12

    func play(_ theatre: Theatre) async throws -> Verdict {
        try await theatre.withStage("stopped_worker") { stage in
            let steady = try stage.start("steady")
            try await stage.waitUntilWorking([steady])
            var stale = 0
            var rounds = 0
            var asked = 0
            // Whether the stopped process sends its write or first hears of its loss is a race; each round is another.
            while stale == 0, rounds < StoppedWorker.roundsMax {
                rounds += 1
                asked += try await round(stage, rounds)
                stale = stage.allWorkers.reduce(0) { $0 + $1.staleLogged }
            }
            try await stage.drain(within: .seconds(20))
            let ledger = try await Ledger.read(stage.store.database)
            let doubled = Dictionary(grouping: ledger.effects, by: \.job).values.count { $0.count > 1 }
            let done = ledger.endings.count { $0.ending == "done" }
            return Verdict(
                "\(rounds) rounds, \(done) done, \(doubled) doubled, \(stale) stale writes refused",
                [
                    ("nothing doubled", doubled == 0), ("a stale write refused", stale > 0),
                    ("all done", done == asked && ledger.left == 0),
                ])
        }
    }

    /// Three processes stand still: before a fence, before a settlement in bulk, and anywhere.
    ///
    /// - Returns: How many jobs it asked for.
    private func round(_ stage: Stage, _ number: Int) async throws -> Int {
        var trial = stage.workerSettings()
        trial.queues = ["trial"]
        let stopped = [
            try stage.start("fence-\(number)", killPoint: "before_fence:3:stop"),
            try stage.start("settle-\(number)", trial, killPoint: "before_settle:2:stop"),
            try stage.start("any-\(number)"),
        ]
        try await stage.waitUntilWorking(stopped)
        var asked = try await ask(stage, noops: 1000, effects: 30)
        stopped[2].signal(SIGSTOP)
        for worker in stopped.dropLast() {
            try await eventually("\(worker.name) stops", within: .seconds(30)) {
                if worker.isStopped || worker.ended != nil { return true }
                // Others may have taken all there was; it stops at work of its own only.
                asked += try await ask(stage, noops: 100, effects: 2)
                return false
            }
        }
        try await Task.sleep(for: stage.workerSettings().lease * 2)
        for worker in stopped { worker.signal(SIGCONT) }
        try await stage.drain(within: .seconds(30))
        for worker in stopped { worker.signal(SIGTERM) }
        for worker in stopped { _ = try await worker.waitForEnd(within: .seconds(15)) }
        return asked
    }

    private func ask(_ stage: Stage, noops: Int, effects: Int) async throws -> Int {
        let jobs =
            (0..<noops).map { _ in NewJob("noop") }
            + (0..<effects).map { _ in NewJob("effect", args: "{\"seconds\":0.1}") }
        return try await stage.store.enqueue(jobs).count
    }
}
