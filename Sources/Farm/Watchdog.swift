internal import Jobs
internal import Platform

/// Looks four times a second, from a thread of its own, whether runs end and whether this process does its work.
///
/// Runs are ended at their time limit and given up five seconds later; each one that is given up, and each that holds its
/// thread for long, is told once. When too many lanes are lost, or nothing has come back from the engine's own pool for two
/// leases, the process has no use any more: it is to end, and its supervisor starts it anew.
final class Watchdog: Sendable {
    private struct State {
        var stuck: [StuckRun] = []
        var told: Set<RunToken> = []
        var isHopeless = false
        /// When the drain had ended; from then on the process has a few seconds to follow.
        var drainedAt: Duration?
        var isStopping = false
    }

    private let pools: [Pool]
    private let threads: RunThreads
    private let farm: FarmSettings
    private let tally: Tally
    private let tell: @Sendable (FarmEvent) -> Void
    let pulse: Pulse
    private let state = Lock(State())
    private let waker: Waker

    static let interval = Duration.milliseconds(250)
    /// A run that has held its thread for so long is told.
    static let holdingAfter = Duration.seconds(5)
    /// What follows the drain takes at most so long, or the engine's pool is beyond help.
    static let farewellMax = Duration.seconds(5)

    init(
        pools: [Pool], threads: RunThreads, farm: FarmSettings, tally: Tally,
        tell: @escaping @Sendable (FarmEvent) -> Void
    ) throws {
        self.pools = pools
        self.threads = threads
        self.farm = farm
        self.tally = tally
        self.tell = tell
        pulse = Pulse(threads)
        waker = try Waker()
    }

    /// The runs that don't end, the longest first.
    var stuck: [StuckRun] { state.withLock { $0.stuck } }

    /// - Parameters:
    ///   - onChange: called when other runs are stuck than before.
    ///   - onHopeless: called once, with the reason, when the process has no use any more.
    func start(
        onChange: @escaping @Sendable () -> Void, onHopeless: @escaping @Sendable (String) -> Void
    ) {
        _ = BlockingThread.start("watchdog") {
            var last = BootClock.now
            while !self.state.withLock({ $0.isStopping }) {
                self.waker.wait(atMost: Watchdog.interval)
                let now = BootClock.now
                self.pulse.beat(after: now - last)
                last = now
                if self.look() { onChange() }
                if let why = self.hopeless { onHopeless(why) }
                self.endWhatFollows()
            }
        }
    }

    /// The drain has ended: what follows it has a few seconds.
    func expectEnd() { state.withLock { $0.drainedAt = BootClock.now } }

    func stop() {
        state.withLock { $0.isStopping = true }
        waker.wake()
    }

    /// - Returns: whether other runs are stuck than before.
    private func look() -> Bool {
        for pool in pools {
            for one in pool.giveUpStuck() {
                tally.count { $0.stuck += 1 }
                tell(.runStuck(one.job.id, kind: one.job.kind, seconds: one.seconds))
            }
        }
        let holders = threads.holders(longerThan: Watchdog.holdingAfter)
        let stuck = pools.flatMap { $0.stuck(holders) }.sorted { $0.seconds > $1.seconds }
        let (hasChanged, untold) = state.withLock { state -> (Bool, [StuckRun]) in
            let hasChanged =
                state.stuck.map { [$0.token.job.number, $0.isLost ? 1 : 0] }
                != stuck.map { [$0.token.job.number, $0.isLost ? 1 : 0] }
            state.stuck = stuck
            let untold = stuck.filter { !$0.isLost && !state.told.contains($0.token) }
            state.told = Set(stuck.map(\.token))
            return (hasChanged, untold)
        }
        for one in untold { tell(.runBlocks(one.token.job, kind: one.kind, seconds: one.seconds)) }
        return hasChanged
    }

    /// Why this process should end; answered once.
    private var hopeless: String? {
        let silence = pulse.silence
        return state.withLock { state in
            guard !state.isHopeless else { return nil }
            let lost = state.stuck.filter(\.isLost)
            let why: String? =
                if lost.count >= farm.lostLanesMax {
                    "\(lost.count) lanes are lost to runs that do not end (of \(Set(lost.map(\.kind)).sorted().joined(separator: ", ")))"
                } else if silence >= farm.lease * 2 {
                    "nothing was done for \(silence.text): every thread of the process is blocked"
                } else {
                    nil
                }
            state.isHopeless = why != nil
            return why
        }
    }

    /// What no thread of the engine's pool comes to do any more is not waited for.
    private func endWhatFollows() {
        let drainedAt = state.withLock { $0.drainedAt }
        guard let drainedAt, BootClock.now - drainedAt >= Watchdog.farewellMax else { return }
        state.withLock { $0.drainedAt = nil }
        farm.lastResort?("the drain is over, and every thread of the process is blocked")
    }
}
