internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// Everyone who works in one farm, wired.
final class Crew: Sendable {
    let keeper: LeaseKeeper
    let pools: [Pool]
    let claimers: [Claimer]
    let settlers: [Settler]
    let mover: Mover
    let rescuer: Rescuer
    let upkeep: Upkeep
    let inspector: Inspector
    let ear: Ear?
    /// `nil` without a schedule.
    let scheduler: Scheduler?
    /// The lanes where jobs that met two deaths run, one a queue; a rescue rings their name.
    static let suspects = "suspects"

    private let store: Store
    private let settings: FarmSettings
    private let tally: Tally
    private let tell: @Sendable (FarmEvent) -> Void

    init(
        store: Store, settings: FarmSettings, kinds: [String: AnyKind], tally: Tally,
        tell: @escaping @Sendable (FarmEvent) -> Void
    ) throws {
        self.store = store
        self.settings = settings
        self.tally = tally
        self.tell = tell
        let hosts = HostBudgets(store: store, rates: settings.definitions.hosts)
        let attempt = Attempt(
            kinds: kinds, definitions: settings.definitions, tally: tally,
            shared: Run.Shared(store: store, hosts: hosts, killPoint: settings.killPoint), tell: tell)
        let queues = settings.lanes.keys.sorted()
        let ordinary = queues.map { queue in
            Pool(name: queue, lanes: settings.lanes[queue] ?? 1, prefetches: true, work: attempt.work)
        }
        let suspects = Pool(name: Crew.suspects, lanes: queues.count, prefetches: false, work: attempt.work)
        let pools = ordinary + [suspects]
        let keeper = try LeaseKeeper(
            settings: store.database.settings, farm: settings,
            stats: { tally.json(lanes: settings.lanes, pools: pools) },
            onRegistered: { worker in
                tell(.started(worker: worker))
                for pool in pools { pool.claimAlarm.sound() }
            },
            onLost: { worker, why in
                // The fence refuses whatever these runs still write; ending them saves their work.
                for pool in pools { _ = pool.endAll(as: .leaseLost) }
                tell(.leaseLost(worker, why: why))
            },
            onTrouble: { tell(.trouble($0)) })
        func claimer(_ pool: Pool, _ queues: [String], _ levels: [Level], _ isolation: Isolation? = nil)
            -> Claimer
        {
            Claimer(
                pool: pool, line: Line(queues: queues.count, levels: levels), queues: queues,
                kinds: kinds.keys.sorted(), store: store, farm: settings, tally: tally,
                lease: { keeper.worker }, tell: tell, isolation: isolation)
        }
        claimers =
            zip(ordinary, queues).map { claimer($0, [$1], Level.ordinary) } + [
                claimer(
                    suspects, queues, [.suspect],
                    Isolation(
                        pool: suspects, queues: queues, kinds: kinds.keys.sorted(), store: store))
            ]
        settlers = pools.map { Settler(pool: $0, store: store, tally: tally, tell: tell) }
        mover = Mover(
            store: store, hasLimits: settings.definitions.byKind.values.contains(where: \.isLimited),
            tell: tell)
        rescuer = Rescuer(
            store: store, interval: min(.seconds(1), settings.lease / 4),
            queues: Set(queues).union([Crew.suspects]), tell: tell)
        upkeep = Upkeep(store: store, farm: settings, tell: tell)
        inspector = Inspector(pools: pools, store: store, worker: { keeper.worker }, tally: tally, tell: tell)
        ear = settings.hasBell ? Ear(store: store, pools: pools, tally: tally, tell: tell) : nil
        scheduler =
            settings.schedule.isEmpty
            ? nil
            : Scheduler(
                store: store, lines: settings.schedule, ledgerDays: settings.historyDays, tell: tell)
        self.pools = pools
        self.keeper = keeper
        Crew.hearOwnBell(store, pools)
    }

    /// Rings of this process need no round trip.
    private static func hearOwnBell(_ store: Store, _ pools: [Pool]) {
        store.bell.hear { queue in
            for pool in pools where pool.name == queue { pool.claimAlarm.sound() }
        }
    }

    /// Stops claiming, hands buffered jobs back, lets runs end within the grace time, ends the others, sends the last
    /// settlements, and hands back what is still claimed. Nothing of it costs an attempt.
    func drain() async {
        keeper.drain()
        await handBack(pools.flatMap { $0.close() })
        settings.killPoint?.pass(.duringDrain)
        await waitForRuns(atMost: settings.grace)
        await handBack(pools.flatMap { $0.endAll(as: .drained) })
        await waitForRuns(atMost: .seconds(2))
        let deadline = ContinuousClock.now + .seconds(3)
        while pools.contains(where: \.hasUnsettled), ContinuousClock.now < deadline {
            for pool in pools {
                pool.claimAlarm.sound()
                pool.settleAlarm.sound()
            }
            try? await Task.sleep(for: .milliseconds(5))
        }
        await handBack(pools.flatMap(\.heldTokens))
    }

    private func waitForRuns(atMost limit: Duration) async {
        let deadline = ContinuousClock.now + limit
        while pools.contains(where: { !$0.isIdle }), ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(10))
        }
    }

    private func handBack(_ tokens: [RunToken]) async {
        guard !tokens.isEmpty, let worker = keeper.worker else { return }
        do {
            let count = try await store.handBack(tokens, of: worker)
            tally.count { $0.handedBack += count }
            if count > 0 { tell(.handedBack(count: count)) }
        } catch {
            tell(.trouble("handing back: \(String(reflecting: error))"))
        }
    }
}
