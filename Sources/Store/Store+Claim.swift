package import Jobs
package import Postgres

extension Store {
    /// Settles runs in bulk and claims what is next, in one round trip and one commit.
    ///
    /// - Parameter plain: runs that were done and whose departure touches no ledger.
    /// - Returns: the jobs, in the order in which they should run, and how many of `plain` were stale.
    /// - Throws: `PostgresError`. When `isOutcomeUnknown`, the settlements may or may not have happened and jobs may
    ///   have been claimed: send the settlements again, and reconcile.
    package func settle(plain: [PlainSettlement], andClaim claim: Claim?) async throws -> Claimed {
        var statements: [SQL] = []
        let vanishing = plain.filter { !$0.isKept }
        let kept = plain.filter(\.isKept)
        if !vanishing.isEmpty { statements.append(settleVanishing(vanishing)) }
        if !kept.isEmpty { statements.append(settleKept(kept)) }
        if let claim { statements.append(claimReady(claim)) }
        guard !statements.isEmpty else { return Claimed() }
        let answers = try await hot.run(all: statements, within: Store.hotTimeout + .seconds(2))
        let settledCount = answers.dropLast(claim == nil ? 0 : 1).reduce(0) { $0 + $1.affected }
        var claimed = Claimed()
        if let claim, let rows = answers.last { claimed = try Claimed(rows, of: claim) }
        claimed.stale = plain.count - settledCount
        return claimed
    }

    /// The job that a claim of one would bring now; it is neither claimed nor locked.
    package func next(_ claim: Claim) async throws -> JobID? {
        try await hot.run(
            "SELECT j.id FROM (\(ready(claim, limit: 1, columns: "id"))) j LIMIT 1",
            within: Store.hotTimeout + .seconds(2)
        ).first.map { JobID(try $0.get(0)) }
    }

    /// Why these jobs can't be read, in a sentence each. A job that can be read, or is nowhere, is not in the answer.
    package func faults(of jobs: [JobID]) async throws -> [JobID: String] {
        let rows = try await database.run(
            """
            SELECT f.id, f.why FROM (SELECT x.id, coalesce('its args: ' || motorpool.unreadable(x.args),
                    'its meta: ' || motorpool.unreadable(x.meta), 'its subject: ' || motorpool.unreadable(x.subject)) AS why
                FROM motorpool.jobs x WHERE x.id = ANY (\(jobs.map(\.number)))) f WHERE f.why IS NOT NULL
            """)
        return try Dictionary(
            rows.map { (JobID(try $0.get(0)), try $0.get(1)) }, uniquingKeysWith: { first, _ in first })
    }

    // Plans of the hot statements are made once a session, perhaps while the table is empty, and must be right for a
    // million rows. So no statement joins the table to what it was handed: a join's order would be chosen by size, and
    // for an empty table the whole index is as good an outer side as any (tried: 11 times slower ever after). Rows are
    // found by `id = ANY (array)`, and the fence is a hashed subplan, which IS TRUE keeps from becoming a join.
    // `worker IS NOT NULL` says running; `state = 1` would admit the partial index of running jobs, dead entries and all.
    private func settleVanishing(_ runs: [PlainSettlement]) -> SQL {
        "DELETE FROM motorpool.jobs j WHERE \(Store.fenced(runs.map(\.token)))"
    }

    /// Results come as one object by id, because a join with an array of them would cost its square.
    private func settleKept(_ runs: [PlainSettlement]) -> SQL {
        """
        WITH results AS MATERIALIZED (\(results(of: runs))), gone AS (
            DELETE FROM motorpool.jobs j WHERE \(Store.fenced(runs.map(\.token))) RETURNING j.*
        )
        INSERT INTO motorpool.history (slot, id, ending, created_at, started_at, worker, run, priority, failures,
            attempts_max, queue, kind, args, meta, result, errors)
        SELECT motorpool.today() % 32, id, 'done', created_at, started_at, worker, run, priority, failures,
            attempts_max, queue, kind, args, meta, (SELECT by_id FROM results) -> id::text, errors
        FROM gone
        """
    }

    /// Each result is parsed alone: pasted together, a broken one could speak for its neighbour.
    private func results(of runs: [PlainSettlement]) -> SQL {
        let told = runs.filter { $0.result != nil }
        return """
            SELECT coalesce(jsonb_object_agg(i, r), '{}') AS by_id
            FROM unnest(\(told.map(\.token.job.description)), \(PostgresValue.jsonArray(told.map { $0.result?.bytes }))) AS t(i, r)
            """
    }

    /// The condition that a row `j` is one of these runs, still running.
    static func fenced(_ tokens: [RunToken]) -> SQL {
        let ids = tokens.map(\.job.number)
        return """
            j.id = ANY (\(ids)) AND j.worker IS NOT NULL
            AND ((j.id, j.run) IN (SELECT s.id, s.run FROM unnest(\(ids), \(tokens.map(\.run))) AS s(id, run))) IS TRUE
            """
    }

