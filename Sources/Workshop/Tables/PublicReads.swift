internal import Platform
internal import Postgres

/// How much of the database the reads of anonymous callers may take: how many run at once, and for how long.
struct PublicReads: Sendable {
    /// One statement, or several in one round trip.
    let limit: Duration
    private let places: Semaphore

    init(places: Int, waitMax: Duration, limit: Duration) {
        self.limit = limit
        self.places = Semaphore(places: max(1, places), waitMax: waitMax)
    }

    /// - Throws: `WaitError` when no place becomes free in time; `PostgresError` when the statements take longer than
    ///   `limit`; what they throw.
    func run(_ statements: [SQL], on database: Database) async throws -> [Rows] {
        try await places.withPlace { try await database.run(all: statements, within: limit) }
    }
}

extension Catalogue {
    /// Runs what a caller asked to see: within the bounds of public reads where there are some.
    func read(all statements: [SQL]) async throws -> [Rows] {
        guard let publicReads else { return try await database.run(all: statements) }
        return try await publicReads.run(statements, on: database)
    }

    func read(_ statement: SQL) async throws -> Rows { try await read(all: [statement])[0] }
}
