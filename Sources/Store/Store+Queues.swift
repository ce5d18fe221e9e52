internal import Jobs
package import Postgres

/// How many jobs of a queue stand in a state.
package typealias QueueDepth = (
    queue: String, state: String, count: Int, isMore: Bool, oldest: Duration?
)

/// Jobs that no live worker takes.
package struct UnworkedJobs: Hashable, Sendable {
    package let queue: String
    /// `nil`: no live worker takes from the queue at all.
    package let kind: String?
    /// Counted within bounds: at least so many.
    package let count: Int
}

extension Store {
    /// So many queues are told in one answer when the caller names no number.
    package static let queuesMax = 200

    /// How many jobs stand in each state of each queue with jobs, whether or not a worker takes from it: exact up to
    /// 10,000, then `isMore`. Past 200 queues with ready jobs the bound of each is lower, and `isMore` says so.
    /// - Parameter most: so many queues are told, those with the most jobs.
    /// - Returns: by queue and state; `more`: how many queues with jobs are not told.
    package func depths(most: Int = queuesMax) async throws -> (depths: [QueueDepth], more: Int) {
        let rows = try await database.run(
            "SELECT queue, state, n, more, oldest, queues FROM motorpool.depths(\(Int32(most)))")
        let depths: [QueueDepth] = try rows.map { row in
            (
                try row.get(0), try row.get(1), Int(try row.get(2, as: Int32.self)), try row.get(3),
                try row.get(4, as: Double?.self).map { .seconds($0) }
            )
        }
        let all = try (rows.first?.get(5, as: Int32.self)).map(Int.init) ?? 0
        return (
            depths.sorted { ($0.queue, $0.state) < ($1.queue, $1.state) },
            max(0, all - Set(depths.map(\.queue)).count)
        )
    }

    /// Queues with waiting jobs that no live worker takes from, and kinds in line that no live worker of their queue
    /// knows; those with the most jobs first.
    /// - Returns: `more`: how many there are beyond the first `most`.
    package func unworked(most: Int) async throws -> (jobs: [UnworkedJobs], more: Int) {
        let rows = try await database.run(
            "SELECT queue, kind, n, total FROM motorpool.unworked(\(Int32(most)))")
        let jobs = try rows.map { row in
            UnworkedJobs(
                queue: try row.get(0), kind: try row.get(1), count: Int(try row.get(2, as: Int64.self)))
        }
        return (jobs, try Store.left(of: rows, column: 3))
    }

    /// Paused queues, by name.
    /// - Returns: the first `most`, and how many more there are.
    package func pausedQueues(most: Int = queuesMax) async throws -> (
        queues: [(queue: String, by: String?, since: PostgresTimestamp)], more: Int
    ) {
        let rows = try await database.run(
            """
            SELECT name, paused_by, paused_at, count(*) OVER () FROM motorpool.queues WHERE paused_at IS NOT NULL
            ORDER BY name LIMIT \(Int64(most))
            """)
        return (
            try rows.map { (try $0.get(0), try $0.get(1), try $0.get(2)) },
            try Store.left(of: rows, column: 3)
        )
    }

    /// Whether a kind names the queue, a job is ready in it, or it was ever paused.
    package func knows(queue: String) async throws -> Bool {
        try await database.run(
            """
            SELECT EXISTS (SELECT 1 FROM motorpool.kinds WHERE queue = \(queue))
                OR EXISTS (SELECT 1 FROM motorpool.queues WHERE name = \(queue))
                OR EXISTS (SELECT 1 FROM motorpool.jobs WHERE queue = \(queue) AND state = 0)
            """
        ).first?.get(0) ?? false
    }

    /// Every queue that a kind names, that has jobs in line or that was ever paused, in order; the first `namesMax`.
    package func queueNames() async throws -> [String] {
        try await database.run(
            """
            WITH RECURSIVE in_line AS (
                (SELECT queue, 1 AS turn FROM motorpool.jobs WHERE state = 0 ORDER BY queue LIMIT 1)
                UNION ALL
                SELECT (SELECT j.queue FROM motorpool.jobs j WHERE j.state = 0 AND j.queue > i.queue
                        ORDER BY j.queue LIMIT 1), i.turn + 1
                FROM in_line i WHERE i.queue IS NOT NULL AND i.turn < \(Int32(Store.namesMax))
            )
            SELECT queue FROM motorpool.kinds UNION SELECT name FROM motorpool.queues
            UNION SELECT queue FROM in_line WHERE queue IS NOT NULL ORDER BY 1 LIMIT \(Int64(Store.namesMax))
            """
        ).map { try $0.get(0) }
    }

    /// How many rows a `LIMIT` left out, when `column` counts all of them.
    static func left(of rows: Rows, column: Int) throws -> Int {
        guard let first = rows.first else { return 0 }
        return max(0, Int(try first.get(column, as: Int64.self)) - rows.count)
    }
}
