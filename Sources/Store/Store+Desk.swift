package import Jobs
package import Postgres

/// A number that is exact up to a bound.
package struct BoundedCount: Hashable, Sendable, CustomStringConvertible {
    package let count: Int
    /// There are more than `count`.
    package let isMore: Bool

    package init(_ count: Int, isMore: Bool = false) {
        self.count = count
        self.isMore = isMore
    }

    package var description: String { isMore ? "\(count)+" : "\(count)" }

    package static func + (a: BoundedCount, b: BoundedCount) -> BoundedCount {
        BoundedCount(a.count + b.count, isMore: a.isMore || b.isMore)
    }

    static let none = BoundedCount(0)
}

/// A queue as operators see it.
package struct QueueStanding: Sendable {
    package let name: String
    /// May be claimed now.
    package var ready = BoundedCount.none
    package var running = BoundedCount.none
    package var scheduled = BoundedCount.none
    /// Behind a limit or a rate.
    package var held = BoundedCount.none
    /// Waits for children.
    package var children = BoundedCount.none
    /// How long the first in line has been ready.
    package var headAge: Duration?
    package var pausedAt: PostgresTimestamp?
    package var pausedBy: String?
    /// Runs that ended a second, over the last five samples. `nil`: there are none.
    package var doneRate: Double?
    package var failedRate: Double?
    /// Live workers that take from it.
    package var workers = 0
    package var lanes = 0
    package var busy = 0

    package init(name: String) { self.name = name }

    /// How long the present rate takes for what is in line or held, if nothing is added. `nil`: nobody knows. When more
    /// waits than was counted, it is at least this long.
    package var timeToDrain: Duration? {
        let depth = ready.count + held.count
        guard depth > 0 else { return .zero }
        guard let doneRate, doneRate > 0 else { return nil }
        return .seconds(Double(depth) / doneRate)
    }
}

/// One queue in one minute.
package struct QueueSample: Sendable {
    package let minute: PostgresTimestamp
    package let queue: String
    package let depth: Int
    package let isMore: Bool
    package let done: Int
    package let failed: Int
    /// Seconds that `done` and `failed` were counted over.
    package let span: Double?
}

/// A live worker process with what its row tells.
package struct WorkerStanding: Sendable {
    package let worker: LiveWorker
    package let kinds: [String]
    /// An object of counts and, under `pools`, of lanes by queue. `nil`: it has not told yet.
    package let stats: JSON?
    package let running: BoundedCount
}

/// Dead jobs that died alike.
package struct DeadGroup: Sendable {
    package let kind: String
    /// The first line of the last error; empty when there was none, and for a money kind.
    package let error: String
    package let reason: String
    package let count: Int
    package let newest: JobID
    package let lastDiedAt: PostgresTimestamp
}

/// The places of a kind or a key, and who has them.
package struct LimitStanding: Sendable {
    package let kind: String
    /// `nil`: the limit of the whole kind.
    package let key: String?
    package let taken: Int
    package let places: Int
    /// At most ten.
    package let holders: [JobID]
}

extension Store {
    /// The queues that have a job, have a kind or were paused, by name.
    /// - Parameter most: so many are told, those with the most jobs first, then paused ones, then the others.
    /// - Returns: `more`: how many queues are not told, of at most 10,000 looked at.
    package func queues(most: Int = queuesMax) async throws -> (queues: [QueueStanding], more: Int) {
        try await queues(most: most, only: nil)
    }

    /// One queue. `nil`: it has no job and no kind, and was never paused.
    package func queue(named name: String) async throws -> QueueStanding? {
        try await queues(most: 1, only: name).queues.first
    }

