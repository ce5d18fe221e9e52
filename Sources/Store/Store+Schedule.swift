package import Jobs
package import Postgres

/// How far a line of the schedule is decided, as the database has it.
package struct ScheduleState: Hashable, Sendable {
    /// Grows with every decision: who has seen an older one decides nothing.
    package let turn: Int64
    /// Every slot up to here is decided.
    package let decidedTo: Moment
    package let nextSlot: Moment?
    /// Slots wait for a job to end.
    package let hasQueued: Bool
    /// A process without the line has started, and nobody has vouched for it since.
    package let isGone: Bool
}

/// What is to be decided about one line.
package struct ScheduleTurn: Sendable {
    package let line: ScheduleLine
    package let seen: ScheduleState
    /// Oldest first; all of them at or before `through`.
    package let verdicts: [Timetable.Verdict]
    /// Every slot up to here is decided afterwards.
    package let through: Moment
    package let next: Moment?

    package init(
        line: ScheduleLine, seen: ScheduleState, verdicts: [Timetable.Verdict], through: Moment, next: Moment?
    ) {
        self.line = line
        self.seen = seen
        self.verdicts = verdicts
        self.through = through
        self.next = next
    }
}

/// What became of one slot.
package enum SlotOutcome: String, Sendable, CaseIterable {
    /// Its job stands in line, or ran.
    case fired
    case skipped
    /// It waits until the job of an earlier slot has ended.
    case queued
}

/// A slot that was decided just now.
package struct DecidedSlot: Hashable, Sendable {
    package let schedule: String
    package let slot: PostgresTimestamp
    package let outcome: SlotOutcome
    package let job: JobID?
    package let why: String?
}

extension Store {
    /// Makes the lines of a process known.
    ///
    /// Lines that it does not have are marked gone; a process that has them takes the mark away. A line that is new, was
    /// gone, or has another expression or zone than before begins now: nothing of the past is made up for it.
    package func publish(_ lines: [ScheduleLine]) async throws {
        var statements: [SQL] = []
        // Sorted, as every statement here takes its rows, so that two processes can't deadlock.
        for line in lines.sorted(by: { $0.name < $1.name }) {
            statements.append(
                """
                INSERT INTO motorpool.schedules AS s (name, expression, zone, kind, subject, args, overlap, missed,
                    jitter_seconds, decided_to)
                VALUES (\(line.name), \(line.expression.text), \(line.zone.name), \(line.kind), \(line.subject),
                    \(PostgresValue.json(line.args.bytes)), \(line.overlap.rawValue), \(line.missed.description),
                    \(line.jitter.inSeconds), clock_timestamp())
                ON CONFLICT (name) DO UPDATE SET expression = excluded.expression, zone = excluded.zone,
                    kind = excluded.kind, subject = excluded.subject, args = excluded.args, overlap = excluded.overlap,
                    missed = excluded.missed, jitter_seconds = excluded.jitter_seconds, published_at = now(),
                    gone_at = NULL, turn = s.turn + 1,
                    next_slot = CASE WHEN s.expression = excluded.expression AND s.zone = excluded.zone
                                     THEN s.next_slot END,
                    decided_to = CASE
                        WHEN s.gone_at IS NULL AND s.expression = excluded.expression AND s.zone = excluded.zone
                        THEN s.decided_to ELSE greatest(s.decided_to, excluded.decided_to) END
                """)
        }
        statements.append(
            """
            UPDATE motorpool.schedules SET gone_at = now(), next_slot = NULL, turn = turn + 1
            WHERE gone_at IS NULL AND name <> ALL (\(lines.map(\.name)))
            """)
        try await database.run(all: statements)
    }

    /// Takes the mark of being gone from lines that a process has.
    package func vouch(for names: [String]) async throws {
        try await database.run(
            "UPDATE motorpool.schedules SET gone_at = NULL, turn = turn + 1 WHERE gone_at IS NOT NULL AND name = ANY (\(names))"
        )
    }

