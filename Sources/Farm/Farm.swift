internal import Jobs
internal import Platform
internal import Postgres
package import Store

/// A worker process: claims jobs, runs them on lanes, settles them, and keeps the queue in order.
///
/// Everything that lives as long as the farm is a child of `run()`'s task group; the lease alone has a thread.
package final class Farm: Sendable {
    private let store: Store
    private let settings: FarmSettings
    private let kinds: [String: AnyKind]
    private let tally = Tally()
    private let tell: @Sendable (FarmEvent) -> Void
    private let stopping = Alarm()
    private let isDraining = Lock(false)

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
        self.kinds = Dictionary(uniqueKeysWithValues: kinds.map { ($0.name, $0) })
        self.tell = tell
    }

    /// What was done so far.
    package var counts: Tally.Counts { tally.now }

    /// Drains: claims end at once, buffered jobs go back in line, runs may end within the grace time; then `run()`
    /// returns. Twice is once.
    package func stop() {
        isDraining.withLock { $0 = true }
        stopping.sound()
    }

    /// Works until `stop()`, or until the task is cancelled, which drains as well.
    /// - Throws: when the policies can't be published or the lease's thread can't be started: nothing was claimed then.
    package func run() async throws {
        try await store.publish(settings.definitions)
        let crew = try Crew(store: store, settings: settings, kinds: kinds, tally: tally, tell: tell)
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
            await waitForStop()
            tell(.draining)
            await crew.drain()
            farm.cancelAll()
        }
        crew.keeper.stop()
        await leaseThread.joined()
        tell(.stopped)
    }

    private func waitForStop() async {
        while !isDraining.withLock({ $0 }), !Task.isCancelled { await stopping.wait(atMost: .seconds(3600)) }
    }
}
