internal import Jobs
internal import Postgres

/// What a live worker says of itself.
package struct WorkerStats: Sendable {
    package let name: String
    package let isDraining: Bool
    /// Counts since it started, by their name, such as `done`.
    package let counts: [String: Int]
}

extension Store {
    /// Names in one list at most, where people or programs choose from it.
    package static let namesMax = 1000

    /// The kinds that are published, in order; the first `namesMax`.
    package func kindNames() async throws -> [String] {
        try await database.run(
            "SELECT kind FROM motorpool.kinds ORDER BY kind LIMIT \(Int64(Store.namesMax))"
        ).map { try $0.get(0) }
    }

    /// Whether the queue's tables are at least as new as this program needs them.
    /// - Throws: `PostgresError.readOnly` when the database answers and takes no writes; the connections are dropped then,
    ///   so that the next look finds another server, if there is one.
    package func hasSchema() async throws -> Bool {
        let row = try await database.run(
            """
            SELECT coalesce(max(number), 0)::bigint, current_setting('transaction_read_only') = 'on'
            FROM motorpool.migrations
            """, within: .seconds(2)
        ).first
        if try row?.get(1) == true {
            database.distrust()
            throw PostgresError.readOnly("it is a standby, or set to read-only")
        }
        return try row?.get(0, as: Int64.self) ?? 0 >= Int64(Schema.newest)
    }

    /// Live workers, at most 1,000, by name.
    package func workerStats() async throws -> [WorkerStats] {
        let rows = try await database.run(
            "SELECT name, draining, stats FROM motorpool.workers WHERE lease_until > now() ORDER BY name, id LIMIT 1000"
        )
        return try rows.map { row in
            var counts: [String: Int] = [:]
            if let stats = try row.get(2, as: [UInt8]?.self),
                case .object(let members)? = try? JSON(stats).parts().value
            {
                for (name, part) in members {
                    if case .number(let digits) = part.value, let count = Int(digits) { counts[name] = count }
                }
            }
            return WorkerStats(name: try row.get(0), isDraining: try row.get(1), counts: counts)
        }
    }
}
