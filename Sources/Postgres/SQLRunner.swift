/// Something that runs SQL: a database or a transaction.
package protocol SQLRunner: Sendable {
    /// Runs one statement.
    /// - Throws: `PostgresError`, or `CancellationError` when the task was cancelled.
    @discardableResult
    func run(_ sql: SQL, within limit: Duration) async throws -> Rows

    /// Runs statements in one round trip; all take effect or none.
    @discardableResult
    func run(all statements: [SQL], within limit: Duration) async throws -> [Rows]
}

/// How long a statement may take when nobody says otherwise.
package let statementLimit: Duration = .seconds(15)

extension SQLRunner {
    /// Runs one statement within 15 seconds.
    @discardableResult
    package func run(_ sql: SQL) async throws -> Rows { try await run(sql, within: statementLimit) }

    /// Runs statements in one round trip within 15 seconds; all take effect or none.
    @discardableResult
    package func run(all statements: [SQL]) async throws -> [Rows] {
        try await run(all: statements, within: statementLimit)
    }
}
