internal import Postgres

extension Store {
    /// Withdraws kinds that an earlier start published and that nothing uses any more, so that no producer can enqueue them:
    /// those without a live job and without a live worker. Money kinds stay: their policy hides what they left. Twice is once.
    package func withdraw(kinds: [String]) async throws {
        try await database.run(
            """
            DELETE FROM motorpool.kinds k WHERE k.kind = ANY (\(kinds)) AND k.seen_by <> 'money'
                AND NOT EXISTS (SELECT 1 FROM motorpool.jobs j WHERE j.kind = k.kind)
                AND NOT EXISTS (SELECT 1 FROM motorpool.workers w WHERE k.kind = ANY (w.kinds) AND w.lease_until > now())
            """)
    }
}