    /// The levels are tried in order, each by equality on the whole prefix of the index, so that the watermark is a
    /// bound of the index and not a filter. MATERIALIZED, because a claim planned as a subquery may run twice and lock
    /// more than its limit. A paused queue gives nothing, nor does a worker whose lease has ended.
    ///
    /// A batch of small rows is claimed as it is: the largest of their sizes is all that is asked (0.2 us a row). Once one
    /// is larger than `lightBytesMax`, or compressed, the rows are weighed, and claimed as far as `claim.bytes` goes; and
    /// no value is written out whose numbers would take more room than a job may have. That matters: the server writes all
    /// rows of such a statement to the end, deaf to timeouts and to the client's departure.
    package func claimReady(_ claim: Claim) -> SQL {
        """
        WITH next AS MATERIALIZED (
            SELECT j.id, j.size
            FROM (\(ready(claim, limit: claim.limit, columns: Store.sizeColumns))) j
            WHERE (SELECT lease_until > now() FROM motorpool.workers WHERE id = \(claim.worker.number))
              AND NOT EXISTS (SELECT 1 FROM motorpool.queues WHERE name = \(claim.queue) AND paused_at IS NOT NULL)
            LIMIT \(Int64(claim.limit))
        ), seen AS MATERIALIZED (SELECT max(size) > \(pasting: "\(Store.lightBytesMax)") AS heavy, count(*) AS found FROM next)
        UPDATE motorpool.jobs j SET state = 1, run = run + 1, worker = \(claim.worker.number), started_at = now()
        WHERE j.id = ANY (CASE WHEN (SELECT heavy FROM seen) THEN ARRAY(\(weighed(claim.bytes))) ELSE ARRAY(SELECT id FROM next) END)
        RETURNING \(pasting: Store.claimedColumns), \(pasting: claim.care.columns),
            CASE WHEN (SELECT heavy FROM seen) THEN (SELECT found FROM seen) END
        """
    }

    /// What may be claimed, in order, and locked.
    private func ready(_ claim: Claim, limit: Int, columns: String) -> SQL {
        if let job = claim.care.job {
            return """
                SELECT \(pasting: columns) FROM motorpool.jobs
                WHERE id = \(job.number) AND queue = \(claim.queue) AND state = 0 AND kind = ANY (\(claim.kinds))
                FOR UPDATE SKIP LOCKED
                """
        }
        return """
            SELECT r.* FROM unnest(\(claim.watermarks.levels.map(\.rawValue)), \(claim.watermarks.marks)) AS l(level, low)
            CROSS JOIN LATERAL (
                SELECT \(pasting: columns) FROM motorpool.jobs
                WHERE queue = \(claim.queue) AND state = 0 AND level = l.level AND seq > l.low AND kind = ANY (\(claim.kinds))
                ORDER BY seq LIMIT \(Int64(limit)) FOR UPDATE SKIP LOCKED
            ) r
            """
    }

    /// Rows up to so many bytes together; the first always. What the server keeps compressed counts eight times, at most
    /// as much as args may have.
    private func weighed(_ bytes: Int) -> SQL {
        """
        SELECT w.id FROM (
            SELECT n.id, n.weight, sum(n.weight) OVER (ROWS UNBOUNDED PRECEDING) AS together
            FROM (SELECT m.id, CASE WHEN m.size <= \(Store.lightBytesMax) THEN m.size ELSE (
                SELECT CASE WHEN pg_column_compression(h.args) IS NULL THEN m.size
                       ELSE greatest(m.size, least(m.size * 8, \(Int32(Bounds.argsBytesMax)))) END
                FROM motorpool.jobs h WHERE h.id = m.id) END AS weight FROM next m) n
        ) w WHERE w.together - w.weight < \(Int64(bytes))
        """
    }

    /// What is compressed counts as large here: its size says nothing.
    private static let sizeColumns = """
        id, greatest(pg_column_size(args), pg_column_size(meta),
            CASE WHEN coalesce(pg_column_compression(args), pg_column_compression(meta)) IS NOT NULL
                 THEN \(lightBytesMax + 1) END) AS size
        """

    /// Rows of which none is larger are not weighed.
    static let lightBytesMax: Int32 = 256

    /// What a job is read of besides its payload.
    static let claimedColumns = """
        j.id, j.run, j.kind, j.level, j.seq, j.failures, j.step, j.children_failed, j.patient_from, j.run_at, \
        j.started_at, j.attempts_max, j.subject IS NULL AND j.parent IS NULL AND j.limit_key IS NULL, j.keep, \
        j.deaths IS NOT NULL OR j.level < 0
        """
}

/// A run that is done and leaves no trace but, perhaps, its history.
package struct PlainSettlement: Sendable {
    package let token: RunToken
    package let isKept: Bool
    package let result: JSON?
    /// It was sent before and the answer was lost: finding no row then says nothing.
    package var isUncertain = false

    package init(token: RunToken, isKept: Bool, result: JSON?) {
        self.token = token
        self.isKept = isKept
        self.result = result
    }
}
