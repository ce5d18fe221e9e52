import Farm
import Jobs
import Platform
import Postgres
import Store

/// The torture: a farm under load, faults from every side, and a count at the end.
struct Torture: Sendable {
    let options: Options
    let server: TortureServer
    let scratch: Scratch

    static let workers = 3
    static let depthMax = 600
    /// With a broken fence: so many more stops before it, until something was doubled.
    static let encoresMax = 12

    /// - Returns: what was found.
    func run() async throws -> Report {
        let began = ContinuousClock.now
        let stage = try await Stage.open("torture", on: server, in: scratch)
        if options.breaksFence { try await breakFence(stage) }
        let proxy = try FaultProxy.start(to: server.port, seed: options.seed)
        do {
            let report = try await run(on: stage, proxy, began)
            await stage.close()
            await proxy.stop()
            return report
        } catch {
            await stage.close()
            await proxy.stop()
            throw error
        }
    }

    /// The guard of commit, gone: what a stale run wrote is committed.
    ///
    /// Not in SQL: that would be inlined, and the settlement, an argument that nobody uses, never called.
    private func breakFence(_ stage: Stage) async throws {
        try await stage.store.database.run(
            "CREATE OR REPLACE FUNCTION motorpool.fence(held boolean) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN true; END $$"
        )
    }

    private func run(on stage: Stage, _ proxy: FaultProxy, _ began: ContinuousClock.Instant) async throws
        -> Report
    {
        let plan = FaultPlan(kills: options.kills, seed: options.seed)
        let watch = RecoveryWatch(stage.store)
        let lives = Lives(plan, stage: stage, settings: stage.workerSettings(by: proxy.port), watch: watch)
        let weather = WeatherMaker(plan, stage: stage, proxy: proxy, seed: options.seed)
        let depth = Depth(stage)
        let book = Book()
        let through = Store(torturesOwn(stage, proxy), connectionsMax: 12)
        let load = Load(
            book: book, store: through, jobsMax: jobsMax,
            scale: options.scale, seed: options.seed, isFull: { depth.last > Torture.depthMax })
        let progress = Progress { words(lives, weather, proxy, book, depth, plan.lives.count, began) }
        let stuck = try await together(
            [{ await watch.run() }, { await depth.run() }, { await progress.run() }], load: load,
            { try await weather.run { 1 - Double(lives.left) / Double(plan.lives.count) } },
            { try await self.play(lives, on: stage) },
            {
                proxy.forgetOrders()
                return try await self.drain(stage)
            })
        await through.close()
        let ledger = try await insisting { try await Ledger.read(stage.store.database) }
        let findings = Findings(
            book: book, ledger: ledger, outside: OutsideLedger(file: stage.effectsFile), held: watch.held)
        return Report(
            options: options, findings: findings, lives: lives.counts, weather: weather.counts,
            proxy: proxy.counts, recoveries: watch.times,
            stale: max(depth.stale, stage.allWorkers.reduce(0) { $0 + $1.staleLogged }), stuck: stuck,
            duration: .now - began)
    }

    /// - Returns: what ends the workers that are left.
    private func play(_ lives: Lives, on stage: Stage) async throws -> @Sendable () async throws -> Void {
        let encores = Lock(options.breaksFence ? Torture.encoresMax : 0)
        let survivors = try await lives.play(workers: Torture.workers) {
            guard encores.withLock({ $0 > 0 }), try await !isDoubled(stage) else { return nil }
            encores.withLock { $0 -= 1 }
            return .stoppedAt(.beforeFence, count: 5)
        }
        return { try await lives.leave(survivors) }
    }

    /// Whether the broken fence has let something through.
    private func isDoubled(_ stage: Stage) async throws -> Bool {
        try await insisting {
            try await stage.count(
                "SELECT count(*) FROM (SELECT 1 FROM trial.effects GROUP BY job HAVING count(*) > 1 LIMIT 1) d"
            ) > 0
        }
    }

    /// - Returns: what is left, when the queue does not become empty.
    private func drain(_ stage: Stage) async throws -> String? {
        do {
            try await insisting(for: .seconds(60)) { try await stage.drain(within: .seconds(60)) }
            return nil
        } catch let error as TortureError {
            return error.description
        }
    }

    private var jobsMax: Int { Int(Double(2000 + options.kills * 150) * options.scale) }

    private func torturesOwn(_ stage: Stage, _ proxy: FaultProxy) -> ConnectionSettings {
        var settings = stage.server.settings(stage.name, port: proxy.port)
        settings.applicationName = "torture-load"
        return settings
    }

    /// Faults and load side by side; then the load ends, and the queue drains while the watchers go on.
    private func together<T: Sendable>(
        _ watchers: [@Sendable () async -> Void], load: Load,
        _ weather: @escaping @Sendable () async throws -> Void,
        _ lives: @escaping @Sendable () async throws -> @Sendable () async throws -> Void,
        _ drain: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for watcher in watchers { group.addTask { await watcher() } }
            async let producing: Void = load.run()
            async let raining: Void = weather()
            let leave = try await lives()
            try await raining
            load.stop()
            await producing
            let result = try await drain()
            try await leave()
            group.cancelAll()
            return result
        }
    }
}

/// How much is in line, and how many stale writes the workers have counted: looked up a few times a second.
final class Depth: Sendable {
    private struct State {
        var depth = 0
        var stale: [Int64: Int64] = [:]
    }

    private let stage: Stage
    private let state = Lock(State())

    init(_ stage: Stage) { self.stage = stage }

    var last: Int { state.withLock { $0.depth } }
    var stale: Int { state.withLock { Int($0.stale.values.reduce(0, +)) } }

    func run() async {
        while !Task.isCancelled {
            try? await look()
            try? await Task.sleep(for: .milliseconds(200))
        }
    }

    private func look() async throws {
        let depth = try await stage.count("SELECT count(*) FROM motorpool.jobs")
        let rows = try await stage.store.database.run(
            "SELECT id, coalesce((stats->>'stale')::bigint, 0) FROM motorpool.workers")
        let stale = try rows.map { (try $0.get(0, as: Int64.self), try $0.get(1, as: Int64.self)) }
        state.withLock { state in
            state.depth = depth
            for (worker, count) in stale { state.stale[worker] = count }
        }
    }
}
