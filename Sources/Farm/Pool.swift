internal import Jobs
internal import Platform
internal import Store

/// The lanes of a queue: jobs that were claimed and wait, lanes that run them, and outcomes that wait to be settled.
///
/// One lock around one small state. A lane is a task that runs one job after another without suspending between them, on
/// threads that the engine does not use; to end a run, its lane's task is cancelled, and a new lane takes its place when
/// it has ended. A run that does not end is given up, and its lane is lost: another one takes its place at once.
final class Pool: Sendable {
    /// Why a run was told to end.
    enum Ending: Sendable {
        case cancelled
        case timeLimit
        case leaseLost
        case drained
    }

    /// What the pool asks of its farm: run a job, and judge what came of it.
    struct Work: Sendable {
        let timeLimit: @Sendable (ClaimedJob) -> Duration
        let perform: @Sendable (ClaimedJob) async -> Outcome
        let judge: @Sendable (ClaimedJob, Outcome, Ending?, _ took: Duration) -> Verdict
        /// Whether the database still has the job claimed by this run.
        let isStillClaimed: @Sendable (ClaimedJob) async -> Bool
    }

    /// What the lane does with a run that has ended.
    enum Verdict: Sendable {
        case plain(PlainSettlement)
        case other(Other)
        /// Settled by its own transaction, or no longer ours to settle.
        case dropped
        /// Ended by the drain: stays claimed until it is handed back.
        case handBack
    }

    /// A settlement that is sent one by one, or in bulk with others that touch ledgers.
    struct Other: Sendable {
        let token: RunToken
        let settlement: Settlement
        let newJobs: [NewJob]
        /// It was sent before and the answer was lost: finding no row then says nothing.
        var isUncertain = false
    }

    struct Running {
        let job: ClaimedJob
        /// When it came into the buffer; `nil` when it found a lane at once.
        let arrived: ContinuousClock.Instant?
        let began: ContinuousClock.Instant
        let timeLimit: Duration
        var ending: Ending?
        var endingAt: ContinuousClock.Instant?
    }

    struct Lane {
        let executor: LaneExecutor
        var task: Task<Void, Never>?
        var running: Running?
        /// Its run ignored its time limit and was given up; whatever it brings is dropped.
        var isAbandoned = false
    }

    struct State {
        var buffer: [(job: ClaimedJob, arrived: ContinuousClock.Instant)] = []
        var bufferHead = 0
        var idle: [Int: CheckedContinuation<ClaimedJob?, Never>] = [:]
        var lanes: [Int: Lane] = [:]
        var lanesMax: Int
        /// Lanes that leave after their run, because there are to be fewer.
        var surplus = 0
        var nextLane = 0
        var busy = 0
        /// Claimed, and not yet known to be settled.
        var held: [JobID: Int32] = [:]
        /// Held, and ended by the drain: to be handed back.
        var returned: Set<JobID> = []
        var plain: [PlainSettlement] = []
        var other: [Other] = []
        var meanSeconds: Double?
        var isClosed = false
        /// Asked for by claims that are under way.
        var asked = 0
        /// Something was put back in line behind the watermarks.
        var wishesSweep = false

        var buffered: Int { buffer.count - bufferHead }
        var openLanes: Int { lanes.values.count { !$0.isAbandoned } }
    }

    let name: String
    let prefetches: Bool
    let work: Work
    let threads: RunThreads
    let state: Lock<State>
    /// Sounds when there may be something to claim or to settle in bulk.
    let claimAlarm = Alarm()
    /// Sounds when a second claim may be worth while.
    let besideAlarm = Alarm()
    /// Sounds when there is something to settle one by one.
    let settleAlarm = Alarm()

    /// Jobs claimed beyond the free lanes are at most what the lanes finish in this time.
    static let prefetchSpan = 0.1
    static let prefetchMax = 1600
    static let claimMax = 800
    /// A buffered job that waited so long is handed back: its mean was a lie, and another worker may be idle.
    static let bufferedMax = Duration.seconds(1)
    /// A buffered job that waited so long is looked at once more before it starts, in case it was cancelled unheard.
    static let trustSpan = Duration.milliseconds(250)
    /// With so many outcomes waiting to be settled, nothing more is claimed.
    static let unsettledMax = 2000
    /// Runs shorter than this are settled by at least so many at once while more are buffered.
    static let rushSpan = 0.0002
    static let rushBatch = 500
    /// A run that goes on for so long after it was told to end is given up.
    static let abandonAfter = Duration.seconds(5)
    /// A lane that has gone from run to run for so long lets others come to its thread.
    static let turnMax = Duration.milliseconds(1)

    init(name: String, lanes: Int, prefetches: Bool, threads: RunThreads, work: Work) {
        self.name = name
        self.prefetches = prefetches
        self.threads = threads
        self.work = work
        state = Lock(State(lanesMax: lanes))
    }

    // MARK: - The claimer's side

    /// How many jobs to claim now; counted as coming until `answered`. Zero while more than half of the prefetch is there or
    /// coming, so that claims stay large, and when it would be less than `least`.
    func ask(atLeast least: Int = 1, atMost most: Int = Pool.claimMax) -> Int {
        state.withLock { state in
            guard !state.isClosed, state.plain.count + state.other.count < Pool.unsettledMax else { return 0 }
            let free = max(0, state.lanesMax - state.busy)
            let target = free + prefetch(state)
            let coming = state.buffered + state.asked
            guard coming == 0 || coming <= target / 2 else { return 0 }
            let wanted = max(0, min(target - coming, most))
            guard wanted >= least else { return 0 }
            state.asked += wanted
            return wanted
        }
    }

