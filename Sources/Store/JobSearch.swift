package import Jobs
package import Postgres

/// Which jobs an operator looks for.
package struct JobSearch: Hashable, Sendable {
    /// Where they stand. Each place has an order of its own, in which an index gives them out.
    package enum Place: String, Sendable, CaseIterable {
        /// Waiting or running; newest first.
        case live
        /// Not running, for whatever reason; newest first.
        case waiting
        /// May be claimed; in the order of the claim.
        case ready
        /// Newest claim last: by worker.
        case running
        /// Not due yet; soonest first.
        case scheduled
        /// Behind a limit or a rate; by kind, in the order of admission.
        case held
        /// Waits for children; oldest first.
        case children
        /// Newest first.
        case dead
        /// Newest first.
        case done
        /// Newest first.
        case cancelled
    }

    package var place = Place.live
    package var kind: String?
    package var queue: String?
    package var limitKey: String?
    package var subject: String?
    /// Only jobs that were asked for longer ago than this. `live`, `waiting`, `dead`, `done` and `cancelled` then come
    /// oldest first.
    package var olderThan: Duration?
    /// Behind the job at which a page ended, as the page said.
    package var after: JobCursor?
    /// 1…1000.
    package var limit = 50
    /// Whether jobs of money kinds are among those found.
    package var hasMoney = true

    package init(_ place: Place = .live) { self.place = place }

    var isOldestFirst: Bool { olderThan != nil }
}

/// A place in the order of a search.
package struct JobCursor: Hashable, Sendable, CustomStringConvertible {
    /// A queue or a kind; empty where the order needs none.
    let name: String
    let level: Int64
    let number: Int64

    /// As it stands in addresses: `number`, `level.number` or `level.number.name`.
    package var description: String { "\(level).\(number)" + (name.isEmpty ? "" : ".\(name)") }

    /// - Returns: `nil` for what no cursor says.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, let level = Int64(parts[0]), let number = Int64(parts[1]) else { return nil }
        self.init(name: parts.count > 2 ? String(parts[2]) : "", level: level, number: number)
    }

    init(name: String, level: Int64, number: Int64) {
        self.name = name
        self.level = level
        self.number = number
    }
}

/// One line of a list of jobs.
package struct JobLine: Sendable {
    package let id: JobID
    package let kind: String
    package let queue: String
    package let state: ToldState
    /// Why it does not run, or why it ended so; the place in line is not counted here.
    package let reason: String?
    package let subject: String?
    package let limitKey: String?
    package let failures: Int
    package let createdAt: PostgresTimestamp
    package let startedAt: PostgresTimestamp?
    package let endedAt: PostgresTimestamp?
    package let worker: String?
    package let phase: String?
    package let done: Int64?
    package let total: Int64?
    /// The first line of the last error; `nil` for a money kind.
    package let error: String?
}

/// A page of a search.
package struct JobPage: Sendable {
    package let jobs: [JobLine]
    /// Where the next page begins. `nil`: there is none.
    package let next: JobCursor?
    /// The search ended at the number of jobs that one page may read; there may be more behind `next`.
    package let isCutShort: Bool
}

extension Store {
    /// A page reads at most so many jobs, however few of them fit.
    package static let lookedAtMax = 20_000

    /// A page of jobs, by bounded walks over indexes that the queue has anyway.
    package func search(_ search: JobSearch) async throws -> JobPage {
        let (found, next, isCutShort) = try await find(search, limit: search.limit)
        guard !found.isEmpty else { return JobPage(jobs: [], next: next, isCutShort: isCutShort) }
        let lines = try await looking([search.place.lines(of: found)])[0].map(JobLine.init)
        let order = Dictionary(uniqueKeysWithValues: found.enumerated().map { ($1, $0) })
        return JobPage(
            jobs: lines.sorted { order[$0.id.number, default: .max] < order[$1.id.number, default: .max] },
            next: next, isCutShort: isCutShort)
    }

    /// The numbers of the first `limit` jobs, in the order of the search.
    func find(_ search: JobSearch, limit: Int) async throws -> (
        ids: [Int64], next: JobCursor?, isCutShort: Bool
    ) {
        let statement = search.statement(limit: limit + 1)
        let rows = try await looking([statement])[0]
        let ids: [Int64] = try rows.map { try $0.get(0) }
        if rows.count > limit {
            return (Array(ids.prefix(limit)), try JobCursor(rows[limit - 1]), false)
        }
        let rest = try await looking([search.edge])[0]
        return (ids, try rest.first.map(JobCursor.init), rest.count > 0)
    }

