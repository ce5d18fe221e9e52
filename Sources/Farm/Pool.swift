internal import Jobs
internal import Platform
internal import Store

/// The lanes of a queue: jobs that were claimed and wait, lanes that run them, and outcomes that wait to be settled.
///
/// One lock around one small state. A lane is a task that runs one job after another without suspending between them;
/// to end a run, its lane's task is cancelled, and a new lane takes its place when it has ended.
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

    private struct Running {
        let job: ClaimedJob
        /// When it came into the buffer; `nil` when it found a lane at once.
        let arrived: ContinuousClock.Instant?
        let began: ContinuousClock.Instant
        let timeLimit: Duration
        var ending: Ending?
        var endingAt: ContinuousClock.Instant?
    }

    private struct Lane {
        var task: Task<Void, Never>?
        var running: Running?
        /// Its run ignored its time limit and was given up; whatever it brings is dropped.
        var isAbandoned = false
    }

    private struct State {
        var buffer: [(job: ClaimedJob, arrived: ContinuousClock.Instant)] = []
        var bufferHead = 0
        var idle: [Int: CheckedContinuation<ClaimedJob?, Never>] = [:]
        var lanes: [Int: Lane] = [:]
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
    let lanesMax: Int
    let prefetches: Bool
    private let work: Work
    private let state = Lock(State())
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
    static let rushBatch = 200
    /// A run that goes on for so long after it was told to end is given up.
    static let abandonAfter = Duration.seconds(5)

    init(name: String, lanes: Int, prefetches: Bool, work: Work) {
        self.name = name
        lanesMax = lanes
        self.prefetches = prefetches
        self.work = work
    }

    // MARK: - The claimer's side

    /// How many jobs to claim now; counted as coming until `answered`. Zero while more than half of the prefetch is there or
    /// coming, so that claims stay large, and when it would be less than `least`.
    func ask(atLeast least: Int = 1, atMost most: Int = Pool.claimMax) -> Int {
        state.withLock { state in
            guard !state.isClosed, state.plain.count + state.other.count < Pool.unsettledMax else { return 0 }
            let free = max(0, lanesMax - state.busy)
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
        return min(Pool.prefetchMax, Int(Double(lanesMax) * Pool.prefetchSpan / max(mean, 1e-6)))
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

    // MARK: - Lanes

    private func openLanes(_ state: inout State) {
        let missing = min(lanesMax - state.openLanes, state.buffered)
        for _ in 0..<max(0, missing) {
            let lane = state.nextLane
            state.nextLane += 1
            // A lane outlives the claim that opened it; `end…` and `close` end it.
            state.lanes[lane] = Lane(task: Task { await self.runLane(lane) })
        }
    }

    private func runLane(_ lane: Int) async {
        while let job = await next(on: lane) {
            let isOurs = await isTrusted(job, on: lane)
            let began = ContinuousClock.now
            let outcome = isOurs ? await work.perform(job) : nil
            let wasEnded = ended(job, on: lane, outcome, took: ContinuousClock.now - began)
            // The mark counts, not the cancel of the task: that comes a moment later, and would hit the next run.
            if wasEnded || Task.isCancelled { break }
        }
        // A lane that was cancelled leaves its place to a new one.
        state.withLock { state in
            state.lanes[lane] = nil
            if !state.isClosed { openLanes(&state) }
        }
    }

    /// Whether a job may be started; one that waited in the buffer for long is looked up first.
    private func isTrusted(_ job: ClaimedJob, on lane: Int) async -> Bool {
        let arrived = state.withLock { $0.lanes[lane]?.running?.arrived }
        guard let arrived, ContinuousClock.now - arrived > Pool.trustSpan else { return true }
        let isClaimed = await work.isStillClaimed(job)
        return state.withLock { state in
            if !isClaimed, state.lanes[lane]?.running?.ending == nil {
                state.lanes[lane]?.running?.ending = .cancelled
            }
            return state.lanes[lane]?.running?.ending == nil
        }
    }

    private func next(on lane: Int) async -> ClaimedJob? {
        if let job = state.withLock({ popBuffered(on: lane, &$0) }) { return job }
        return await withCheckedContinuation { continuation in
            let answer = state.withLock { state -> ClaimedJob?? in
                if let job = popBuffered(on: lane, &state) { return .some(job) }
                if state.isClosed || state.lanes[lane]?.isAbandoned != false { return .some(nil) }
                state.idle[lane] = continuation
                return .none
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    private func popBuffered(on lane: Int, _ state: inout State) -> ClaimedJob? {
        guard state.lanes[lane]?.isAbandoned == false else { return nil }
        while state.bufferHead < state.buffer.count {
            let (job, arrived) = state.buffer[state.bufferHead]
            state.bufferHead += 1
            if state.bufferHead == state.buffer.count {
                state.buffer.removeAll(keepingCapacity: true)
                state.bufferHead = 0
                // The claimer fetches more, and sends what has gathered, while the last run goes on.
                claimAlarm.sound()
            }
            guard state.held[job.id] == job.token.run else { continue }  // cancelled while it was buffered
            take(job, arrived: arrived, on: lane, &state)
            return job
        }
        return nil
    }

    private func take(
        _ job: ClaimedJob, arrived: ContinuousClock.Instant? = nil, on lane: Int, _ state: inout State
    ) {
        state.lanes[lane]?.running = Running(
            job: job, arrived: arrived, began: .now, timeLimit: work.timeLimit(job))
        state.busy += 1
    }

    /// - Parameter outcome: `nil` when the run was not begun.
    /// - Returns: whether the run was told to end.
    private func ended(_ job: ClaimedJob, on lane: Int, _ outcome: Outcome?, took: Duration) -> Bool {
        let (isAbandoned, ending) = state.withLock { state -> (Bool, Ending?) in
            guard let place = state.lanes[lane], let running = place.running else { return (true, nil) }
            state.lanes[lane]?.running = nil
            if !place.isAbandoned { state.busy -= 1 }
            if outcome != nil { learn(took, &state) }
            return (place.isAbandoned, running.ending)
        }
        guard !isAbandoned else {
            claimAlarm.sound()
            return true
        }
        let notBegun: Verdict = ending == .drained ? .handBack : .dropped
        switch outcome.map({ work.judge(job, $0, ending, took) }) ?? notBegun {
        case .plain(let settlement):
            let isDue = state.withLock { state in
                state.plain.append(settlement)
                return isWorthSending(state)
            }
            guard isDue else { return ending != nil }
        case .other(let other):
            add(other)
        case .dropped:
            settled([job.token])
        case .handBack:
            state.withLock { _ = $0.returned.insert(job.id) }
        }
        claimAlarm.sound()
        return ending != nil
    }

    /// While very short runs follow each other, settlements gather: a statement for each few would cost more than they
    /// do. The gathering ends with the buffer, some milliseconds later.
    private func isWorthSending(_ state: State) -> Bool {
        guard state.buffered > 0, let mean = state.meanSeconds, mean < Pool.rushSpan else { return true }
        return state.plain.count >= Pool.rushBatch
    }

    /// Whether settlements should gather a little longer.
    var isRushing: Bool { state.withLock { !isWorthSending($0) } }

    /// The mean follows a slow run at once and fast ones gradually: prefetching too little costs less than too much.
    private func learn(_ took: Duration, _ state: inout State) {
        let seconds = took.inSeconds
        guard let mean = state.meanSeconds else { return state.meanSeconds = seconds }
        state.meanSeconds = seconds > Pool.prefetchSpan ? max(mean, seconds) : mean * 0.95 + seconds * 0.05
    }

    // MARK: - Ending runs

    /// The job is no longer this worker's: a buffered one never starts, a running one's task is cancelled.
    /// - Returns: whether it was held here.
    @discardableResult
    func end(_ job: JobID, run: Int32? = nil, as ending: Ending) -> Bool {
        let (isHeld, task) = state.withLock { state -> (Bool, Task<Void, Never>?) in
            guard let held = state.held[job], run == nil || run == held else { return (false, nil) }
            let lane = state.lanes.first { $0.value.running?.job.id == job }?.key
            guard let lane else {
                // Buffered, or settled and unanswered: without its token no lane starts it.
                state.held[job] = nil
                return (true, nil)
            }
            return (true, markEnding(lane, as: ending, &state))
        }
        task?.cancel()
        return isHeld
    }

    /// Tells every run to end, and empties the buffer.
    /// - Returns: the tokens of buffered jobs.
    func endAll(as ending: Ending) -> [RunToken] {
        let (buffered, tasks) = state.withLock { state -> ([RunToken], [Task<Void, Never>]) in
            let buffered = clearBuffer(&state)
            return (buffered, state.lanes.keys.compactMap { markEnding($0, as: ending, &state) })
        }
        for task in tasks { task.cancel() }
        return buffered
    }

    private func markEnding(_ lane: Int, as ending: Ending, _ state: inout State) -> Task<Void, Never>? {
        guard let running = state.lanes[lane]?.running, running.ending == nil else { return nil }
        state.lanes[lane]?.running?.ending = ending
        state.lanes[lane]?.running?.endingAt = .now
        return state.lanes[lane]?.task
    }

    private func clearBuffer(_ state: inout State) -> [RunToken] {
        let tokens = state.buffer[state.bufferHead...].map(\.job.token).filter {
            state.held[$0.job] == $0.run
        }
        for token in tokens { state.held[token.job] = nil }
        state.buffer = []
        state.bufferHead = 0
        return tokens
    }

    /// Ends runs that are over their time limit, gives up runs that ignore it, and takes out jobs that were buffered
    /// for too long.
    /// - Returns: the runs that were given up, and the tokens to hand back.
    func inspect() -> (abandoned: [ClaimedJob], stale: [RunToken]) {
        let now = ContinuousClock.now
        var tasks: [Task<Void, Never>] = []
        let found = state.withLock { state -> ([ClaimedJob], [RunToken]) in
            var abandoned: [ClaimedJob] = []
            for (lane, place) in state.lanes {
                guard let running = place.running, !place.isAbandoned else { continue }
                if let endingAt = running.endingAt, running.ending != .drained,
                    now - endingAt > Pool.abandonAfter
                {
                    state.lanes[lane]?.isAbandoned = true
                    state.busy -= 1
                    if running.ending == .timeLimit {
                        abandoned.append(running.job)
                    } else {
                        // Cancelled or rescued: it is no longer ours to settle, but its lane is.
                        state.held[running.job.id] = nil
                    }
                } else if running.ending == nil, now - running.began > running.timeLimit {
                    if let task = markEnding(lane, as: .timeLimit, &state) { tasks.append(task) }
                }
            }
            guard state.bufferHead < state.buffer.count,
                now - state.buffer[state.bufferHead].arrived > Pool.bufferedMax
            else {
                openLanes(&state)
                return (abandoned, [])
            }
            state.meanSeconds = nil
            return (abandoned, clearBuffer(&state))
        }
        for task in tasks { task.cancel() }
        return found
    }

    /// Settles an abandoned run as a failure; what it may still bring is dropped.
    func giveUp(_ job: ClaimedJob) {
        let error = "it ran on long after its time limit of \(work.timeLimit(job).text), and was given up"
        switch work.judge(job, .fail(error: error), nil, work.timeLimit(job)) {
        case .other(let other): add(other)
        case .plain, .dropped, .handBack: break
        }
        claimAlarm.sound()
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
        state.withLock { (lanesMax, $0.busy, $0.buffered) }
    }

    /// Whether no run is under way.
    var isIdle: Bool { state.withLock { $0.busy == 0 } }

    /// What is still claimed here: to be handed back at the very end.
    var heldTokens: [RunToken] {
        state.withLock { $0.held.map { RunToken(job: $0.key, run: $0.value) } }
    }
}
