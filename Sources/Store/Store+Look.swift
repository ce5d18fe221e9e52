package import Jobs
package import Postgres

/// One job as it is told to people, wherever it stands.
package struct JobReport: Sendable {
    package let id: JobID
    package let kind: String
    package let queue: String
    package let state: ToldState
    /// Why it does not run; for a job that ended, why it ended so. `nil` when there is nothing to say.
    package let reason: String?
    package let priority: Priority
    package let failures: Int
    package let run: Int
    package let subject: String?
    package let limitKey: String?
    package let args: JSON
    package let meta: JSON?
    package let result: JSON?
    /// An array of `{run, at, error}`, oldest first, at most `Bounds.errorsKeptMax`.
    package let errors: JSON?
    package let createdAt: PostgresTimestamp
    /// When it became due, or will.
    package let dueAt: PostgresTimestamp?
    package let startedAt: PostgresTimestamp?
    package let endedAt: PostgresTimestamp?
    package let worker: String?
    package let phase: String?
    package let done: Int64?
    package let total: Int64?
    package let parent: JobID?
    package let childrenLeft: Int?
    /// How many workers died while running it: of a live job, and of one that was set aside for it. At most 20.
    package var workerDeaths = 0
    /// Who sees its args, result and errors over HTTP.
    package var seenBy = SeenBy.asker
    /// What the caller that was named with the question has to do with it.
    package var concern = Concern.none
    /// Whether it may be released: it waits, and a worker died while running it.
    package var isReleasable: Bool { state == .waiting && workerDeaths > 0 }
}

/// Which jobs to list.
package struct JobFilter: Sendable {
    package var state: ToldState?
    package var kind: String?
    package var queue: String?
    package var subject: String?
    /// Only jobs before this one: the last id of the page above.
    package var before: JobID?
    /// 1…1000.
    package var limit = 50
    package var visibility = Visibility.all
    /// Only of these kinds.
    package var kinds: [String]?

    package init() {}
}

extension Store {
    /// The job, wherever it stands. `nil`: never there, or its retention has passed.
    package func job(_ id: JobID) async throws -> JobReport? { try await jobs([id])[id] }

    /// These jobs, wherever they stand; who is nowhere is not in the answer.
    /// - Parameter ids: at most 1,000.
    package func jobs(_ ids: [JobID]) async throws -> [JobID: JobReport] {
        try Store.reports(try await database.run(all: Store.looking(at: ids))[...])
    }

    /// A statement for each place where these jobs may stand.
    static func looking(at ids: [JobID]) -> [SQL] {
        Source.allCases.map { $0.selecting("x.id = ANY (\(ids.map(\.number)))") }
    }

    /// The answers to `looking(at:)`.
    static func reports(_ found: ArraySlice<Rows>) throws -> [JobID: JobReport] {
        var reports: [JobID: JobReport] = [:]
        // Newest place first: a retried job may still have a cancelled life behind it.
        for rows in found {
            for row in rows {
                let report = try JobReport(row)
                if reports[report.id] == nil { reports[report.id] = report }
            }
        }
        return reports
    }

    /// Jobs, newest first. Reads at most `limit` rows of each place, by primary key or a bounded scan.
    package func jobs(_ filter: JobFilter) async throws -> [JobReport] {
        var condition: SQL = "true"
        if let kind = filter.kind { condition = "\(condition) AND x.kind = \(kind)" }
        if let queue = filter.queue { condition = "\(condition) AND x.queue = \(queue)" }
        if let subject = filter.subject { condition = "\(condition) AND x.subject = \(subject)" }
        if let before = filter.before { condition = "\(condition) AND x.id < \(before.number)" }
        if let kinds = filter.kinds { condition = "\(condition) AND x.kind = ANY (\(kinds))" }
        let sources = Source.allCases.filter { filter.state.map($0.states.contains) ?? true }
        let rows = try await database.run(
            all: sources.flatMap { source in
                Store.walks(for: filter.visibility).map { walk in
                    """
                    \(source.selecting("\(condition) AND \(walk.condition) AND \(source.condition(for: filter.state))", of: walk.caller))
                    ORDER BY x.id DESC LIMIT \(Int64(filter.limit))
                    """
                }
            })
        var seen = Set<JobID>()
        return try rows.flatMap { try $0.map(JobReport.init) }.filter {
            guard case .caller = filter.visibility else { return true }
            return seen.insert($0.id).inserted
        }.sorted { $0.id > $1.id }.prefix(filter.limit).map { $0 }
    }

    /// The ways through the jobs that find what may be told: a caller's own by the ledger of askers, others by number.
    private static func walks(for visibility: Visibility) -> [(condition: SQL, caller: String?)] {
        func kinds(_ word: String) -> SQL {
            "x.kind = ANY (ARRAY(SELECT k.kind FROM motorpool.kinds k WHERE k.seen_by = \(word)))"
        }
        return switch visibility {
        case .all: [("true", nil)]
        case .withoutMoney: [("NOT \(kinds("money"))", nil)]
        case .moneyAlone: [(kinds("money"), nil)]
        case .caller(let name):
            [("NOT \(kinds("money"))", name), (kinds("reader"), nil)]
        }
    }