    /// A claim of so many has ended, one way or the other.
    func answered(_ asked: Int) {
        state.withLock { $0.asked -= asked }
    }

    private func prefetch(_ state: State) -> Int {
        guard prefetches, let mean = state.meanSeconds, mean < Pool.prefetchSpan else { return 0 }
        return min(Pool.prefetchMax, Int(Double(state.lanesMax) * Pool.prefetchSpan / max(mean, 1e-6)))
    }

    /// The next claim begins at zero: jobs were handed back, and would come after less urgent ones otherwise.
    func wishSweep() {
        state.withLock { $0.wishesSweep = true }
        claimAlarm.sound()
    }

    /// Whether a sweep is wished for; asked once, by the claim that makes it.
    func takeSweepWish() -> Bool {
        state.withLock { state in
            defer { state.wishesSweep = false }
            return state.wishesSweep
        }
    }

    /// Takes claimed jobs in and starts the lanes that they need.
    /// - Returns: the jobs that came too late, after `close`: to be handed back.
    func accept(_ jobs: [ClaimedJob]) -> [ClaimedJob] {
        guard !jobs.isEmpty else { return [] }
        let now = ContinuousClock.now
        var starting: [(CheckedContinuation<ClaimedJob?, Never>, ClaimedJob)] = []
        let refused = state.withLock { state -> [ClaimedJob] in
            guard !state.isClosed else { return jobs }
            for job in jobs { state.held[job.id] = job.token.run }
            var rest = jobs[...]
            while let (lane, continuation) = state.idle.first, let job = rest.popFirst() {
                state.idle[lane] = nil
                take(job, on: lane, &state)
                starting.append((continuation, job))
            }
            state.buffer.append(contentsOf: rest.map { ($0, now) })
            openLanes(&state)
            return []
        }
        for (continuation, job) in starting { continuation.resume(returning: job) }
        return refused
    }

    /// Takes what can be settled in bulk.
    func takePlain(max: Int) -> [PlainSettlement] {
        state.withLock { state in
            let taken = Array(state.plain.prefix(max))
            state.plain.removeFirst(taken.count)
            return taken
        }
    }

    /// Puts settlements back whose outcome is unknown or which failed for a passing reason.
    func putBack(_ plain: [PlainSettlement]) {
        state.withLock { $0.plain.insert(contentsOf: plain, at: 0) }
    }

    func takeOther(max: Int) -> [Other] {
        state.withLock { state in
            let taken = Array(state.other.prefix(max))
            state.other.removeFirst(taken.count)
            return taken
        }
    }

    func putBack(_ other: [Other]) {
        // At the back: what can't be settled now must not stand before what can.
        state.withLock { $0.other.append(contentsOf: other) }
    }

    func add(_ other: Other) {
        state.withLock { $0.other.append(other) }
        settleAlarm.sound()
    }

    /// The settlements of these were answered, whatever the answer.
    func settled(_ jobs: some Sequence<RunToken>) {
        state.withLock { state in
            for token in jobs where state.held[token.job] == token.run { state.held[token.job] = nil }
        }
    }

    /// Whether a run has ended whose settlement was not answered yet, be it waiting, being judged or under way.
    var hasUnsettled: Bool {
        state.withLock { state in
            let running = Set(state.lanes.values.compactMap { $0.running?.job.id })
            return state.held.keys.contains { !running.contains($0) && !state.returned.contains($0) }
        }
    }

    // MARK: - Reconciling

    /// What is held here and not about to be settled.
    var heldUnsettled: [JobID: Int32] {
        state.withLock { state in
            var held = state.held
            for settlement in state.plain { held[settlement.token.job] = nil }
            for other in state.other { held[other.token.job] = nil }
            return held
        }
    }

    func holds(_ token: RunToken) -> Bool { state.withLock { $0.held[token.job] == token.run } }

    // MARK: - Closing

    /// Takes no more jobs.
    /// - Returns: the tokens of buffered jobs, to be handed back.
    func close() -> [RunToken] {
        let (idle, buffered) = state.withLock { state in
            state.isClosed = true
            defer { state.idle = [:] }
            return (Array(state.idle.values), clearBuffer(&state))
        }
        for continuation in idle { continuation.resume(returning: nil) }
        return buffered
    }

    /// How many lanes there are, how many of them run a job, and how many claimed jobs wait for one.
    var load: (lanes: Int, busy: Int, buffered: Int) {
        state.withLock { ($0.lanesMax, $0.busy, $0.buffered) }
    }

    /// Whether no run is under way.
    var isIdle: Bool { state.withLock { $0.busy == 0 } }

    /// What is still claimed here at the very end: to be handed back, except for runs that hold a thread and so ignored
    /// that they were told to end. Those die with their process.
    func heldTokens(_ holders: RunThreads.Holders) -> (handBack: [RunToken], dying: [RunToken]) {
        state.withLock { state in
            let blocking = Set(
                state.lanes.values.compactMap { holders[$0.executor] == nil ? nil : $0.running?.job.id })
            let held = state.held.map { RunToken(job: $0.key, run: $0.value) }
            return (held.filter { !blocking.contains($0.job) }, held.filter { blocking.contains($0.job) })
        }
    }
}