    private func queues(most: Int, only: String?) async throws -> (queues: [QueueStanding], more: Int) {
        let answers = try await database.run(all: [
            "SELECT queue, state, n, more, oldest, queues FROM motorpool.depths(\(Int32(most)), \(only))",
            Store.namedQueues(most: most, only: only),
            """
            SELECT queue, sum(done) / nullif(sum(span), 0), sum(failed) / nullif(sum(span), 0) FROM motorpool.samples
            WHERE minute > now() - interval '6 minutes' AND span IS NOT NULL GROUP BY queue
            """,
            """
            SELECT q.name, count(*), sum(coalesce((w.stats #>> ARRAY['pools', q.name, 'lanes'])::bigint, 0))::bigint,
                sum(coalesce((w.stats #>> ARRAY['pools', q.name, 'busy'])::bigint, 0))::bigint
            FROM motorpool.workers w CROSS JOIN LATERAL unnest(w.queues) q(name)
            WHERE w.lease_until > now() AND NOT w.draining GROUP BY q.name
            """,
        ])
        var byName: [String: QueueStanding] = [:]
        for row in answers[0] {
            let name: String = try row.get(0)
            var queue = byName[name] ?? QueueStanding(name: name)
            let count = BoundedCount(Int(try row.get(2, as: Int32.self)), isMore: try row.get(3))
            switch try row.get(1, as: String.self) {
            case "ready":
                queue.ready = count
                queue.headAge = try row.get(4, as: Double?.self).map { .seconds($0) }
            case "running": queue.running = count
            case "scheduled": queue.scheduled = count
            case "held": queue.held = count
            default: queue.children = count
            }
            byName[name] = queue
        }
        let untold = try (answers[0].first?.get(5, as: Int32.self)).map(Int.init) ?? 0
        var more = only == nil ? max(0, untold - byName.count) : 0
        for row in answers[1] {
            let name: String = try row.get(0)
            let hasRoom = byName.count < most || byName[name] != nil
            // A queue with jobs that is not told was counted above.
            guard hasRoom else {
                if try !row.get(3, as: Bool.self) { more += 1 }
                continue
            }
            if try row.get(3, as: Bool.self), byName[name] == nil { more = max(0, more - 1) }
            byName[name, default: QueueStanding(name: name)].pausedAt = try row.get(1)
            byName[name, default: QueueStanding(name: name)].pausedBy = try row.get(2)
        }
        for row in answers[2] {
            let name: String = try row.get(0)
            byName[name]?.doneRate = try row.get(1)
            byName[name]?.failedRate = try row.get(2)
        }
        for row in answers[3] {
            let name: String = try row.get(0)
            byName[name]?.workers = Int(try row.get(1, as: Int64.self))
            byName[name]?.lanes = Int(try row.get(2, as: Int64.self))
            byName[name]?.busy = Int(try row.get(3, as: Int64.self))
        }
        return (byName.values.sorted { $0.name < $1.name }, more)
    }

    /// Queues that kinds or operators name, paused ones first: the first 10,000, each with whether jobs are ready in it.
    private static func namedQueues(most: Int, only: String?) -> SQL {
        """
        SELECT n.name, q.paused_at, q.paused_by,
            EXISTS (SELECT 1 FROM motorpool.jobs j WHERE j.queue = n.name AND j.state = 0)
        FROM (SELECT queue AS name FROM motorpool.kinds UNION SELECT name FROM motorpool.queues) n
        LEFT JOIN motorpool.queues q ON q.name = n.name
        WHERE n.name = coalesce(\(only)::text, n.name)
        ORDER BY q.paused_at IS NULL, n.name LIMIT 10000
        """
    }

    /// The samples of the last hour, oldest first.
    /// - Parameter queue: of this one only.
    package func samples(of queue: String? = nil) async throws -> [QueueSample] {
        try await database.run(
            """
            SELECT minute, queue, depth, more, done, failed, span FROM motorpool.samples
            WHERE minute > now() - interval '61 minutes' AND queue = coalesce(\(queue)::text, queue) ORDER BY minute, queue
            """
        ).map { row in
            QueueSample(
                minute: try row.get(0), queue: try row.get(1), depth: Int(try row.get(2, as: Int32.self)),
                isMore: try row.get(3), done: Int(try row.get(4, as: Int64.self)),
                failed: Int(try row.get(5, as: Int64.self)), span: try row.get(6))
        }
    }

    /// Takes the sample of this minute, unless somebody has. To be called more often than once a minute.
    /// - Returns: whether it was taken now.
    package func takeSample() async throws -> Bool {
        try await database.run("SELECT motorpool.take_sample()").first?.get(0) ?? false
    }

