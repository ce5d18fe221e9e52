package import Jobs
package import Postgres

/// A line of the schedule, for people: as last published, with what became of its last slot.
package struct ScheduleReport: Hashable, Sendable {
    package let name: String
    package let expression: String
    package let zone: String
    package let kind: String
    package let subject: String?
    package let args: JSON
    package let overlap: String
    package let missed: String
    package let jitter: Duration
    package let publishedAt: PostgresTimestamp
    /// Since when no process has it; `nil` while one does.
    package let goneAt: PostgresTimestamp?
    package let pausedAt: PostgresTimestamp?
    package let pausedBy: String?
    package let nextSlot: PostgresTimestamp?
    /// The newest slot of the ledger, also one that an operator ran.
    package let last: SlotReport?
    /// When a slot of it last fired, as far as the ledger goes back.
    package let lastFiredAt: PostgresTimestamp?
}

/// A row of the ledger.
package struct SlotReport: Hashable, Sendable {
    /// The instant that the expression names; for a run by hand, when it was asked for.
    package let slot: PostgresTimestamp
    /// When its job was to begin: the slot, and its jitter.
    package let planned: PostgresTimestamp
    package let decidedAt: PostgresTimestamp
    package let outcome: SlotOutcome
    package let isManual: Bool
    package let job: JobID?
    /// Why it was skipped or waits, or what is to be said about its firing.
    package let why: String?

    /// From the slot to its decision.
    package var lateness: Duration { .microseconds(max(0, decidedAt.microseconds - slot.microseconds)) }
}

extension Store {
    /// Every line that was ever published and not forgotten since, by name.
    /// - Parameter most: the first so many.
    package func schedules(most: Int = namesMax) async throws -> [ScheduleReport] {
        try await schedules(most: most, named: nil)
    }

    /// A line; `nil`: none of that name was published, or it is long gone.
    package func schedule(named name: String) async throws -> ScheduleReport? {
        try await schedules(most: 1, named: name).first
    }

    /// How many lines there are.
    package func scheduleCount() async throws -> Int {
        Int(
            try await database.run("SELECT count(*) FROM motorpool.schedules").first?.get(0, as: Int64.self)
                ?? 0)
    }

    private func schedules(most: Int, named name: String?) async throws -> [ScheduleReport] {
        let rows = try await database.run(
            """
            SELECT l.slot, l.planned, l.decided_at, l.outcome, l.manual, l.job, l.why, s.name, s.expression, s.zone, s.kind,
                s.subject, s.args, s.overlap, s.missed, s.jitter_seconds, s.published_at, s.gone_at, s.paused_at,
                s.paused_by, s.next_slot,
                (SELECT f.decided_at FROM motorpool.slots f WHERE f.schedule = s.name AND f.outcome = 'fired'
                 ORDER BY f.slot DESC LIMIT 1)
            FROM motorpool.schedules s
            LEFT JOIN LATERAL (SELECT * FROM motorpool.slots n WHERE n.schedule = s.name ORDER BY n.slot DESC LIMIT 1) l
                ON true
            WHERE s.name = coalesce(\(name)::text, s.name)
            ORDER BY s.name LIMIT \(Int64(most))
            """)
        return try rows.map { row in
            let hasLast = try row.get(0, as: PostgresTimestamp?.self) != nil
            return ScheduleReport(
                name: try row.get(7), expression: try row.get(8), zone: try row.get(9), kind: try row.get(10),
                subject: try row.get(11), args: JSON(text: try row.get(12)), overlap: try row.get(13),
                missed: try row.get(14), jitter: .seconds(try row.get(15, as: Double.self)),
                publishedAt: try row.get(16), goneAt: try row.get(17), pausedAt: try row.get(18),
                pausedBy: try row.get(19), nextSlot: try row.get(20),
                last: hasLast ? try SlotReport(row) : nil, lastFiredAt: try row.get(21))
        }
    }

    /// The ledger of a line, newest first.
    /// - Parameters:
    ///   - before: only older slots.
    ///   - limit: at most 1,000.
    package func slots(
        of name: String, before: PostgresTimestamp? = nil, limit: Int = 50
    ) async throws -> [SlotReport] {
        let edge = before.map { $0.iso8601 }
        let rows = try await database.run(
            """
            SELECT slot, planned, decided_at, outcome, manual, job, why FROM motorpool.slots
            WHERE schedule = \(name) AND slot < coalesce((\(edge)::text)::timestamptz, 'infinity')
            ORDER BY slot DESC LIMIT \(min(max(limit, 1), 1000))
            """)
        return try rows.map { try SlotReport($0) }
    }

    // MARK: Statements

    static func running(schedule: String, by actor: String) -> SQL {
        "SELECT job, why, ring FROM motorpool.run_schedule(\(schedule), \(Bounds.storable(error: actor)))"
    }

    static func pausing(schedule: String, by actor: String) -> SQL {
        """
        UPDATE motorpool.schedules SET paused_by = CASE WHEN paused_at IS NULL THEN \(Bounds.storable(error: actor)) ELSE paused_by END,
            paused_at = coalesce(paused_at, now()), turn = turn + 1 WHERE name = \(schedule)
        """
    }

    static func resuming(schedule: String) -> SQL {
        """
        WITH line AS MATERIALIZED (SELECT name, paused_at IS NOT NULL AS paused FROM motorpool.schedules
            WHERE name = \(schedule) FOR UPDATE
        ), resumed AS (
            UPDATE motorpool.schedules s SET paused_at = NULL, paused_by = NULL, turn = s.turn + 1,
                decided_to = greatest(s.decided_to, clock_timestamp())
            FROM line WHERE s.name = line.name AND line.paused
        ) SELECT paused FROM line
        """
    }
}

extension SlotReport {
    /// From the first columns of a row.
    fileprivate init(_ row: Row) throws {
        let word: String = try row.get(3)
        guard let outcome = SlotOutcome(rawValue: word) else {
            throw PostgresError.decoding("unknown outcome \(word)")
        }
        self.init(
            slot: try row.get(0), planned: try row.get(1), decidedAt: try row.get(2), outcome: outcome,
            isManual: try row.get(4), job: try row.get(5, as: Int64?.self).map { JobID($0) },
            why: try row.get(6))
    }
}