    /// The lines of live jobs, oldest first.
    func lines(of ids: [Int64]) async throws -> [JobLine] {
        try await looking([JobSearch.Place.live.lines(of: ids)])[0].map(JobLine.init).sorted { $0.id < $1.id }
    }

    /// Runs statements in one round trip, with the plans that stay bounded whatever the statistics say.
    func looking(_ statements: [SQL]) async throws -> [Rows] {
        let plans: SQL = """
            SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
                set_config('max_parallel_workers_per_gather', '0', true), set_config('jit', 'off', true)
            """
        return Array(try await database.run(all: [plans] + statements).dropFirst())
    }
}

extension JobCursor {
    fileprivate init(_ row: Row) throws {
        self.init(name: try row.get(1), level: try row.get(2), number: try row.get(3))
    }
}

extension JobSearch {
    private var table: String {
        switch place {
        case .dead: "motorpool.dead"
        case .done, .cancelled: "motorpool.history"
        default: "motorpool.jobs"
        }
    }

    /// Which partial index is walked, with which part of it.
    private var base: SQL {
        switch place {
        case .live, .waiting, .done, .cancelled: return "true"
        case .dead: return kind.map { "x.kind = \($0)" } ?? "true"
        case .ready: return queue.map { "x.state = 0 AND x.queue = \($0)" } ?? "x.state = 0"
        case .running: return "x.state = 1"
        case .scheduled: return "x.state = 2"
        case .held:
            guard let kind else { return "x.held = 1" }
            return limitKey.map { "x.held = 1 AND x.kind = \(kind) AND x.limit_key = \($0)" }
                ?? "x.held = 1 AND x.kind = \(kind)"
        case .children:
            return
                "x.state = 3 AND x.held = 3 AND x.id IN (SELECT DISTINCT p.parent FROM (SELECT parent FROM motorpool.jobs WHERE parent IS NOT NULL ORDER BY parent LIMIT 20000) p)"
        }
    }

    /// The columns of the cursor, in the order of the walk.
    private var keys: (name: String, level: String, number: String) {
        switch place {
        case .ready: ("x.queue", "x.level::bigint", "x.seq")
        case .held: ("x.kind", "x.level::bigint", "x.seq")
        case .scheduled:
            ("''::text", "(extract(epoch FROM x.run_at) * 1000000)::bigint", "x.id")
        case .running: ("''::text", "x.worker", "x.id")
        default: ("''::text", "0::bigint", "x.id")
        }
    }

    private var order: String {
        switch place {
        case .ready: "x.queue, x.level, x.seq"
        case .held: "x.kind, x.level, x.seq"
        case .scheduled: "x.run_at, x.id"
        case .running: "x.worker, x.id"
        case .children: "x.id"
        case .live, .waiting, .dead, .done, .cancelled: isOldestFirst ? "x.id" : "x.id DESC"
        }
    }

    private var behind: SQL {
        guard let after else { return "true" }
        switch place {
        case .ready:
            guard queue == nil else { return "(x.level, x.seq) > (\(after.level), \(after.number))" }
            return "(x.queue, x.level, x.seq) > (\(after.name), \(after.level), \(after.number))"
        case .held:
            guard kind == nil else { return "(x.level, x.seq) > (\(after.level), \(after.number))" }
            return "(x.kind, x.level, x.seq) > (\(after.name), \(after.level), \(after.number))"
        case .scheduled:
            return
                "x.run_at >= to_timestamp(0) + make_interval(secs => \(Double(after.level) / 1_000_000)) AND ((extract(epoch FROM x.run_at) * 1000000)::bigint, x.id) > (\(after.level), \(after.number))"
        case .running: return "(x.worker, x.id) > (\(after.level), \(after.number))"
        case .children: return "x.id > \(after.number)"
        case .live, .waiting, .dead, .done, .cancelled:
            return isOldestFirst ? "x.id > \(after.number)" : "x.id < \(after.number)"
        }
    }

    /// The walk: at most `lookedAtMax` rows.
    private var window: SQL {
        let state = table == "motorpool.jobs" ? "x.state" : table == "motorpool.dead" ? "0" : "x.ending"
        return """
            SELECT x.id, \(pasting: keys.name) AS k1, \(pasting: keys.level) AS k2, \(pasting: keys.number) AS k3,
                x.kind, x.queue, x.limit_key, x.subject, x.created_at, \(pasting: state) AS standing
            FROM \(pasting: table) x WHERE \(base) AND \(behind) ORDER BY \(pasting: order)
            LIMIT \(Int64(Store.lookedAtMax))
            """
    }

