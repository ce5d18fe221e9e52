internal import Glibc
internal import Platform

/// The threads on which runs execute. The engine shares none of them, so that a run which blocks costs its own lane.
///
/// A few suffice as long as every run suspends or ends. An overseer on a thread of its own looks while no thread is free:
/// for each one that has not come back from its piece of work for `heldAfter`, another is started. So there are always
/// `usual` threads that make progress, until `max` is reached. What is too many leaves after `idleMax`.
///
/// Threads end with `close`, those that are held by a run when it lets them go.
final class RunThreads: Sendable {
    private struct Piece {
        let job: UnownedJob
        let executor: LaneExecutor
    }

    /// One thread, as the overseer sees it.
    private struct Seat {
        var isTaken = false
        /// Whose work it is at.
        var executor: LaneExecutor?
        var pieces: UInt64 = 0
        /// What the last look found, and since when it has found the same.
        var seen: (pieces: UInt64, runs: UInt64) = (0, 0)
        var seenSince = ContinuousClock.now
    }

    private struct State {
        var queue: [Piece] = []
        var queueHead = 0
        var idle = 0
        var seats: [Seat] = []
        var overseerRests = false
        /// How many threads there may be.
        var max: Int
        var isClosed = false

        var queued: Int { queue.count - queueHead }
        var threads: Int { seats.count { $0.isTaken } }
    }

    /// How many threads that make progress there are, as soon as there is work for them: one a processor, at least two.
    let usual: Int
    private let monitor: Monitor<State>
    private let bell: Waker
    private let stackBytes = 8 << 20

    /// A thread that has been at one piece of work for so long is not counted on any more.
    static let heldAfter = Duration.milliseconds(5)
    /// A thread that nobody needs leaves after so long.
    static let idleMax = Duration.seconds(10)
    private static let lookInterval = Duration.seconds(1)
    /// More than any machine's lanes need, and less than its processes may have.
    static let threadsMax = 1000

