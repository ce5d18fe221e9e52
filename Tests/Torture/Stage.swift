import Farm
import Jobs
import Platform
import Postgres
import Store
import Trial

/// A migrated database of its own with its policies, where workers can be started.
final class Stage: Sendable {
    let name: String
    let server: TortureServer
    /// Straight to the server, for us who watch.
    let store: Store
    let folder: String
    let binary: String
    /// The only ones that are known here.
    private let kinds: [String]
    private let workers = Lock<[WorkerProcess]>([])

    /// A stage for the kinds made for trying.
    /// - Parameter policies: the text of `jobs/<kind>.conf` where it differs from the default.
    static func open(
        _ name: String, on server: TortureServer, in scratch: Scratch, policies: [String: String] = [:]
    ) async throws -> Stage {
        try await open(
            name, on: server, in: scratch, migrators: [Schema.migrator, TrialSchema.migrator],
            kinds: TrialKinds.names, policies: Stage.plainPolicies.merging(policies) { $1 })
    }

    /// - Parameter policies: the text of `jobs/<kind>.conf` of each kind.
    static func open(
        _ name: String, on server: TortureServer, in scratch: Scratch, migrators: [Migrator], kinds: [String],
        policies: [String: String]
    ) async throws -> Stage {
        let admin = Database(server.settings("postgres"), connectionsMax: 1)
        try await admin.run("CREATE DATABASE \(pasting: name)", within: .seconds(60))
        await admin.close()
        let settings = server.settings(name)
        for migrator in migrators { _ = try await migrator.migrate(settings) }
        let folder = try scratch.folder(name)
        _ = try scratch.folder("\(name)/jobs")
        _ = try scratch.folder("\(name)/logs")
        let stage = Stage(
            name: name, server: server, store: Store(settings, connectionsMax: 16), folder: folder,
            binary: try Environment.binary(), kinds: kinds)
        try await stage.publish(policies)
        return stage
    }

    private init(
        name: String, server: TortureServer, store: Store, folder: String, binary: String, kinds: [String]
    ) {
        self.name = name
        self.server = server
        self.store = store
        self.folder = folder
        self.binary = binary
        self.kinds = kinds
    }

    /// No limits, quick retries, and patience with failures that are the database's.
    static let plainPolicies = [
        "effect": "queue = effects\nlanes = 8\nattempts = 100\nbackoff = 50ms to 500ms",
        "noop": "queue = trial\nlanes = 8",
        "fail": "queue = trial\nattempts = 100\nbackoff = 50ms to 500ms",
        "family": "queue = trial",
        "abort": "queue = trial",
        "sleep": "queue = sleepers\nlanes = 4\ntime_limit = 1h",
    ]

    /// The file outside the database into which the effect kind writes its lines.
    var effectsFile: String { "\(folder)/effects.log" }

    /// Writes `jobs/` and makes the policies known, so that producers need not wait for a worker.
    private func publish(_ policies: [String: String]) async throws {
        for (kind, text) in policies { try TextFile.write(text + "\n", to: "\(folder)/jobs/\(kind).conf") }
        let (definitions, faults) = Definitions.load(
            files: policies.map { (kind: $0.key, file: $0.key, text: $0.value) },
            compiledKinds: kinds, folder: "jobs")
        guard faults.isEmpty else { throw TortureError("\(faults)") }
        try await store.publish(definitions)
    }

    // MARK: Workers

    func workerSettings(by port: UInt16? = nil) -> WorkerProcess.Settings {
        WorkerProcess.Settings(
            binary: binary, url: server.url(name, port: port), jobs: "\(folder)/jobs", logs: "\(folder)/logs",
            kinds: kinds, variables: ["MOTORPOOL_TRIAL_LEDGER": effectsFile])
    }

    func start(
        _ name: String, _ settings: WorkerProcess.Settings? = nil, killPoint: String? = nil
    ) throws -> WorkerProcess {
        let worker = try WorkerProcess.start(name, settings ?? workerSettings(), killPoint: killPoint)
        workers.withLock { $0.append(worker) }
        return worker
    }