    /// The condition that a client polls, by kind and subject. `nil`: never asked for.
    package func condition(kind: String, subject: String) async throws -> (
        condition: String, number: Int?, job: JobID
    )? {
        let row = try await database.run(
            "SELECT condition, number::bigint, job FROM motorpool.conditions WHERE kind = \(kind) AND subject = \(subject)"
        ).first
        guard let row else { return nil }
        return (try row.get(0), try row.get(1, as: Int64?.self).map(Int.init), JobID(try row.get(2)))
    }
}

/// The three places where a job can stand, each told in the same columns.
private enum Source: CaseIterable {
    case hot
    case dead
    case history

    var states: Set<ToldState> {
        switch self {
        case .hot: [.waiting, .running]
        case .dead: [.dead]
        case .history: [.done, .cancelled]
        }
    }

    func condition(for state: ToldState?) -> SQL {
        switch (self, state) {
        case (.hot, .running): "x.state = 1"
        case (.hot, .waiting): "x.state <> 1"
        case (.history, .some(let state)): "x.ending = \(state.rawValue)"
        default: "true"
        }
    }

    /// - Parameter caller: only what this caller asked for; its concern is told.
    func selecting(_ condition: SQL, of caller: String? = nil) -> SQL {
        let asked: SQL = caller.map { "JOIN motorpool.askers a ON a.job = x.id AND a.caller = \($0)" } ?? ""
        let concern: SQL = caller == nil ? "NULL::boolean" : "a.made"
        let policy: SQL = "(SELECT k.seen_by FROM motorpool.kinds k WHERE k.kind = x.kind), \(concern)"
        // A value that can't be read, or is too long, is an object with a sentence: the other rows are told all the same.
        let shared = """
            x.id, motorpool.readable(x.kind), motorpool.readable(x.queue), x.priority, x.failures::integer, x.run, \
            motorpool.readable(x.subject), motorpool.readable(x.limit_key), motorpool.readable(x.args), \
            motorpool.readable(x.meta), motorpool.readable(x.errors), x.created_at, x.started_at
            """
        switch self {
        case .hot:
            return """
                SELECT \(pasting: shared), CASE x.state WHEN 1 THEN 'running' ELSE 'waiting' END, motorpool.readable(motorpool.reason(x)), NULL::jsonb,
                    x.run_at, NULL::timestamptz, w.name, motorpool.readable(p.phase), p.done, p.total, x.parent, x.children_left,
                    coalesce(cardinality(x.deaths), 0), \(policy)
                FROM motorpool.jobs x \(asked) LEFT JOIN motorpool.workers w ON w.id = x.worker
                LEFT JOIN motorpool.progress p ON p.job = x.id AND p.run = x.run AND x.state = 1
                WHERE \(condition)
                """
        case .dead:
            return """
                SELECT \(pasting: shared), 'dead', motorpool.readable(x.reason), NULL::jsonb, NULL::timestamptz, x.died_at, NULL::text,
                    NULL::text, NULL::bigint, NULL::bigint, NULL::bigint, NULL::integer, x.deaths::integer, \(policy)
                FROM motorpool.dead x \(asked) WHERE \(condition)
                """
        case .history:
            return """
                SELECT \(pasting: shared), x.ending, motorpool.readable(x.reason), motorpool.readable(x.result), NULL::timestamptz, x.ended_at, NULL::text,
                    NULL::text, NULL::bigint, NULL::bigint, NULL::bigint, NULL::integer, 0, \(policy)
                FROM motorpool.history x \(asked) WHERE \(condition)
                """
        }
    }
}

extension JobReport {
    fileprivate init(_ row: Row) throws {
        func json(_ column: Int) throws -> JSON? { try row.get(column, as: [UInt8]?.self).map { JSON($0) } }
        id = JobID(try row.get(0))
        kind = try row.get(1)
        queue = try row.get(2)
        priority = Priority(rawValue: try row.get(3)) ?? .normal
        failures = Int(try row.get(4, as: Int32.self))
        run = Int(try row.get(5, as: Int32.self))
        subject = try row.get(6)
        limitKey = try row.get(7)
        args = try json(8) ?? .emptyObject
        meta = try json(9)
        errors = try json(10)
        createdAt = try row.get(11)
        startedAt = try row.get(12)
        state = ToldState(rawValue: try row.get(13)) ?? .waiting
        reason = try row.get(14)
        result = try json(15)
        dueAt = try row.get(16)
        endedAt = try row.get(17)
        worker = try row.get(18)
        phase = try row.get(19)
        done = try row.get(20)
        total = try row.get(21)
        parent = try row.get(22, as: Int64?.self).map { JobID($0) }
        childrenLeft = try row.get(23, as: Int32?.self).map(Int.init)
        workerDeaths = Int(try row.get(24, as: Int32.self))
        // A kind that was withdrawn was no money kind; a word of a newer program hides all it may hide.
        seenBy = try row.get(25, as: String?.self).map { SeenBy(rawValue: $0) ?? .money } ?? .asker
        concern = try row.get(26, as: Bool?.self).map { $0 ? .made : .joined } ?? .none
    }
}