    /// - Parameter max: how many threads there may be, see `allow`.
    /// - Throws: `PlatformFault` when the process is out of descriptors.
    init(max: Int) throws {
        usual = Swift.max(2, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        monitor = Monitor(State(max: RunThreads.bounded(max, usual)))
        bell = try Waker()
        // Holds the pool until it is closed.
        _ = BlockingThread.start("run overseer") { self.oversee() }
    }

    /// So many threads there may be from now on; at least the usual number, at most `threadsMax`.
    func allow(max: Int) { monitor.withLock { $0.max = RunThreads.bounded(max, usual) } }

    private static func bounded(_ max: Int, _ usual: Int) -> Int { Swift.max(usual, min(max, threadsMax)) }

    /// Whether work waits for a thread. Asked by lanes between two runs, so that none keeps a thread to itself.
    var isCrowded: Bool { monitor.withLock { $0.queued > 0 } }

    func enqueue(_ job: UnownedJob, of executor: LaneExecutor) {
        let (hasIdle, new, isAlarming) = monitor.withLock { state -> (Bool, Int?, Bool) in
            state.queue.append(Piece(job: job, executor: executor))
            // An idle thread that was woken a moment ago is counted until it has taken its piece.
            guard state.queued > state.idle else { return (true, nil, false) }
            let isShort = state.threads < (state.isClosed ? 1 : usual)
            return (state.idle > 0, isShort ? takeSeat(&state) : nil, wakesOverseer(&state))
        }
        if hasIdle { monitor.signal() }
        if let new { startThread(new) }
        if isAlarming { bell.wake() }
    }

    /// Ends the threads when nothing is left to do. What comes later is still done.
    func close() {
        monitor.withLock { $0.isClosed = true }
        monitor.broadcast()
        bell.wake()
    }

    /// Lanes whose runs hold a thread, and for how long each has.
    struct Holders: Sendable {
        fileprivate var byLane: [ObjectIdentifier: Duration] = [:]

        subscript(lane: LaneExecutor) -> Duration? { byLane[ObjectIdentifier(lane)] }
    }

    /// Whose runs have held a thread for at least `span` without letting it go.
    func holders(longerThan span: Duration) -> Holders {
        monitor.withLock { state in
            let now = ContinuousClock.now
            look(&state, now)
            var holders = Holders()
            for seat in state.seats {
                guard let executor = seat.executor, now - seat.seenSince >= span else { continue }
                holders.byLane[ObjectIdentifier(executor)] = now - seat.seenSince
            }
            return holders
        }
    }

    /// How many threads there are, and how many of them are free.
    var count: (threads: Int, idle: Int) { monitor.withLock { ($0.threads, $0.idle) } }

    // MARK: - A thread

    private func takeSeat(_ state: inout State) -> Int {
        let free = state.seats.firstIndex { !$0.isTaken }
        if free == nil { state.seats.append(Seat()) }
        let seat = free ?? state.seats.count - 1
        state.seats[seat].isTaken = true
        return seat
    }

    /// A machine without threads left is no end: those that there are go on, and the overseer tries again.
    private func startThread(_ seat: Int) {
        do {
            _ = try BlockingThread.start("run \(seat)", stackBytes: stackBytes) { self.work(at: seat) }
        } catch {
            monitor.withLock { $0.seats[seat].isTaken = false }
        }
    }

    private func work(at seat: Int) {
        while let piece = next(at: seat) {
            piece.job.runSynchronously(on: piece.executor.asUnownedTaskExecutor())
        }
    }

    private enum Turn {
        case work(Piece, wakesOverseer: Bool)
        case leave
    }

    /// - Returns: `nil` when the thread is no longer needed; its seat is free then.
    private func next(at seat: Int) -> Piece? {
        var isIdle = false
        while true {
            let turn = monitor.wait(atMost: RunThreads.idleMax) { state -> Turn? in
                if state.queued > 0 {
                    if isIdle { state.idle -= 1 }
                    return take(at: seat, &state)
                }
                if !isIdle {
                    isIdle = true
                    state.idle += 1
                    state.seats[seat].executor = nil
                }
                return state.isClosed ? leave(seat, &state) : nil
            }
            switch turn ?? monitor.withLock({ leaveIfSpare(seat, &$0) }) {
            case .work(let piece, let wakesOverseer):
                if wakesOverseer { bell.wake() }
                return piece
            case .leave: return nil
            case nil: continue
            }
        }
    }

    private func take(at seat: Int, _ state: inout State) -> Turn {
        let piece = state.queue[state.queueHead]
        state.queueHead += 1
        if state.queueHead == state.queue.count {
            state.queue.removeAll(keepingCapacity: true)
            state.queueHead = 0
        } else if state.queueHead >= 1024 {
            state.queue.removeFirst(state.queueHead)
            state.queueHead = 0
        }
        state.seats[seat].executor = piece.executor
        state.seats[seat].pieces &+= 1
        return .work(piece, wakesOverseer: wakesOverseer(&state))
    }

    private func leave(_ seat: Int, _ state: inout State) -> Turn {
        state.idle -= 1
        state.seats[seat].isTaken = false
        return .leave
    }

    private func leaveIfSpare(_ seat: Int, _ state: inout State) -> Turn? {
        guard state.queued == 0 else { return nil }
        let held = state.seats.count { isHeld($0, .now) }
        return state.threads - held > usual ? leave(seat, &state) : nil
    }

    // MARK: - The overseer

    private func wakesOverseer(_ state: inout State) -> Bool {
        guard state.idle == 0, state.overseerRests else { return false }
        state.overseerRests = false
        return true
    }

    private func oversee() {
        while true {
            let (rest, new) = monitor.withLock { state -> (Duration?, [Int]) in
                guard !state.isClosed || state.threads > 0 else { return (nil, []) }
                look(&state, .now)
                let new = grow(&state)
                state.overseerRests = state.idle > 0 || state.threads == 0
                return (state.overseerRests ? RunThreads.lookInterval : RunThreads.heldAfter, new)
            }
            for seat in new { startThread(seat) }
            guard let rest else { return }
            bell.wait(atMost: rest)
        }
    }

    private func look(_ state: inout State, _ now: ContinuousClock.Instant) {
        for index in state.seats.indices {
            let seat = state.seats[index]
            let runs = seat.executor?.runsBegun ?? 0
            guard seat.executor == nil || seat.seen != (seat.pieces, runs) else { continue }
            state.seats[index].seen = (seat.pieces, runs)
            state.seats[index].seenSince = now
        }
    }

    private func isHeld(_ seat: Seat, _ now: ContinuousClock.Instant) -> Bool {
        seat.executor != nil && now - seat.seenSince >= RunThreads.heldAfter
    }

    /// Seats for the threads that are missing. When all are held, their number doubles, as long as work waits.
    private func grow(_ state: inout State) -> [Int] {
        let now = ContinuousClock.now
        let held = state.seats.count { isHeld($0, now) }
        let threads = state.threads
        guard held > 0, threads - held < usual else { return [] }
        let wanted = max(usual - (threads - held), threads == held ? min(state.queued, held) : 0)
        return (0..<max(0, min(wanted, state.max - threads))).map { _ in takeSeat(&state) }
    }
}
