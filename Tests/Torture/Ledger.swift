import Postgres
import Store

/// What the database says in the end: every effect, and how every job left.
struct Ledger: Sendable {
    struct Effect: Sendable {
        let job: Int64
        let run: Int32
        let tag: String?
    }

    struct Ending: Sendable {
        let job: Int64
        let kind: String
        /// done, cancelled, or dead.
        let ending: String
        let run: Int32
        let failures: Int
        let reason: String?
        let tag: String?
    }

    let effects: [Effect]
    let endings: [Ending]
    /// Jobs that have not left.
    let left: Int

    static func read(_ database: Database) async throws -> Ledger {
        let effects = try await database.run("SELECT job, run, tag FROM trial.effects", within: .seconds(60))
        let endings = try await database.run(
            """
            SELECT id, kind, ending, run, failures::bigint, reason, args->>'tag' FROM motorpool.history
            UNION ALL
            SELECT id, kind, 'dead', run, failures, reason, args->>'tag' FROM motorpool.dead
            """, within: .seconds(60))
        let left =
            try await database.run("SELECT count(*) FROM motorpool.jobs").first?.get(0, as: Int64.self) ?? 0
        return Ledger(
            effects: try effects.map { Effect(job: try $0.get(0), run: try $0.get(1), tag: try $0.get(2)) },
            endings: try endings.map { row in
                Ending(
                    job: try row.get(0), kind: try row.get(1), ending: try row.get(2), run: try row.get(3),
                    failures: Int(try row.get(4, as: Int64.self)), reason: try row.get(5), tag: try row.get(6)
                )
            },
            left: Int(left))
    }
}
