import Jobs
import Platform
import Postgres
import Store

/// One job of 500 ends the process of whoever runs it.
struct Poison: Scenario {
    static let name = "poison"
    static let promise = "one aborting job among 500 is set aside, and no other pays for it"

    func play(_ theatre: Theatre) async throws -> Verdict {
        try await theatre.withStage("poison") { stage in
            try await recordCharges(stage)
            let poison = try await enqueue(stage)
            let deaths = try await withSupervisor(of: stage, workers: 3) {
                try await stage.drain(within: .seconds(60))
            }
            let ledger = try await Ledger.read(stage.store.database)
            let done = Set(ledger.endings.filter { $0.ending == "done" }.map(\.job)).count
            let dead = ledger.endings.filter { $0.ending == "dead" }
            let charged = try await stage.count("SELECT count(*) FROM trial.charges WHERE job <> \(poison)")
            let failures = ledger.endings.filter { $0.job != poison }.reduce(0) { $0 + $1.failures }
            let effects = Dictionary(grouping: ledger.effects, by: \.job)
            return Verdict(
                "\(done) done, \(dead.count) dead, \(deaths) processes died, \(charged) others charged, \(failures) failures of others",
                [
                    ("499 done", done == 499), ("only the poison dead", dead.map(\.job) == [poison]),
                    ("as poison", dead.first?.reason == "poison"), ("no other charged", charged == 0),
                    ("no other failed", failures == 0),
                    ("one effect each", effects.values.allSatisfy { $0.count == 1 }),
                ])
        }
    }

    /// The history does not keep recoveries: a trigger notes who is charged with one.
    private func recordCharges(_ stage: Stage) async throws {
        try await stage.store.database.run("CREATE TABLE trial.charges (job bigint NOT NULL)")
        try await stage.store.database.run(
            """
            CREATE FUNCTION trial.charge() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN INSERT INTO trial.charges VALUES (NEW.id); RETURN NEW; END $$
            """)
        try await stage.store.database.run(
            """
            CREATE TRIGGER charged AFTER UPDATE ON motorpool.jobs FOR EACH ROW
            WHEN (NEW.recoveries > OLD.recoveries) EXECUTE FUNCTION trial.charge()
            """)
    }

    /// - Returns: the one that aborts, in the middle of the line.
    private func enqueue(_ stage: Stage) async throws -> Int64 {
        var jobs = (0..<499).map { _ in NewJob("effect", args: "{\"seconds\":0.02}") }
        jobs.insert(NewJob("abort", queue: "effects"), at: 250)
        return try await stage.store.enqueue(jobs)[250].job.number
    }

    /// Keeps workers alive for as long as `body` takes.
    /// - Returns: how many died.
    private func withSupervisor(
        of stage: Stage, workers: Int, _ body: @escaping @Sendable () async throws -> Void
    ) async throws -> Int {
        let deaths = Lock(0)
        try await withThrowingTaskGroup(of: Void.self) { slots in
            for slot in 1...workers {
                slots.addTask {
                    var worker = try stage.start("poison-\(slot)-0")
                    while !Task.isCancelled {
                        if worker.ended != nil {
                            let number = deaths.withLock { count in
                                count += 1
                                return count
                            }
                            worker = try stage.start("poison-\(slot)-\(number)")
                        }
                        try? await Task.sleep(for: .milliseconds(20))
                    }
                }
            }
            try await body()
            slots.cancelAll()
        }
        return deaths.withLock { $0 }
    }
}