    /// Decides what `turns` say, each once in the whole cluster, and tells how things stand then, all in one round trip.
    ///
    /// A turn that somebody else has taken changes nothing, nor does one that lies after the database's clock. Takes
    /// effect as a whole or not at all: a row that another session holds for longer than `fireLockLimit` fails all of them
    /// (55P03). Rings for what it put in line.
    /// - Parameter names: the lines whose state is told.
    package func fire(
        _ turns: [ScheduleTurn], statesOf names: [String]
    ) async throws -> (decided: [DecidedSlot], now: PostgresTimestamp, states: [String: ScheduleState]) {
        let sorted = turns.sorted { $0.line.name < $1.line.name }
        let limit: SQL =
            "SELECT set_config('lock_timeout', \(String(Int(Store.fireLockLimit.inSeconds * 1000))), true)"
        let all = sorted.isEmpty ? [] : [limit] + sorted.map(Store.firing)
        let rows = Array(
            try await database.run(all: all + [Store.reading(names)]).dropFirst(sorted.isEmpty ? 0 : 1))
        var decided: [DecidedSlot] = []
        var due = Set<String>()
        for (turn, answers) in zip(sorted, rows) {
            for row in answers {
                guard let slot = try row.get(1, as: PostgresTimestamp?.self) else { continue }
                decided.append(try DecidedSlot(turn.line.name, slot, row))
                if let queue = try row.get(5, as: String?.self) { due.insert(queue) }
            }
        }
        bell.ringSoon(due)
        guard let last = rows.last, let first = last.first else {
            throw PostgresError.decoding("the states of the schedule answered no row")
        }
        var states: [String: ScheduleState] = [:]
        for row in last {
            guard let name = try row.get(1, as: String?.self) else { continue }
            states[name] = ScheduleState(
                turn: try row.get(2), decidedTo: Moment(try row.get(3)),
                nextSlot: try row.get(4, as: Int64?.self).map { Moment($0) }, hasQueued: try row.get(5),
                isGone: try row.get(6))
        }
        return (decided, try first.get(0), states)
    }

    /// Longer than another process needs to decide the same lines, and short enough that a stranger's open transaction makes
    /// no other line late.
    static let fireLockLimit = Duration.milliseconds(250)

    private static func firing(_ turn: ScheduleTurn) -> SQL {
        let asked = turn.verdicts.map { verdict in
            let delay = turn.line.delay(of: verdict.slot).inSeconds
            let skip = verdict.skipped.map { ",\"skip\":\(JSON.quoted($0))" } ?? ""
            return "{\"slot\":\(verdict.slot.seconds),\"delay\":\(delay)\(skip)}"
        }
        return """
            SELECT verdict, slot, outcome, job, why, ring FROM motorpool.fire(\(turn.line.name), \(turn.seen.turn),
                \(turn.through.seconds), \(turn.next?.seconds),
                \(PostgresValue.json(Array("[\(asked.joined(separator: ","))]".utf8))), \(turn.line.kind),
                \(PostgresValue.json(turn.line.args.bytes)), \(turn.line.subject), \(turn.line.overlap.rawValue))
            """
    }

    /// A row in any case, for the sake of the clock.
    private static func reading(_ names: [String]) -> SQL {
        """
        SELECT c.now, s.name, s.turn, floor(extract(epoch FROM s.decided_to))::bigint,
            floor(extract(epoch FROM s.next_slot))::bigint, EXISTS (SELECT 1 FROM motorpool.slots q WHERE q.schedule = s.name AND q.outcome = 'queued'),
            s.gone_at IS NOT NULL
        FROM (SELECT clock_timestamp() AS now) c LEFT JOIN motorpool.schedules s ON s.name = ANY (\(names))
        """
    }

    /// Removes what the ledger need not keep: slots older than `days`, but the newest of each line; and lines that are
    /// gone so long, with all their slots.
    /// - Returns: how many slots.
    package func retainSlots(days: Int) async throws -> Int {
        precondition(days >= 1)
        var removed = 0
        // Bounded: what is left after a hundred batches waits for the next turn.
        for _ in 0..<100 {
            let batch = try await database.run(
                """
                DELETE FROM motorpool.slots WHERE (schedule, slot) IN (SELECT o.schedule, o.slot FROM motorpool.slots o
                    WHERE o.slot < now() - make_interval(days => \(Int32(days))) AND o.outcome <> 'queued'
                      AND (EXISTS (SELECT 1 FROM motorpool.slots n WHERE n.schedule = o.schedule AND n.slot > o.slot)
                           OR NOT EXISTS (SELECT 1 FROM motorpool.schedules s WHERE s.name = o.schedule))
                    LIMIT 1000)
                """
            ).affected
            removed += batch
            if batch < 1000 { break }
        }
        try await database.run(
            "DELETE FROM motorpool.schedules WHERE gone_at < now() - make_interval(days => \(Int32(days)))")
        return removed
    }
}

extension DecidedSlot {
    fileprivate init(_ schedule: String, _ slot: PostgresTimestamp, _ row: Row) throws {
        let word: String = try row.get(2)
        guard let outcome = SlotOutcome(rawValue: word) else {
            throw PostgresError.decoding("unknown outcome \(word)")
        }
        self.init(
            schedule: schedule, slot: slot, outcome: outcome,
            job: try row.get(3, as: Int64?.self).map { JobID($0) }, why: try row.get(4))
    }
}
