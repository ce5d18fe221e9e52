import Farm
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing
import Trial

/// A database of its own with farms that work in it.
final class House: Sendable {
    /// A farm at work, and what it told.
    struct Hand: Sendable {
        let farm: Farm
        let recorder: Recorder
        let task: Task<Void, any Error>
        let store: Store

        func hears(job: JobID, ending words: String) async throws {
            try await recorder.hears("job \(job) ending \(words)") { event in
                if case .runEnded(job, _, _, let told, _, _) = event, told.hasPrefix(words) {
                    true
                } else {
                    nil
                }
            }
        }

        /// Stops the farm and waits until it has.
        func stop() async throws {
            farm.stop()
            try await task.value
        }
    }

    let database: TestDatabase
    let store: Store
    let definitions: Definitions
    private let hands = Lock<[Hand]>([])

    fileprivate init(_ database: TestDatabase, _ definitions: Definitions) {
        self.database = database
        self.definitions = definitions
        // Another name than the farms' connections, which a test may kill.
        var settings = database.settings
        settings.applicationName = "tester"
        store = Store(settings)
    }

    /// Starts a farm, and returns when it has its lease.
    /// - Parameter role: whose privileges its sessions have.
    func hire(
        _ kinds: [AnyKind], name: String = "hand", role: String? = nil,
        _ tweak: (inout FarmSettings) -> Void = { _ in }
    ) async throws -> Hand {
        var settings = FarmSettings(name: name, definitions: definitions)
        settings.lease = .seconds(2)
        settings.grace = .seconds(1)
        tweak(&settings)
        let recorder = Recorder()
        var connection = database.settings
        if let role { connection.sessionSetup.append("SET ROLE \(role)") }
        let store = Store(connection, connectionsMax: 4)
        let farm = Farm(store: store, settings: settings, kinds: kinds) { recorder.hear($0) }
        let hand = Hand(farm: farm, recorder: recorder, task: Task { try await farm.run() }, store: store)
        hands.withLock { $0.append(hand) }
        try await recorder.hears("the lease") { if case .started = $0 { true } else { nil } }
        if settings.hasBell {
            try await recorder.hears("the bell") { if case .bellConnected = $0 { true } else { nil } }
        }
        return hand
    }

    fileprivate func close() async {
        let hands = hands.withLock { $0 }
        for hand in hands { hand.farm.stop() }
        for hand in hands {
            _ = try? await hand.task.value
            await hand.store.close()
        }
        await store.close()
    }

    func job(_ id: JobID) async throws -> JobReport? { try await store.job(id) }

    func value<T: PostgresDecodable>(_ sql: SQL) async throws -> T {
        guard let row = try await store.database.run(sql).first else {
            throw NeverHappened(description: "no row: \(sql.text)")
        }
        return try row.get(0)
    }

    /// A worker claims from a queue and dies: its row and its jobs are all that is left of it.
    /// - Parameters:
    ///   - hasBegun: whether its lanes had begun what it holds, and noted it.
    ///   - lease: in seconds; with none it is rescued here.
    func dies(
        holding limit: Int, queue: String = "default", levels: [Level] = Level.ordinary,
        hasBegun: Bool = false, lease: Double? = nil
    ) async throws {
        let rows = try await store.database.run(
            Lease.register(name: "dead", queues: [queue], kinds: definitions.kinds, seconds: lease ?? 60))
        let worker = WorkerID(try rows[0].get(0))
        let claim = Claim(
            queue: queue, kinds: definitions.kinds, worker: worker, limit: limit,
            watermarks: Watermarks(levels: levels))
        let jobs = try await store.settle(plain: [], andClaim: claim).jobs
        #expect(jobs.count == limit)
        if hasBegun { for job in jobs { try await store.begin(job.token) } }
        guard lease == nil else { return }
        try await store.database.run(
            "UPDATE motorpool.workers SET lease_until = now() - interval '1 hour' WHERE id = \(worker.number)"
        )
        #expect(try await store.rescue().map(\.recovered) == [limit])
    }

    /// Waits until the hot table is empty.
    func isEmptied(within limit: Duration = .seconds(20)) async throws {
        try await eventually("an empty queue", within: limit) {
            try await value("SELECT count(*) FROM motorpool.jobs") as Int == 0
        }
    }

    func becomes(_ state: ToldState, _ job: JobID, within limit: Duration = .seconds(20)) async throws {
        try await eventually("job \(job) \(state)", within: limit) { try await self.job(job)?.state == state }
    }

    func worker(of hand: Hand) throws -> WorkerID {
        let workers = hand.recorder.all {
            if case .started(let worker) = $0 { worker } else { nil as WorkerID? }
        }
        guard let worker = workers.last else { throw NeverHappened(description: "no lease") }
        return worker
    }
}

/// Few at once: what is measured here is also time.
private let turnstile = Turnstile(4)

/// Lends a house whose kinds are published.
func withHouse(
    _ definitions: [Definition] = [Definition(kind: "note")], _ body: (House) async throws -> Void
) async throws {
    try await turnstile.pass {
        try await withMigratedDatabase("farm") {
            try await migrate($0)
        } _: { database in
            let house = House(database, Definitions(definitions))
            do {
                try await house.store.publish(house.definitions)
                try await body(house)
            } catch {
                await house.close()
                throw error
            }
            await house.close()
        }
    }
}

private func migrate(_ settings: ConnectionSettings) async throws {
    _ = try await Schema.migrator.migrate(settings)
    _ = try await TrialSchema.migrator.migrate(settings)
}
