internal import Glibc
internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// The end of a farm, on a thread and a connection of its own, so that it comes whatever blocks.
struct Drain: Sendable {
    let pools: [Pool]
    let threads: RunThreads
    let keeper: LeaseKeeper
    let store: Store
    let settings: FarmSettings
    let tally: Tally
    let tell: @Sendable (FarmEvent) -> Void

    /// For a run that was told to end.
    static let endingMax = Duration.seconds(2)
    /// For the last settlements.
    static let settlingMax = Duration.seconds(3)
    /// For a connection and for each statement.
    static let statementMax = Duration.seconds(3)

    /// Stops claiming, hands buffered jobs back, lets runs end until the grace time is over, ends the others, waits for
    /// the last settlements, and hands back what is still claimed. Nothing of it costs an attempt.
    ///
    /// Runs that hold their thread all the while are not handed back: they die with this process, and are recovered as
    /// what was running at a death.
    /// - Parameter asked: when the grace time began.
    func run(since asked: ContinuousClock.Instant) {
        tell(.draining)
        keeper.drain()
        var session: Session?
        defer { session?.close() }
        handBack(pools.flatMap { $0.close() }, &session)
        settings.killPoint?.pass(.duringDrain)
        wait(until: asked + settings.grace) { pools.allSatisfy(\.isIdle) }
        handBack(pools.flatMap { $0.endAll(as: .drained) }, &session)
        wait(until: .now + Drain.endingMax) { pools.allSatisfy(\.isIdle) }
        wait(until: .now + Drain.settlingMax) {
            for pool in pools {
                pool.claimAlarm.sound()
                pool.settleAlarm.sound()
            }
            return !pools.contains(where: \.hasUnsettled)
        }
        let holders = threads.holders(longerThan: .seconds(1))
        let held = pools.map { $0.heldTokens(holders) }
        handBack(held.flatMap(\.handBack), &session)
        let dying = held.flatMap(\.dying)
        guard !dying.isEmpty else { return }
        keeper.leaveJobs()
        tell(.leftRunning(dying.map(\.job)))
    }

    private func wait(until end: ContinuousClock.Instant, for isOver: () -> Bool) {
        while !isOver(), ContinuousClock.now < end { usleep(5000) }
    }

    private func handBack(_ tokens: [RunToken], _ session: inout Session?) {
        guard !tokens.isEmpty, let worker = keeper.worker else { return }
        do {
            if session == nil || session?.isBroken == true {
                session = try Session.open(store.database.settings, deadline: Drain.statementMax)
            }
            guard let session else { return }
            let rows = try session.run(Store.handingBack(tokens, of: worker), within: Drain.statementMax)
            tally.count { $0.handedBack += rows.count }
            guard rows.count > 0 else { return }
            tell(.handedBack(count: rows.count))
            store.bell.ringSoon(Set(try rows.map { try $0.get(0) }))
        } catch {
            session?.close()
            session = nil
            tell(.trouble("handing back: \(String(reflecting: error))"))
        }
    }
}
