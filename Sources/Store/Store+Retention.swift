internal import Postgres

/// What a turn of retention removed.
package struct Retained: Sendable {
    package var partitionsEmptied = 0
    package var keysRemoved = 0
    package var deadRemoved = 0
    package var subjectsRemoved = 0
}

extension Store {
    /// Removes what is older than its time: whole history partitions by TRUNCATE, ledgers in batches of 1,000.
    ///
    /// TRUNCATE waits at most 50 ms for its lock, so that nobody waits longer behind it; a partition that is being read
    /// is left for the next turn.
    /// - Parameters:
    ///   - historyDays: 1…30, today not counted.
    ///   - keyHours: at least 24.
    package func retain(historyDays: Int, keyHours: Int, deadDays: Int) async throws -> Retained {
        precondition((1...30).contains(historyDays) && keyHours >= 24 && deadDays >= 1)
        var retained = Retained()
        for slot in try await slotsToEmpty(historyDays: historyDays) {
            if try await empty(slot: slot) { retained.partitionsEmptied += 1 }
        }
        retained.keysRemoved = try await remove(
            "DELETE FROM motorpool.keys WHERE (scope, key) IN (SELECT scope, key FROM motorpool.keys WHERE created_at < now() - make_interval(hours => \(Int32(keyHours))) AND NOT EXISTS (SELECT 1 FROM motorpool.jobs j WHERE j.id = keys.job) LIMIT 1000)"
        )
        retained.deadRemoved = try await remove(
            "DELETE FROM motorpool.dead WHERE id IN (SELECT id FROM motorpool.dead WHERE died_at < now() - make_interval(days => \(Int32(deadDays))) LIMIT 1000)"
        )
        retained.subjectsRemoved = try await remove(
            "DELETE FROM motorpool.subjects WHERE (kind, subject) IN (SELECT kind, subject FROM motorpool.subjects WHERE NOT live AND settled_at < now() - make_interval(days => \(Int32(deadDays))) LIMIT 1000)"
        )
        try await remove(
            "DELETE FROM motorpool.progress p WHERE at < now() - interval '1 hour' AND NOT EXISTS (SELECT 1 FROM motorpool.jobs j WHERE j.id = p.job AND j.run = p.run)"
        )
        try await remove("DELETE FROM motorpool.rates WHERE arrival < now() - interval '1 day'")
        return retained
    }

    /// The partitions that hold rows of days outside today and the kept ones.
    private func slotsToEmpty(historyDays: Int) async throws -> [Int32] {
        let rows = try await database.run(
            """
            SELECT s FROM generate_series(0, 31) s
            WHERE (motorpool.today() - s + 32) % 32 > \(Int32(historyDays))
              -- The slot of tomorrow could become today's before it is emptied; it was emptied on an earlier day.
              AND ((motorpool.today() - s + 32) % 32 < 31 OR \(Int32(historyDays)) = 30)
              AND pg_relation_size(format('motorpool.history_%s', lpad(s::text, 2, '0'))::regclass) > 0
            """)
        return try rows.map { try $0.get(0) }
    }

    private func empty(slot: Int32) async throws -> Bool {
        let name = slot < 10 ? "0\(slot)" : "\(slot)"
        do {
            try await database.transaction(within: .seconds(5)) { tx in
                try await tx.run("SELECT set_config('lock_timeout', '50ms', true)")
                try await tx.run("TRUNCATE motorpool.history_\(pasting: name)")
            }
            return true
        } catch PostgresError.server(let error) where error.sqlstate == "55P03" {
            return false
        }
    }

    @discardableResult
    private func remove(_ statement: SQL) async throws -> Int {
        var removed = 0
        // Bounded: what is left after a hundred batches waits for the next turn.
        for _ in 0..<100 {
            let batch = try await database.run(statement).affected
            removed += batch
            if batch < 1000 { break }
        }
        return removed
    }
}
