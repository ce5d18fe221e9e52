package import Jobs
package import Postgres

/// Who acts by hand, as the audit ledger names them.
package struct Operator: Hashable, Sendable {
    package let name: String
    /// Where the request came from. `nil`: not by HTTP.
    package let address: String?

    package init(name: String, address: String? = nil) {
        self.name = name
        self.address = address
    }
}

/// One action that an operator took.
package struct AuditEntry: Sendable {
    package let number: Int64
    package let at: PostgresTimestamp
    package let actor: String
    package let address: String?
    /// A word such as `cancel` or `pause`.
    package let action: String
    /// What it was done to, such as `job 17` or `queue mail`.
    package let target: String
    /// How many jobs, queues or schedules it changed.
    package let count: Int
    package let detail: JSON?
}

extension Store {
    /// The ledger, newest first.
    /// - Parameters:
    ///   - before: only entries with a smaller number.
    ///   - limit: 1…1000.
    package func audit(before: Int64? = nil, limit: Int) async throws -> [AuditEntry] {
        try await database.run(
            """
            SELECT id, at, actor, address, action, target, count, detail FROM motorpool.audit
            WHERE id < \(before ?? .max) ORDER BY id DESC LIMIT \(Int64(limit))
            """
        ).map { row in
            AuditEntry(
                number: try row.get(0), at: try row.get(1), actor: try row.get(2), address: try row.get(3),
                action: try row.get(4), target: try row.get(5), count: Int(try row.get(6, as: Int32.self)),
                detail: try row.get(7, as: [UInt8]?.self).map { JSON($0) })
        }
    }

    /// Notes something that changed no row of the queue, such as a log-in.
    package func note(_ action: String, _ target: String, by actor: Operator) async throws {
        try await database.run(Store.noting(action, target, count: 1, by: actor))
    }

    /// A secret of this installation.
    /// - Parameter fresh: kept under this name when there was none; whoever comes first wins.
    package func secret(named name: String, orKeep fresh: [UInt8]) async throws -> [UInt8] {
        let answers = try await database.run(all: [
            "INSERT INTO motorpool.secrets (name, value) VALUES (\(name), \(PostgresValue.bytea(fresh))) ON CONFLICT (name) DO NOTHING",
            "SELECT value FROM motorpool.secrets WHERE name = \(name)",
        ])
        guard let row = answers[1].first else { throw PostgresError.decoding("a secret was not kept") }
        return try row.get(0)
    }

    /// Days for which an entry of the ledger is kept.
    package static let auditDays = 365

    /// Removes what is older than a year, at most 10,000 entries at once.
    package func trimAudit() async throws -> Int {
        let rows = try await database.run("SELECT motorpool.trim_audit(\(Int32(Store.auditDays)))")
        return try Int(rows[0].get(0, as: Int64.self))
    }

    /// The entry of an action, to be run in the action's own transaction.
    static func noting(
        _ action: String, _ target: String, count: Int, detail: JSON? = nil, by actor: Operator
    ) -> SQL {
        """
        INSERT INTO motorpool.audit (actor, address, action, target, count, detail)
        VALUES (\(Bounds.storable(error: actor.name)), \(actor.address), \(action),
            \(Bounds.storable(error: target)), \(Int32(clamping: count)), \(detail.map { PostgresValue.json($0.bytes) }))
        """
    }
}
