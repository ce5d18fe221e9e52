package import Jobs
package import Postgres

/// What a worker wants of one queue.
package struct Claim: Sendable {
    package let queue: String
    package let kinds: [String]
    package let worker: WorkerID
    /// At most so many jobs; 1…1000.
    package let limit: Int
    package let watermarks: Watermarks

    package init(queue: String, kinds: [String], worker: WorkerID, limit: Int, watermarks: Watermarks) {
        self.queue = queue
        self.kinds = kinds
        self.worker = worker
        self.limit = limit
        self.watermarks = watermarks
    }
}

extension Store {
    /// Settles runs in bulk and claims what is next, in one round trip and one commit.
    ///
    /// - Parameter plain: runs that were done and whose departure touches no ledger.
    /// - Returns: the jobs, in the order in which they should run, and how many of `plain` were stale.
    /// - Throws: `PostgresError`. When `isOutcomeUnknown`, the settlements may or may not have happened and jobs may
    ///   have been claimed: send the settlements again, and reconcile.
    package func settle(plain: [PlainSettlement], andClaim claim: Claim?) async throws -> (
        jobs: [ClaimedJob], stale: Int
    ) {
        var statements: [SQL] = []
        let vanishing = plain.filter { !$0.isKept }
        let kept = plain.filter(\.isKept)
        if !vanishing.isEmpty { statements.append(settleVanishing(vanishing)) }
        if !kept.isEmpty { statements.append(settleKept(kept)) }
        if let claim { statements.append(claimReady(claim)) }
        guard !statements.isEmpty else { return ([], 0) }
        let answers = try await hot.run(all: statements, within: Store.hotTimeout + .seconds(2))
        let settledCount = answers.dropLast(claim == nil ? 0 : 1).reduce(0) { $0 + $1.affected }
        guard let claim, let rows = answers.last else { return ([], plain.count - settledCount) }
        var jobs: [ClaimedJob] = []
        jobs.reserveCapacity(rows.count)
        for row in rows { jobs.append(try ClaimedJob(row, queue: claim.queue)) }
        jobs.sort { ($0.level.rawValue, $0.seq) < ($1.level.rawValue, $1.seq) }
        return (jobs, plain.count - settledCount)
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
    package func claimReady(_ claim: Claim) -> SQL {
        """
        WITH next AS MATERIALIZED (
            SELECT j.id
            FROM unnest(\(claim.watermarks.levels.map(\.rawValue)), \(claim.watermarks.marks)) AS l(level, low)
            CROSS JOIN LATERAL (
                SELECT id FROM motorpool.jobs
                WHERE queue = \(claim.queue) AND state = 0 AND level = l.level AND seq > l.low AND kind = ANY (\(claim.kinds))
                ORDER BY seq LIMIT \(Int64(claim.limit)) FOR UPDATE SKIP LOCKED
            ) j
            WHERE (SELECT lease_until > now() FROM motorpool.workers WHERE id = \(claim.worker.number))
              AND NOT EXISTS (SELECT 1 FROM motorpool.queues WHERE name = \(claim.queue) AND paused_at IS NOT NULL)
            LIMIT \(Int64(claim.limit))
        )
        UPDATE motorpool.jobs j SET state = 1, run = run + 1, worker = \(claim.worker.number), started_at = now()
        WHERE j.id = ANY (ARRAY(SELECT id FROM next))
        RETURNING \(pasting: Store.claimedColumns)
        """
    }

    static let claimedColumns = """
        j.id, j.run, j.kind, j.level, j.seq, j.failures, j.step, j.children_failed, j.subject, j.patient_from, j.run_at, \
        j.started_at, j.attempts_max, j.meta, j.subject IS NULL AND j.parent IS NULL AND j.limit_key IS NULL, j.keep, j.args, \
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

extension ClaimedJob {
    init(_ row: Row, queue: String) throws {
        let patientFrom: PostgresTimestamp = try row.get(9)
        let due = try row.get(10, as: PostgresTimestamp?.self)?.microseconds ?? patientFrom.microseconds
        let claimed = try row.get(11, as: PostgresTimestamp.self).microseconds
        let ready = max(patientFrom.microseconds, due)
        self.init(
            token: RunToken(job: JobID(try row.get(0)), run: try row.get(1)),
            kind: try row.get(2), queue: queue, args: JSON(try row.get(16, as: [UInt8].self)),
            level: Level(rawValue: try row.get(3)), seq: try row.get(4),
            failures: Int(try row.get(5, as: Int16.self)),
            step: try row.get(6), childrenFailed: try row.get(7, as: Int32?.self) ?? 0,
            subject: try row.get(8),
            age: .microseconds(max(0, claimed - patientFrom.microseconds)),
            waited: .microseconds(max(0, claimed - ready)),
            attemptsMax: try row.get(12, as: Int16?.self).map(Int.init),
            meta: try row.get(13, as: [UInt8]?.self).map { JSON($0) }, isPlain: try row.get(14),
            isKept: try row.get(15), isRecovered: try row.get(17))
    }
}
