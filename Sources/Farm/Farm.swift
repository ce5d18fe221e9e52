package import Jobs
internal import Platform
internal import Postgres
package import Store

/// A worker process: claims jobs, runs them on lanes, settles them, and keeps the queue in order.
///
/// Everything that lives as long as the farm is a child of `run()`'s task group. What must not depend on anybody's task
/// has a thread: the lease, the watchdog, the drain, and the runs, which have several.
package final class Farm: Sendable {
    private let store: Store
    private let settings: FarmSettings
    private let kinds: [String: AnyKind]
    private let tally = Tally()
    private let tell: @Sendable (FarmEvent) -> Void
    private let definitions: LiveDefinitions
    private let crew = Lock<Crew?>(nil)
    private let end = Monitor(End())

    /// That the farm shall end, and why.
    private struct End {
        var asked: ContinuousClock.Instant?
        var wornOut: String?
    }

    /// - Parameters:
    ///   - kinds: what can be run here; each has a definition.
    ///   - tell: hears every event, on whatever task it happens: it must be quick.
    package init(
        store: Store, settings: FarmSettings, kinds: [AnyKind],
        tell: @escaping @Sendable (FarmEvent) -> Void = { _ in }
    ) {
        for kind in kinds {
            precondition(settings.definitions[kind.name] != nil, "the kind \(kind.name) has no definition")
        }
        self.store = store
        self.settings = settings
        definitions = LiveDefinitions(settings.definitions)
        self.kinds = Dictionary(uniqueKeysWithValues: kinds.map { ($0.name, $0) })
        self.tell = tell
    }

    /// What was done so far.
    package var counts: Tally.Counts { tally.now }

    /// Drains: claims end at once, buffered jobs go back in line, runs may end within the grace time; then `run()`
    /// returns. Twice is once.
    ///
    /// It waits for nothing, and works whatever blocks: the drain has a thread of its own.
    /// - Parameter asked: when the grace time began.
    package func stop(asked: ContinuousClock.Instant = .now) {
        end.withLock { $0.asked = $0.asked ?? asked }
        end.broadcast()
    }

    /// Works until `stop()`, or until the task is cancelled, which drains as well.
    /// - Throws: `WornOut` when it has ended by itself; anything else when the policies can't be published or a thread
    ///   can't be started: nothing was claimed then.
    package func run() async throws {
        try await store.publish(definitions.now)
        let crew = try Crew(
            store: store, settings: settings, definitions: definitions, kinds: kinds, tally: tally, tell: tell
        )
        self.crew.withLock { $0 = crew }
        defer { self.crew.withLock { $0 = nil } }
        crew.watchdog.start(
            onChange: { crew.keeper.renewSoon() },
            onHopeless: { why in
                self.end.withLock { $0.wornOut = why }
                self.tell(.wornOut(why: why))
                self.stop()
            })
        let leaseThread = crew.keeper.start()
        await withDiscardingTaskGroup { farm in
            for claimer in crew.claimers { farm.addTask { await claimer.run() } }
            for claimer in crew.claimers where claimer.pool.prefetches {
                farm.addTask { await claimer.runBeside() }
            }
            for settler in crew.settlers { farm.addTask { await settler.run() } }
            farm.addTask { await crew.mover.run() }
            farm.addTask { await crew.rescuer.run() }
            farm.addTask { await crew.upkeep.run() }
            farm.addTask { await crew.inspector.run() }
            if let ear = crew.ear { farm.addTask { await ear.run() } }
            if let scheduler = crew.scheduler { farm.addTask { await scheduler.run() } }
            await withTaskCancellationHandler {
                await drained(crew)
            } onCancel: {
                stop()
            }
            farm.cancelAll()
        }
        crew.keeper.stop()
        await leaseThread.joined()
        crew.watchdog.stop()
        crew.threads.close()
        tell(.stopped)
        if let why = end.withLock({ $0.wornOut }) { throw WornOut(why: why) }
    }

    /// Returns when the farm was asked to end, and has drained.
    private func drained(_ crew: Crew) async {
        await BlockingThread.start("drain") {
            crew.drain.run(since: self.waitForStop())
            crew.watchdog.expectEnd()
        }.joined()
    }

    private func waitForStop() -> ContinuousClock.Instant {
        while true {
            if let asked = end.wait(atMost: .seconds(3600), for: \.asked) { return asked }
        }
    }

    // MARK: - Reloading

    /// Takes other policies and another schedule while jobs run: attempts, pauses, time limits, what is published to
    /// producers, lanes of the queues that are worked here, and the lines of the schedule.
    /// - Returns: a sentence for each change that needs another start.
    /// - Throws: when the database can't be told; nothing is changed here then.
    package func reload(_ new: Definitions, schedule: [ScheduleLine]) async throws -> [String] {
        try await store.publish(new)
        let old = definitions.now
        definitions.replace(with: new)
        let crew = crew.withLock { $0 }
        let (lanes, pools) = (settings.lanes(of: new), (crew?.pools ?? []).filter(\.prefetches))
        crew?.threads.allow(max: settings.runThreadsMax(of: new))
        for pool in pools {
            if let count = lanes[pool.name], count != pool.load.lanes { pool.resize(lanes: count) }
        }
        crew?.scheduler?.replace(with: schedule)
        var later: [String] = []
        let worked = Set(settings.lanes.keys)
        for queue in Set(lanes.keys).subtracting(worked).sorted() {
            later.append("the queue \(queue) is new, and is not worked here")
        }
        for queue in worked.subtracting(lanes.keys).sorted() {
            later.append("no kind has the queue \(queue) any more, and its lanes stay")
        }
        if new.hosts != old.hosts { later.append("the rates of hosts are as they were") }
        if new.kinds != old.kinds { later.append("the kinds known here are as they were") }
        return later
    }
}
