import FoundationEssentials
import Front
import HTTPServer
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing
import Workshop

/// A catalogue on a database of its own, filled through the functions that the kinds of job use, and its routes, asked
/// without a socket. No worker runs: the tests say what becomes of jobs.
struct Shop: Sendable {
    let database: TestDatabase
    let store: Store
    let routes: WorkshopRoutes
    let front: Front
    let settings: WorkshopSettings
    var catalogue: Catalogue { Catalogue(store.database) }

    struct Answer: Sendable {
        let response: Response

        var status: Int { response.status }
        var text: String {
            if case .bytes(let bytes) = response.content { return String(decoding: bytes, as: UTF8.self) }
            return ""
        }
        var json: JSONPart? { try? JSON(text: text).parts() }
        func header(_ name: String) -> String? { response.headers[name] }
        var errorID: Int? { json?["error_id"].flatMap { Int($0.json.description) } }
        var isFile: Bool { if case .file = response.content { true } else { false } }
    }

    // MARK: Asking

    func ask(_ target: String, _ method: Method = .get, headers: Headers = [:]) async -> Answer {
        let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(
            String.init)
        let request = Request(
            method: method, path: halves[0], query: halves.count > 1 ? halves[1] : nil, headers: headers
        ) { _ throws(BodyError) in [] }
        return Answer(response: await front.handle(request))
    }

    // MARK: Filling

    func publish(_ item: SteamItem, _ file: PublishedFile = .sample, by job: Int64 = 0) async throws {
        try await store.database.transaction { tx in
            try await catalogue.publish(item, file, by: job, in: tx)
        }
    }

    /// A mod that is here with its file and Steam's word.
    func stock(_ item: SteamItem) async throws {
        let bytes = Shop.content(of: item.id)
        let file = PublishedFile(bytes: Int64(bytes.count), sha256: .init(repeating: 0xab, count: 32))
        try Data(bytes).write(to: URL(filePath: settings.path(of: item.id, file)))
        try await catalogue.note([item])
        try await publish(item, file)
    }

    static func content(of mod: Int64) -> [UInt8] {
        (0..<1000).map { UInt8(truncatingIfNeeded: Int64($0) &* mod) }
    }

    func loseFile(of mod: Int64) async throws {
        let file = try #require(try await catalogue.files(of: [mod])[mod])
        try FileManager.default.removeItem(atPath: settings.path(of: mod, file))
    }

    /// Steam's word on a mod, and when it was asked for, become so old.
    func age(_ mod: Int64, hours: Int32) async throws {
        try await store.database.run(
            "UPDATE workshop.items SET checked_at = now() - make_interval(hours => \(hours)) WHERE id = \(mod)"
        )
        try await store.database.run(
            "UPDATE workshop.mods SET date_request = now() - make_interval(hours => \(hours)) WHERE id = \(mod)"
        )
    }

    // MARK: Jobs

    /// Puts a job in line, as a route or a run would.
    @discardableResult
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

    /// Jobs of a kind that have not ended.
    func jobs(_ kind: String) async throws -> [JobReport] {
        var filter = JobFilter()
        filter.kind = kind
        return try await store.jobs(filter).filter { $0.state == .waiting || $0.state == .running }
    }

    /// Waits for the look-up that a request has asked for, and lets a worker end it: with this word, or with none.
    func answerLookUp(_ items: [SteamItem] = [], missing: [Int64] = [], ending: String = "done") async throws
    {
        var job: JobID?
        try await eventually("a look-up in line") {
            job = try await jobs("steam-details").first?.id
            return job != nil
        }
        try await catalogue.note(items, missing: missing)
        if let job { try await end(job, as: ending) }
    }

    // MARK: Looking

    func numbers(_ statement: String) async throws -> [Int64] {
        try await store.database.run(SQL(statement)).map { try $0.get(0) }
    }

    func condition(of mod: Int64) async throws -> Int? { try await catalogue.conditions(of: [mod])[mod] }

    /// What was counted of a type this hour, written down or not.
    func count(_ type: StatisticsType) async throws -> Int64 {
        await routes.statistics.flush()
        return try await numbers(
            "SELECT coalesce(sum(count), 0)::bigint FROM workshop.hours WHERE type = '\(type.rawValue)'")[0]
    }
}

private let turnstile = Turnstile(4)

/// Lends a shop whose kinds of job are published and run by nobody. Requests wait a quarter of a second for Steam's word
/// unless `change` says otherwise.
func withShop<T: Sendable>(
    _ change: (inout WorkshopSettings) -> Void = { _ in }, _ body: (Shop) async throws -> T
) async throws -> T {
    try await turnstile.pass {
        try await withMigratedDatabase(
            "workshop",
            migrate: { settings in
                _ = try await Schema.migrator.migrate(settings)
                _ = try await WorkshopSchema.migrator.migrate(settings)
            },
            { database in
                let folder = FileManager.default.temporaryDirectory.path + "/" + database.name
                var settings = WorkshopSettings(folder: folder)
                settings.lookUpWait = .milliseconds(250)
                settings.busySpan = .zero
                change(&settings)
                try FileManager.default.createDirectory(
                    atPath: settings.modsFolder, withIntermediateDirectories: true)
                defer { try? FileManager.default.removeItem(atPath: folder) }
                let store = Store(database.settings)
                let routes = WorkshopRoutes(store.database, settings)
                var front = FrontSettings()
                front.lookInterval = .milliseconds(10)
                front.cacheSpan = .zero
                front.anonymousReads = Rate(count: 100_000, per: .seconds(1), burst: 100_000)
                front.anonymousWrites = Rate(count: 100_000, per: .seconds(1), burst: 100_000)
                let shop = Shop(
                    database: database, store: store, routes: routes,
                    front: Front(store: store, settings: front, more: routes.all), settings: settings)
                let kinds = ["steam-details", "steam-download", "steam-page", "steam-game", "steam-check"]
                let result: Result<T, any Error>
                do {
                    try await store.publish(Definitions(kinds.map { Definition(kind: $0) }))
                    result = .success(try await body(shop))
                } catch {
                    result = .failure(error)
                }
                await routes.statistics.close()
                await store.bell.settled()
                await store.close()
                return try result.get()
            })
    }
}

extension PublishedFile {
    static let sample = PublishedFile(bytes: 100, sha256: .init(repeating: 1, count: 32))
}

extension SteamItem {
    static func sample(
        _ id: Int64, title: String = "A mod", game: Int64 = 4000, size: Int64 = 1000, tags: [String] = [],
        created: Int64 = 1_600_000_000, updated: Int64 = 1_600_000_000, description: String = "What it does."
    ) -> SteamItem {
        SteamItem(
            id: id, game: game, title: title, description: description, size: size, tags: tags,
            createdAt: PostgresTimestamp(microseconds: created * 1_000_000),
            updatedAt: PostgresTimestamp(microseconds: updated * 1_000_000))
    }
}

extension SteamGame {
    static func sample(
        _ id: Int64, name: String = "A game", type: String = "game",
        genres: [Genre] = [.init(id: 1, name: "Action"), .init(id: 4, name: "Casual")]
    ) -> SteamGame {
        SteamGame(
            id: id, name: name, type: type, logo: "https://cdn.example/\(id).jpg", shortDescription: "Short.",
            description: "Long.", genres: genres)
    }
}

extension SteamPage {
    static func sample(dependencies: [Int64] = [], screenshots: [String] = [], logo: String = "") -> SteamPage
    {
        SteamPage(
            dependencies: dependencies, screenshots: screenshots, logo: logo, version: 1,
            sha256: .init(repeating: 3, count: 32))
    }
}
