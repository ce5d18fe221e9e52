/// Brings a schema up to date, append-only.
///
/// Applied migrations stand in `<schema>.migrations`. Each is applied in a transaction of its own which first takes one
/// advisory lock, so processes that start together take turns; the lock dies with the transaction, so it works through
/// poolers as well.
package struct Migrator: Sendable {
    private let schema: String
    private let migrations: [Migration]

    /// For the wait behind another process, and again for one migration.
    private static let lockLimit: Duration = .seconds(60)
    private static let migrationLimit: Duration = .seconds(600)

    package init(schema: String, migrations: [Migration]) {
        precondition(
            zip(migrations, migrations.dropFirst()).allSatisfy { $0.number < $1.number },
            "migrations stand in ascending order")
        self.schema = schema
        self.migrations = migrations
    }

    /// Applies what is missing; the numbers it applied itself.
    ///
    /// Finding nothing to do changes nothing, not even when the schema is newer than this program.
    /// - Throws: `MigrationDrift` if an applied migration differs from ours, or one of ours is missing below a newer
    ///   one; `PostgresError`, 55P03 when another process kept the lock for 60 seconds.
    package func migrate(_ settings: ConnectionSettings) async throws -> [Int] {
        let database = Database(settings, connectionsMax: 1)
        defer { database.shut() }
        try await createTable(database)
        var applied: [Int] = []
        for migration in migrations {
            let limit = Self.lockLimit + Self.migrationLimit
            let isNew = try await database.transaction(within: limit) { try await apply(migration, $0) }
            if isNew { applied.append(migration.number) }
        }
        return applied
    }

    /// Compares, without changing anything.
    package func check(_ settings: ConnectionSettings) async throws -> MigrationState {
        let connection = try await Connection.open(settings)
        defer { connection.abandon() }
        guard try await hasTable(connection.run(tableQuery)) else { return judge([]) }
        return judge(try await history(connection.run(historyQuery)))
    }

    // MARK: Statements

    private var table: String { "\(quoted(schema)).migrations" }

    private func quoted(_ name: String) -> String {
        "\"\(name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\""
    }

    private var tableQuery: SQL { "SELECT to_regclass(\(table)) IS NOT NULL" }

    private var historyQuery: SQL {
        "SELECT number, name, checksum FROM \(pasting: table) ORDER BY number"
    }

    private func hasTable(_ rows: Rows) throws -> Bool { try rows[0].get(0) }

    /// Waits for our turn; the lock is given back with the transaction.
    private func takeTurn(_ transaction: Transaction) async throws {
        let key = Int64(bitPattern: fnv1a("migrations of \(schema)"))
        try await transaction.run(
            """
            SELECT set_config('lock_timeout', \(String(Self.lockLimit.milliseconds)), true),
                set_config('statement_timeout', \(String(Self.migrationLimit.milliseconds)), true)
            """)
        try await transaction.run(
            "SELECT pg_advisory_xact_lock(\(key))", within: Self.lockLimit + .seconds(5))
    }

    private func createTable(_ database: Database) async throws {
        // Looked for first: CREATE … IF NOT EXISTS wants the right to create even where there is nothing to do.
        guard try await !hasTable(database.run(tableQuery)) else { return }
        try await database.transaction(within: Self.lockLimit + .seconds(15)) { transaction in
            try await takeTurn(transaction)
            try await transaction.runScript(
                """
                CREATE SCHEMA IF NOT EXISTS \(quoted(schema));
                CREATE TABLE IF NOT EXISTS \(table) (
                    number bigint PRIMARY KEY,
                    name text NOT NULL,
                    checksum text NOT NULL,
                    applied_at timestamptz NOT NULL DEFAULT now()
                );
                """)
        }
    }

    /// Applies one migration in its turn; false if it had been applied.
    private func apply(_ migration: Migration, _ transaction: Transaction) async throws -> Bool {
        try await takeTurn(transaction)
        let applied = try await history(transaction.run(historyQuery))
        switch judge(applied) {
        case .current, .newer: return false
        case .behind(let missing) where !missing.contains(migration.number): return false
        case .behind: break
        case .drifted(let differences): throw MigrationDrift(differences: differences)
        }
        try await transaction.runScript(migration.sql, within: Self.migrationLimit)
        try await transaction.run(
            """
            INSERT INTO \(pasting: table) (number, name, checksum)
            VALUES (\(migration.number), \(migration.name), \(migration.checksum))
            """)
        return true
    }

    // MARK: Judgement

    private struct Applied: Equatable {
        let number: Int
        let name: String
        let checksum: String
    }

    private func history(_ rows: Rows) throws -> [Applied] {
        try rows.map { try Applied(number: $0.get(0), name: $0.get(1), checksum: $0.get(2)) }
    }

    private func judge(_ applied: [Applied]) -> MigrationState {
        if isMerelyNewer(applied) { return .newer(applied.map(\.number).filter { !isOurs($0) }) }
        let differences = applied.compactMap(difference)
        guard differences.isEmpty else { return .drifted(differences) }
        let known = Set(applied.map(\.number))
        let missing = migrations.map(\.number).filter { !known.contains($0) }
        return missing.isEmpty ? .current : .behind(missing)
    }

    private func difference(_ applied: Applied) -> String? {
        guard let ours = migrations.first(where: { $0.number == applied.number }) else {
            return "migration \(applied.number) (\(applied.name)) is unknown here; a newer version applied it"
        }
        guard ours.checksum != applied.checksum else { return nil }
        return "migration \(applied.number) (\(applied.name)) was changed after it had been applied"
    }

    /// Everything of ours was applied as it is, and more came after it.
    private func isMerelyNewer(_ applied: [Applied]) -> Bool {
        migrations.allSatisfy { ours in
            applied.contains { $0.number == ours.number && $0.checksum == ours.checksum }
        } && applied.contains { !isOurs($0.number) }
    }

    private func isOurs(_ number: Int) -> Bool { migrations.contains { $0.number == number } }
}
