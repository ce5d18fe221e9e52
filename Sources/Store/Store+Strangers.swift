package import Jobs
internal import Postgres

extension Store {
    /// Takes bytes out of an account of today, in UTC, if they are there.
    ///
    /// - Parameters:
    ///   - account: whose budget it is; each has `max` bytes a day, over all fronts.
    /// - Returns: whether they were there; and when the next day begins.
    package func takeAnonymousBytes(_ bytes: Int, from account: String, max: Int) async throws -> (
        isTaken: Bool, nextDayIn: Duration
    ) {
        let (bytes, max) = (Int64(bytes), Int64(max))
        let row = try await database.run(
            """
            WITH taken AS (
                INSERT INTO motorpool.anonymous_bytes AS b (day, account, bytes)
                SELECT (now() AT TIME ZONE 'UTC')::date, \(account), \(bytes) WHERE \(bytes) <= \(max)
                ON CONFLICT (day, account) DO UPDATE SET bytes = b.bytes + excluded.bytes
                    WHERE b.bytes + excluded.bytes <= \(max)
                RETURNING 1)
            SELECT EXISTS (SELECT FROM taken),
                extract(epoch FROM date_trunc('day', now(), 'UTC') + interval '1 day' - now())::float8
            """, within: .seconds(5))[0]
        return (try row.get(0), .seconds(try row.get(1, as: Double.self)))
    }

    /// How many live jobs anonymous callers have asked for: exact up to `max`. Those that have left are noted as such.
    package func guestJobs(max: Int) async throws -> Int {
        let rows = try await database.run(
            all: [
                Store.sweptGuests,
                "SELECT count(*) FROM (SELECT 1 FROM motorpool.guests LIMIT \(Int64(max))) g",
            ], within: .seconds(5))
        return Int(try rows[1].first?.get(0, as: Int64.self) ?? 0)
    }

    private static let sweptGuests: SQL = """
        WITH gone AS (
            DELETE FROM motorpool.guests WHERE job IN (
                SELECT g.job FROM motorpool.guests g WHERE NOT EXISTS (SELECT 1 FROM motorpool.jobs j WHERE j.id = g.job)
                LIMIT 20000 FOR UPDATE SKIP LOCKED)
            RETURNING job)
        INSERT INTO motorpool.guests_left (job) SELECT job FROM gone ON CONFLICT DO NOTHING
        """

    /// Removes the history of anonymous callers' jobs that left more than `hours` ago, and budgets of days gone by.
    ///
    /// - Returns: jobs whose history was removed or that had none; at most 100,000 a turn.
    func forgetStrangers(hours: Int) async throws -> Int {
        try await database.run(all: [
            Store.sweptGuests,
            "DELETE FROM motorpool.anonymous_bytes WHERE day < (now() AT TIME ZONE 'UTC')::date - 1",
        ])
        var removed = 0
        for _ in 0..<100 {
            let batch = try await database.run(
                """
                WITH old AS (
                    DELETE FROM motorpool.guests_left WHERE job IN (
                        SELECT job FROM motorpool.guests_left
                        WHERE left_at < now() - make_interval(hours => \(Int32(hours)))
                        ORDER BY left_at LIMIT 1000 FOR UPDATE SKIP LOCKED)
                    RETURNING job
                ), gone AS (DELETE FROM motorpool.history WHERE id IN (SELECT job FROM old))
                SELECT count(*) FROM old
                """)[0].get(0, as: Int64.self)
            removed += Int(batch)
            if batch < 1000 { break }
        }
        return removed
    }
}

extension NewJob {
    /// What the job writes at most, for the budget of anonymous callers: args and meta as the database keeps them, its
    /// names, and a fixed cost for its rows and their indexes.
    package var writtenBytes: Int {
        func kept(_ json: JSON) -> Int { max(json.bytes.count, (try? json.measure())?.bytes ?? 0) }
        let names = [subject, key, limitKey, queue].reduce(0) { $0 + ($1?.utf8.count ?? 0) }
        // What can't be measured is refused right afterwards, so its text is as good a measure as any.
        return kept(args) + (meta.map(kept) ?? 0) + names + NewJob.rowBytes
    }

    /// Rows of a job, its key, its subject and its history, with their indexes.
    package static let rowBytes = 1024
}
