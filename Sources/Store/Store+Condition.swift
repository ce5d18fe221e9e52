package import Jobs
package import Postgres

/// What a client polls: how it stands with a kind and a subject.
package struct Condition: Sendable {
    package let subject: String
    /// queued, working, ready, failed or cancelled.
    package let word: String
    /// 3 queued, 2 working, 1 usable, 0 ready; `nil` for what failed or was cancelled.
    package let number: Int?
    package let job: JobID
    /// Why it does not run, or why it failed.
    package let reason: String?
    package let phase: String?
    package let done: Int64?
    package let total: Int64?
    package let askedAt: PostgresTimestamp
    package let settledAt: PostgresTimestamp?
    package let failuresInARow: Int
    /// Asked for again while it ran: it runs once more.
    package let isAgain: Bool
    /// How many stand before it in its line, up to 10,000; `nil` when it stands in none.
    package let ahead: Int?
    /// From now until it is done, as the workers' pace has it lately; `nil`: nobody knows.
    package let estimate: Duration?
}

/// How fast the live workers work, as they publish it.
package struct Pace: Sendable {
    /// Lanes of all workers together, by queue.
    fileprivate(set) var lanes: [String: Int] = [:]
    /// A run's mean, in seconds.
    fileprivate(set) var queueSeconds: [String: Double] = [:]
    fileprivate(set) var kindSeconds: [String: Double] = [:]

    /// From now until a job is done that has `ahead` others before it.
    package func estimate(kind: String, queue: String, ahead: Int) -> Duration? {
        guard let own = kindSeconds[kind], let each = queueSeconds[queue], let lanes = lanes[queue],
            lanes > 0,
            ahead < Store.aheadMax
        else { return nil }
        return .seconds(Double(ahead) * each / Double(lanes) + own)
    }
}

extension Store {
    /// Positions beyond this are not counted.
    package static let aheadMax = 10_000

    /// How these subjects of a kind stand. Whoever was never asked for is not in the answer.
    /// - Parameter subjects: at most 1,000.
    package func conditions(kind: String, subjects: [String]) async throws -> [Condition] {
        let answers = try await database.run(
            all: [
                """
                SELECT c.subject, c.condition, c.number::bigint, c.job,
                    CASE WHEN j.id IS NOT NULL THEN motorpool.reason(j) ELSE c.last_error END,
                    c.phase, c.done, c.total, c.asked_at, c.settled_at, c.failures_in_a_row, c.again, j.queue,
                    CASE WHEN j.state = 0 AND j.level >= 0 THEN (
                        SELECT count(*) FROM (SELECT 1 FROM motorpool.jobs b WHERE b.queue = j.queue AND b.state = 0
                            AND (b.level, b.seq) < (j.level, j.seq) AND b.level >= 0 LIMIT \(Int64(Store.aheadMax))) a) END,
                    extract(epoch FROM CASE j.state WHEN 1 THEN now() - j.started_at WHEN 2 THEN j.run_at - now() END)::double precision,
                    j.state,
                    NOT EXISTS (SELECT 1 FROM motorpool.queues q WHERE q.name = j.queue AND q.paused_at IS NOT NULL)
                FROM motorpool.conditions c LEFT JOIN motorpool.jobs j ON j.id = c.job
                WHERE c.kind = \(kind) AND c.subject = ANY (\(subjects))
                """, Store.pace,
            ], within: .seconds(10))
        let pace = try Pace(answers[1])
        return try answers[0].map { try Condition($0, kind: kind, pace) }
    }

    /// What live workers that take new jobs publish of themselves.
    package func pace() async throws -> Pace { try Pace(try await database.run(Store.pace)) }

    private static let pace: SQL = """
        SELECT 'lanes', key, sum(value::double precision) FROM motorpool.workers w, jsonb_each_text(w.stats->'lanes')
        WHERE w.lease_until > now() AND NOT w.draining AND key = ANY (w.queues) GROUP BY key
        UNION ALL
        SELECT 'queue', key, avg(value::double precision) FROM motorpool.workers w, jsonb_each_text(w.stats->'queue_seconds')
        WHERE w.lease_until > now() AND NOT w.draining GROUP BY key
        UNION ALL
        SELECT 'kind', key, avg(value::double precision) FROM motorpool.workers w, jsonb_each_text(w.stats->'kind_seconds')
        WHERE w.lease_until > now() AND NOT w.draining GROUP BY key
        """
}

extension Pace {
    fileprivate init(_ rows: Rows) throws {
        for row in rows {
            let name: String = try row.get(1)
            let number: Double = try row.get(2)
            switch try row.get(0, as: String.self) {
            case "lanes": lanes[name] = Int(number)
            case "queue": queueSeconds[name] = number
            default: kindSeconds[name] = number
            }
        }
    }
}

extension Condition {
    fileprivate init(_ row: Row, kind: String, _ pace: Pace) throws {
        subject = try row.get(0)
        word = try row.get(1)
        number = try row.get(2, as: Int64?.self).map(Int.init)
        job = JobID(try row.get(3))
        reason = try row.get(4)
        phase = try row.get(5)
        done = try row.get(6)
        total = try row.get(7)
        askedAt = try row.get(8)
        settledAt = try row.get(9)
        failuresInARow = Int(try row.get(10, as: Int32.self))
        isAgain = try row.get(11)
        let ahead = try row.get(13, as: Int64?.self).map(Int.init)
        self.ahead = ahead
        let queue = try row.get(12, as: String?.self)
        let seconds = try row.get(14, as: Double?.self)
        let state = try row.get(15, as: Int16?.self).flatMap(JobState.init(rawValue:))
        let isOpen: Bool = try row.get(16)
        estimate = Condition.estimate(
            kind: kind, queue: queue, state: state, seconds: seconds, ahead: isOpen ? ahead : nil, pace)
    }

    /// - Parameter seconds: since a running job started, or until a scheduled one is due.
    private static func estimate(
        kind: String, queue: String?, state: JobState?, seconds: Double?, ahead: Int?, _ pace: Pace
    ) -> Duration? {
        guard let queue, let state else { return nil }
        switch state {
        case .ready: return ahead.flatMap { pace.estimate(kind: kind, queue: queue, ahead: $0) }
        case .running:
            guard let mean = pace.kindSeconds[kind], let seconds, seconds < mean else { return nil }
            return .seconds(mean - seconds)
        case .scheduled:
            guard let mean = pace.kindSeconds[kind], let seconds else { return nil }
            return .seconds(max(0, seconds) + mean)
        case .held: return nil
        }
    }
}
