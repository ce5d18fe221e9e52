internal import Jobs
internal import Platform

/// What one worker process has done since it started; its row in `motorpool.workers` carries it.
package final class Tally: Sendable {
    /// The counts at one moment.
    package struct Counts: Sendable {
        package var claims = 0
        package var sweeps = 0
        package var claimed = 0
        package var done = 0
        package var failed = 0
        package var snoozed = 0
        package var stale = 0
        package var handedBack = 0
        package var bells = 0
        package var polls = 0
        /// Runs that were given up because they did not end.
        package var stuck = 0
        /// Done and failed, by the queue whose lanes ran them.
        package var byQueue: [String: Ends] = [:]
        /// When jobs were last claimed, by queue.
        package var claimedAt: [String: ContinuousClock.Instant] = [:]
    }

    /// How runs of one queue ended.
    package struct Ends: Sendable {
        package var done = 0
        package var failed = 0
    }

    private let counts = Lock(Counts())
    private let began = ContinuousClock.now

    /// How long runs take lately, by queue and by kind, in seconds.
    private struct Means {
        var byQueue: [String: Double] = [:]
        var byKind: [String: Double] = [:]
    }

    private let means = Lock(Means())

    /// Runs shorter than this are looked at one in sixteen: the mean is as good, and the lane as fast.
    private static let shortRun = Duration.milliseconds(1)

    package init() {}

    package var now: Counts { counts.withLock { $0 } }

    func count(_ change: (inout Counts) -> Void) { counts.withLock { change(&$0) } }

    /// A run has ended. The means follow the last dozen or so.
    func ran(_ job: ClaimedJob, took: Duration) {
        guard took >= Tally.shortRun || job.id.number & 15 == 0 else { return }
        let seconds = took.inSeconds
        means.withLock { means in
            for path in [(\Means.byQueue, job.queue), (\Means.byKind, job.kind)] {
                let old = means[keyPath: path.0][path.1] ?? seconds
                means[keyPath: path.0][path.1] = old + (seconds - old) / 8
            }
        }
    }

    /// So many runs that don't end are told one by one; their number is told whole.
    private static let stuckToldMax = 20

    /// What the worker's row publishes.
    /// - Parameters:
    ///   - pools: whose lanes are told one by one: how many there are, how many are busy, and how their runs ended.
    ///   - stuck: the runs that don't end, the longest first.
    ///   - silence: for how long nothing has come back from the threads that do the work.
    func json(pools: [Pool], stuck: [StuckRun] = [], silence: Duration = .zero) -> JSON {
        let c = now
        let lanes = Dictionary(
            uniqueKeysWithValues: pools.filter(\.prefetches).map { ($0.name, $0.load.lanes) })
        let lost = Dictionary(grouping: stuck.filter(\.isLost), by: \.queue).mapValues(\.count)
        let means = means.withLock { $0 }
        let text = JSONText.object([
            ("claims", JSONText(c.claims)), ("sweeps", JSONText(c.sweeps)), ("claimed", JSONText(c.claimed)),
            ("done", JSONText(c.done)), ("failed", JSONText(c.failed)), ("snoozed", JSONText(c.snoozed)),
            ("stale", JSONText(c.stale)), ("handed_back", JSONText(c.handedBack)),
            ("bells", JSONText(c.bells)),
            ("polls", JSONText(c.polls)), ("runs_stuck", JSONText(c.stuck)),
            ("lanes_lost", JSONText(stuck.count(where: \.isLost))),
            ("lanes_blocked", JSONText(stuck.count { !$0.isLost })),
            ("silence_ms", JSONText(Int(silence.inSeconds * 1000))),
            ("stuck", .array(stuck.prefix(Tally.stuckToldMax).map(\.json))),
            ("lanes", .object(lanes.sorted { $0.key < $1.key }.map { ($0.key, JSONText($0.value)) })),
            (
                "queue_seconds",
                .object(means.byQueue.sorted { $0.key < $1.key }.map { ($0.key, .double($0.value)) })
            ),
            (
                "kind_seconds",
                .object(means.byKind.sorted { $0.key < $1.key }.map { ($0.key, .double($0.value)) })
            ),
            (
                "pools", .object(pools.map { ($0.name, told($0, c, lost[$0.name] ?? 0)) })
            ),
        ])
        return JSON(text: text.text)
    }

    private func told(_ pool: Pool, _ counts: Counts, _ lost: Int) -> JSONText {
        let (lanes, busy, buffered) = pool.load
        let ends = counts.byQueue[pool.name] ?? Ends()
        // A worker that has claimed nothing yet counts from its start.
        let claimedAgo = ContinuousClock.now - (counts.claimedAt[pool.name] ?? began)
        return .object([
            ("lanes", JSONText(lanes)), ("busy", JSONText(busy)), ("buffered", JSONText(buffered)),
            ("done", JSONText(ends.done)), ("failed", JSONText(ends.failed)),
            ("claimed_ago", JSONText(Int(claimedAgo.inSeconds))), ("lost", JSONText(lost)),
        ])
    }
}

extension StuckRun {
    fileprivate var json: JSONText {
        .object([
            ("job", .int(token.job.number)), ("kind", .string(kind)), ("queue", .string(queue)),
            ("seconds", JSONText(Int(seconds.inSeconds))), ("lost", .bool(isLost)),
            ("holds_thread", .bool(isHoldingThread)),
        ])
    }
}
