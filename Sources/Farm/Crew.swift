internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// Everyone who works in one farm, wired.
final class Crew: Sendable {
    let keeper: LeaseKeeper
    let pools: [Pool]
    let threads: RunThreads
    let watchdog: Watchdog
    let drain: Drain
    let claimers: [Claimer]
    let settlers: [Settler]
    let mover: Mover
    let rescuer: Rescuer
    let upkeep: Upkeep
    let inspector: Inspector
    let ear: Ear?
    /// `nil` where no schedule is fired.
    let scheduler: Scheduler?
    /// The lanes where jobs that met two deaths run, one a queue; a rescue rings their name.
    static let suspects = "suspects"

    init(
        store: Store, settings: FarmSettings, definitions: LiveDefinitions, kinds: [String: AnyKind],
        tally: Tally, tell: @escaping @Sendable (FarmEvent) -> Void
    ) throws {
        let hosts = HostBudgets(store: store, rates: settings.definitions.hosts)
        let attempt = Attempt(
            kinds: kinds, definitions: definitions, tally: tally,
            shared: Run.Shared(store: store, hosts: hosts, killPoint: settings.killPoint), tell: tell)
        let queues = settings.lanes.keys.sorted()
        let threads = try RunThreads(max: settings.runThreadsMax(of: settings.definitions))
        let ordinary = queues.map { queue in
            Pool(
                name: queue, lanes: settings.lanes[queue] ?? 1, prefetches: true, threads: threads,
                work: attempt.work)
        }
        let suspects = Pool(
            name: Crew.suspects, lanes: queues.count, prefetches: false, threads: threads, work: attempt.work)
        let pools = ordinary + [suspects]
        let watchdog = try Watchdog(
            pools: pools, threads: threads, farm: settings, tally: tally, tell: tell)
        let keeper = try LeaseKeeper(
            settings: store.database.settings, farm: settings,
            stats: {
                tally.json(pools: pools, stuck: watchdog.stuck, silence: watchdog.pulse.silence)
            }, silence: { watchdog.pulse.silence },
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
            store: store, hasLimits: { definitions.now.byKind.values.contains(where: \.isLimited) },
            tell: tell)
        rescuer = Rescuer(
            store: store, interval: min(.seconds(1), settings.lease / 4),
            queues: Set(queues).union([Crew.suspects]), tell: tell)
        upkeep = Upkeep(store: store, farm: settings, tell: tell)
        inspector = Inspector(pools: pools, store: store, worker: { keeper.worker }, tally: tally, tell: tell)
        ear = settings.hasBell ? Ear(store: store, pools: pools, tally: tally, tell: tell) : nil
        scheduler = settings.schedule.map {
            Scheduler(store: store, lines: $0, ledgerDays: settings.historyDays, tell: tell)
        }
        drain = Drain(
            pools: pools, threads: threads, keeper: keeper, store: store, settings: settings, tally: tally,
            tell: tell)
        self.pools = pools
        self.threads = threads
        self.watchdog = watchdog
        self.keeper = keeper
        Crew.hearOwnBell(store, pools)
    }

    /// Rings of this process need no round trip.
    private static func hearOwnBell(_ store: Store, _ pools: [Pool]) {
        store.bell.hear { queue in
            for pool in pools where pool.name == queue { pool.claimAlarm.sound() }
        }
    }
}