    fileprivate func statement(limit: Int) -> SQL {
        var fits: SQL = "true"
        if let kind { fits = "\(fits) AND w.kind = \(kind)" }
        if let queue { fits = "\(fits) AND w.queue = \(queue)" }
        if let limitKey { fits = "\(fits) AND w.limit_key = \(limitKey)" }
        if let subject { fits = "\(fits) AND w.subject = \(subject)" }
        if let olderThan {
            fits = "\(fits) AND w.created_at < now() - make_interval(secs => \(olderThan.inSeconds))"
        }
        if !hasMoney { fits = "\(fits) AND NOT \(pasting: Store.isMoney("w"))" }
        switch place {
        case .waiting: fits = "\(fits) AND w.standing <> 1"
        case .done: fits = "\(fits) AND w.standing = 'done'"
        case .cancelled: fits = "\(fits) AND w.standing = 'cancelled'"
        default: break
        }
        return "SELECT w.id, w.k1, w.k2, w.k3 FROM (\(window)) w WHERE \(fits) LIMIT \(Int64(limit))"
    }

    /// The last row of a full walk. Answers none when the walk came to the end.
    fileprivate var edge: SQL {
        "SELECT w.id, w.k1, w.k2, w.k3 FROM (\(window)) w OFFSET \(Int64(Store.lookedAtMax - 1)) LIMIT 1"
    }
}

extension JobSearch.Place {
    /// The lines of these jobs, in any order.
    fileprivate func lines(of ids: [Int64]) -> SQL {
        let names = "motorpool.readable(x.kind), motorpool.readable(x.queue)"
        let marks = "motorpool.readable(x.subject), motorpool.readable(x.limit_key)"
        let error = """
            CASE WHEN NOT \(Store.isMoney("x")) THEN left(split_part(motorpool.readable(x.errors) #>> '{-1,error}', E'\\n', 1), 500) END
            """
        switch self {
        case .dead:
            return """
                SELECT x.id, \(pasting: names), 'dead', motorpool.readable(x.reason), \(pasting: marks), x.failures::integer, x.created_at,
                    x.started_at, x.died_at, NULL::text, NULL::text, NULL::bigint, NULL::bigint, \(pasting: error)
                FROM motorpool.dead x WHERE x.id = ANY (\(ids))
                """
        case .done, .cancelled:
            return """
                SELECT x.id, \(pasting: names), x.ending, motorpool.readable(x.reason), \(pasting: marks), x.failures::integer, x.created_at,
                    x.started_at, x.ended_at, NULL::text, NULL::text, NULL::bigint, NULL::bigint, \(pasting: error)
                FROM motorpool.history x WHERE x.id = ANY (\(ids))
                """
        default:
            // Counting who stands in front of each of a page's jobs would read half a million of them.
            return """
                SELECT x.id, \(pasting: names), CASE x.state WHEN 1 THEN 'running' ELSE 'waiting' END,
                    CASE WHEN x.state = 0 AND x.level >= 0
                        AND NOT EXISTS (SELECT FROM motorpool.queues q WHERE q.name = x.queue AND q.paused_at IS NOT NULL)
                        AND EXISTS (SELECT FROM motorpool.workers v WHERE x.kind = ANY (v.kinds) AND x.queue = ANY (v.queues)
                            AND v.lease_until > now() AND NOT v.draining)
                    THEN 'in line of queue ' || motorpool.readable(x.queue) ELSE motorpool.readable(motorpool.reason(x)) END,
                    \(pasting: marks), x.failures::integer, x.created_at, x.started_at, NULL::timestamptz, w.name,
                    motorpool.readable(p.phase), p.done, p.total, \(pasting: error)
                FROM motorpool.jobs x LEFT JOIN motorpool.workers w ON w.id = x.worker
                LEFT JOIN motorpool.progress p ON p.job = x.id AND p.run = x.run AND x.state = 1
                WHERE x.id = ANY (\(ids))
                """
        }
    }
}

extension JobLine {
    fileprivate init(_ row: Row) throws {
        id = JobID(try row.get(0))
        kind = try row.get(1)
        queue = try row.get(2)
        state = ToldState(rawValue: try row.get(3)) ?? .waiting
        reason = try row.get(4)
        subject = try row.get(5)
        limitKey = try row.get(6)
        failures = Int(try row.get(7, as: Int32.self))
        createdAt = try row.get(8)
        startedAt = try row.get(9)
        endedAt = try row.get(10)
        worker = try row.get(11)
        phase = try row.get(12)
        done = try row.get(13)
        total = try row.get(14)
        error = try row.get(15)
    }
}