    /// Every worker that was ever started here.
    var allWorkers: [WorkerProcess] { workers.withLock { $0 } }

    /// The row of a worker, when it has one; a process that lost its lease has a new one.
    func id(of worker: WorkerProcess) async throws -> Int64? {
        try await store.database.run(
            "SELECT id FROM motorpool.workers WHERE name = \(worker.name) ORDER BY id DESC LIMIT 1"
        )
        .first?.get(0)
    }

    /// Returns when each has a row.
    func waitUntilWorking(_ workers: [WorkerProcess]) async throws {
        for worker in workers {
            try await eventually("\(worker.name) registers", within: .seconds(20)) {
                if let ended = worker.ended {
                    throw TortureError(
                        "\(worker.name) \(ended): \(worker.lines.suffix(5).joined(separator: "\n"))")
                }
                return try await self.id(of: worker) != nil
            }
        }
    }

    // MARK: Looking

    /// Whether a job stands that has met the loss of two workers.
    ///
    /// It runs alone, and a third time makes it poison, rightly: a torture that strikes the same job three times would
    /// breed innocents that can't be told from guilty ones.
    var hasTwiceStruck: Bool {
        get async {
            let struck = try? await count(
                "SELECT count(*) FROM motorpool.jobs WHERE level < 0 AND state IN (0, 1)")
            return struck != 0
        }
    }

    /// Returns when none stands any more, or after a while.
    func spareTheTwiceStruck() async throws {
        let deadline = ContinuousClock.now + .seconds(10)
        while await hasTwiceStruck, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(30))
        }
    }

    func count(_ sql: SQL) async throws -> Int {
        Int(try await store.database.run(sql).first?.get(0, as: Int64.self) ?? 0)
    }

    /// Returns when the hot table is empty.
    func drain(within limit: Duration) async throws {
        do {
            try await eventually("every job leaves", within: limit) {
                try await self.count("SELECT count(*) FROM motorpool.jobs") == 0
            }
        } catch let error as TortureError {
            throw TortureError("\(error)\n\(try await whatIsLeft())")
        }
    }

    /// What stands in the queue, and who works it.
    func whatIsLeft() async throws -> String {
        let jobs = try await store.database.run(
            """
            SELECT concat_ws(' ', count(*), kind, 'state', state, 'level', level, 'held', held, 'worker', j.worker, w.name,
                'run', min(run), '-', max(run), 'example', min(j.id), (min(args::text)))
            FROM motorpool.jobs j LEFT JOIN motorpool.workers w ON w.id = j.worker
            GROUP BY kind, state, level, held, j.worker, w.name ORDER BY count(*) DESC LIMIT 30
            """)
        let workers = try await store.database.run(
            "SELECT concat_ws(' ', 'worker', id, name, 'lease', lease_until - now(), stats::text) FROM motorpool.workers"
        )
        return try (jobs.map { try $0.get(0) } + workers.map { try $0.get(0) }).joined(separator: "\n")
    }

    /// Ends every process and closes every connection.
    func close() async {
        for worker in allWorkers where worker.ended == nil { worker.kill() }
        await store.close()
    }
}

/// Waits for a condition that gives no event.
/// - Throws: `TortureError` when it does not come; what `condition` throws.
func eventually(
    _ words: String, within limit: Duration, every pause: Duration = .milliseconds(20),
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else {
            throw TortureError("waited for \(limit.text) in vain: \(words)")
        }
        try await Task.sleep(for: pause)
    }
}

/// Does it again while the database can't answer: a server that we crashed ourselves.
func insisting<T: Sendable>(for limit: Duration = .seconds(30), _ deed: () async throws -> T) async throws
    -> T
{
    let deadline = ContinuousClock.now + limit
    while true {
        do {
            return try await deed()
        } catch let error as PostgresError where error.isTransient && ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
