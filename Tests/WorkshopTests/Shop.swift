import Jobs
import Postgres
import Store
import TestSupport
import Workshop

/// A catalogue on a database of its own, filled through the functions that the kinds of job use.
struct Shop: Sendable {
    let database: TestDatabase
    let store: Store
    var catalogue: Catalogue { Catalogue(store.database) }

    func publish(_ item: SteamItem, _ file: PublishedFile = .sample, by job: Int64 = 0) async throws {
        try await store.database.transaction { tx in
            try await catalogue.publish(item, file, by: job, in: tx)
        }
    }

    func numbers(_ statement: String) async throws -> [Int64] {
        try await store.database.run(SQL(statement)).map { try $0.get(0) }
    }

    func condition(of mod: Int64) async throws -> Int? {
        try await store.database.run("SELECT number FROM workshop.conditions(\([mod]))")[0].get(
            0, as: Int16?.self
        ).map(
            Int.init)
    }

    /// Puts a job in line, as a route or a run would.
    func ask(_ kind: String, about mod: Int64) async throws -> JobID {
        try await store.enqueue(NewJob(kind, subject: String(mod))).job
    }

    /// A worker takes it.
    func start(_ job: JobID) async throws {
        try await store.database.run(
            "UPDATE motorpool.jobs SET state = 1, worker = 1, run = run + 1, started_at = now() WHERE id = \(job.number)"
        )
    }

    /// It is settled.
    func end(_ job: JobID, as ending: String) async throws {
        try await store.database.run(
            """
            WITH gone AS (DELETE FROM motorpool.jobs j WHERE j.id = \(job.number) RETURNING j)
            SELECT motorpool.depart(j, \(ending), NULL, CASE \(ending) WHEN 'dead' THEN 'it failed' END, 'attempts') FROM gone
            """)
    }
}

/// Lends a catalogue whose kinds of job are published and run by nobody.
func withCatalogue<T: Sendable>(_ body: @escaping @Sendable (Shop) async throws -> T) async throws -> T {
    try await withMigratedDatabase("workshop") { settings in
        _ = try await Schema.migrator.migrate(settings)
        _ = try await WorkshopSchema.migrator.migrate(settings)
    } _: { database in
        let store = Store(database.settings)
        let definitions = ["steam-details", "steam-download", "steam-page", "steam-game", "steam-check"].map {
            Definition(kind: $0)
        }
        let result: Result<T, any Error>
        do {
            try await store.publish(Definitions(definitions))
            result = .success(try await body(Shop(database: database, store: store)))
        } catch {
            result = .failure(error)
        }
        await store.bell.settled()
        await store.close()
        return try result.get()
    }
}

extension PublishedFile {
    static let sample = PublishedFile(bytes: 100, sha256: .init(repeating: 1, count: 32))
}

extension SteamItem {
    static func sample(
        _ id: Int64, title: String = "A mod", game: Int64 = 4000, size: Int64 = 1000, tags: [String] = [],
        created: Int64 = 1_600_000_000, updated: Int64 = 1_600_000_000
    ) -> SteamItem {
        SteamItem(
            id: id, game: game, title: title, description: "What it does.", size: size, tags: tags,
            createdAt: PostgresTimestamp(microseconds: created * 1_000_000),
            updatedAt: PostgresTimestamp(microseconds: updated * 1_000_000))
    }
}

extension SteamGame {
    static func sample(_ id: Int64, name: String = "A game", type: String = "game") -> SteamGame {
        SteamGame(
            id: id, name: name, type: type, logo: "https://cdn.example/\(id).jpg", shortDescription: "Short.",
            description: "Long.", genres: [.init(id: 1, name: "Action"), .init(id: 4, name: "Casual")])
    }
}