    /// Every live worker, oldest first; at most 500.
    package func workerStandings() async throws -> [WorkerStanding] {
        try await looking([
            """
            SELECT w.id, w.name, w.draining, extract(epoch FROM now() - w.started_at)::double precision,
                extract(epoch FROM w.lease_until - now())::double precision, w.queues, w.kinds, w.stats, r.n
            FROM (SELECT * FROM motorpool.workers WHERE lease_until > now() ORDER BY id LIMIT 500) w
            CROSS JOIN LATERAL (SELECT count(*) AS n FROM (SELECT 1 FROM motorpool.jobs j
                WHERE j.worker = w.id AND j.state = 1 LIMIT 1001) x) r
            """
        ])[0].map { row in
            let running = Int(try row.get(8, as: Int64.self))
            return WorkerStanding(
                worker: LiveWorker(
                    id: WorkerID(try row.get(0)), name: try row.get(1), isDraining: try row.get(2),
                    age: .seconds(try row.get(3, as: Double.self)),
                    leaseLeft: .seconds(try row.get(4, as: Double.self)), queues: try row.get(5)),
                kinds: try row.get(6), stats: try row.get(7, as: [UInt8]?.self).map { JSON($0) },
                running: BoundedCount(min(running, 1000), isMore: running > 1000))
        }
    }

    /// Dead jobs looked at when they are grouped.
    package static let groupedMax = 2000

    /// The newest 2,000 dead jobs, those that died alike together, the largest group first.
    package func deadGroups() async throws -> [DeadGroup] {
        try await database.run(
            """
            SELECT kind, error, reason, count(*), max(id), max(died_at) FROM (
                SELECT motorpool.readable(kind) AS kind, CASE WHEN \(pasting: Store.isMoney("d")) THEN ''
                    ELSE left(coalesce(split_part(motorpool.readable(errors) #>> '{-1,error}', E'\\n', 1), ''), 300) END AS error,
                    motorpool.readable(reason) AS reason, id, died_at
                FROM motorpool.dead d ORDER BY id DESC LIMIT \(Int64(Store.groupedMax))) d
            GROUP BY kind, error, reason ORDER BY count(*) DESC, max(id) DESC LIMIT 100
            """
        ).map { row in
            DeadGroup(
                kind: try row.get(0), error: try row.get(1), reason: try row.get(2),
                count: Int(try row.get(3, as: Int64.self)), newest: JobID(try row.get(4)),
                lastDiedAt: try row.get(5))
        }
    }

    /// Limits of which places are taken, the fullest first; at most 100, of at most 10,000 places looked at.
    package func limits() async throws -> [LimitStanding] {
        try await looking([
            """
            WITH taken AS MATERIALIZED (
                SELECT kind, limit_key, id FROM motorpool.jobs WHERE admitted ORDER BY kind, limit_key LIMIT 10000
            )
            SELECT t.kind, NULL::text, count(*), k.limit_whole, (array_agg(t.id ORDER BY t.id))[1:10]
            FROM taken t JOIN motorpool.kinds k ON k.kind = t.kind WHERE k.limit_whole IS NOT NULL GROUP BY t.kind, k.limit_whole
            UNION ALL
            SELECT t.kind, t.limit_key, count(*), k.limit_key, (array_agg(t.id ORDER BY t.id))[1:10]
            FROM taken t JOIN motorpool.kinds k ON k.kind = t.kind WHERE k.limit_key IS NOT NULL AND t.limit_key <> ''
            GROUP BY t.kind, t.limit_key, k.limit_key
            ORDER BY 3 DESC, 1, 2 LIMIT 100
            """
        ])[0].map { row in
            LimitStanding(
                kind: try row.get(0), key: try row.get(1), taken: Int(try row.get(2, as: Int64.self)),
                places: Int(try row.get(3, as: Int32.self)),
                holders: try row.get(4, as: [Int64].self).map { JobID($0) })
        }
    }

    /// The live jobs whose parent this is, oldest first; at most 100.
    package func children(of job: JobID) async throws -> [JobLine] {
        let ids: [Int64] = try await looking([
            "SELECT id FROM motorpool.jobs WHERE parent = \(job.number) ORDER BY id LIMIT 100"
        ])[0].map { try $0.get(0) }
        return ids.isEmpty ? [] : try await lines(of: ids)
    }
}
