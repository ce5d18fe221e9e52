internal import Platform
internal import Synchronization

/// Names one piece of submitted work, so that it can be cancelled before, while and after it runs.
final class Ticket: Sendable {
    let isCancelled = Atomic(false)
}

/// The thread that serves one ``Connection``, and the queue in front of it.
///
/// The session lives on the thread and never leaves it; everything shared is in `state`. A caller's continuation is
/// resumed exactly once: by whoever takes its request out of the queue, or by the thread that runs it.
final class ConnectionWorker: Sendable {
    enum Work: Sendable {
        case statements([SQL])
        case script(String)
        /// Only looks whether the peer is still there.
        case check
    }

    private struct Request: Sendable {
        let work: Work
        let deadline: Deadline
        let ticket: Ticket
        let continuation: CheckedContinuation<[Rows], any Error>
    }

    private struct State {
        var queue: [Request] = []
        var running: Ticket?
        var canceller: Canceller?
        var backendPID: Int32 = 0
        var isStopped = false
        var isBroken = false
        var isInTransaction = false
        var hasEnded = false
        var awaitingEnd: [CheckedContinuation<Void, Never>] = []
    }

    private let settings: ConnectionSettings
    private let state = Lock(State())
    /// Rings when the queue is no longer empty.
    private let work: Waker
    /// Rings once and for ever; every wait of the session listens to it.
    private let stopBell: Waker

    /// A cancel request that takes longer than this costs the connection.
    private static let cancelSettleMax: Duration = .seconds(2)

    init(_ settings: ConnectionSettings) throws {
        self.settings = settings
        work = try Waker()
        stopBell = try Waker()
    }

    // MARK: The callers' side

    var isBroken: Bool { state.withLock { $0.isBroken || $0.isStopped } }
    var isInTransaction: Bool { state.withLock { $0.isInTransaction } }
    var backendPID: Int32 { state.withLock { $0.backendPID } }

    /// Starts the thread and returns once the session is ready.
    func start() async throws {
        try await withCheckedThrowingContinuation { (opened: CheckedContinuation<Void, any Error>) in
            _ = BlockingThread.start("pg-connection") { self.serve(opened) }
        }
    }

    func submit(_ work: Work, by deadline: Deadline, _ ticket: Ticket) async throws -> [Rows] {
        try await withCheckedThrowingContinuation { continuation in
            let request = Request(work: work, deadline: deadline, ticket: ticket, continuation: continuation)
            let refusal: (any Error)? = state.withLock { state in
                if state.isStopped || state.hasEnded { return PostgresError.closed }
                // A cancellation sets the mark before it takes the lock, so either it finds the request or we see it.
                if ticket.isCancelled.load(ordering: .acquiring) { return CancellationError() }
                state.queue.append(request)
                return nil
            }
            if let refusal { return continuation.resume(throwing: refusal) }
            self.work.wake()
        }
    }

    func cancel(_ ticket: Ticket) {
        ticket.isCancelled.store(true, ordering: .releasing)
        let waiting: Request? = state.withLock { state in
            if let index = state.queue.firstIndex(where: { $0.ticket === ticket }) {
                return state.queue.remove(at: index)
            }
            // Inside the lock: once it is released the thread may be on to the next request.
            if state.running === ticket { askToCancel(state.canceller) }
            return nil
        }
        waiting?.continuation.resume(throwing: CancellationError())
    }

    /// If the server cannot even be asked, an answer will hardly come either.
    private func askToCancel(_ canceller: Canceller?) {
        guard let canceller else { return stopBell.wake() }
        canceller.send(orElse: { [stopBell] in stopBell.wake() })
    }

    /// Ends the connection soon; safe at any time and any number of times.
    func stop() {
        state.withLock { $0.isStopped = true }
        stopBell.wake()
    }

    /// Returns when the thread has given up everything.
    func ended() async {
        await withCheckedContinuation { continuation in
            let already = state.withLock { state in
                if !state.hasEnded { state.awaitingEnd.append(continuation) }
                return state.hasEnded
            }
            if already { continuation.resume() }
        }
    }

    // MARK: The thread's side

    private func serve(_ opened: CheckedContinuation<Void, any Error>) {
        do {
            let session = try Session.open(settings, by: Deadline(within: .seconds(3600)), stop: stopBell)
            state.withLock { state in
                state.canceller = session.canceller
                state.backendPID = session.backendPID
            }
            opened.resume()
            while let request = next() { serve(request, session) }
            session.close()
        } catch {
            opened.resume(throwing: error)
        }
        end()
    }

    /// The next request, waiting for it; nil when the connection is to end.
    private func next() -> Request? {
        while true {
            let (request, isStopped) = state.withLock { state -> (Request?, Bool) in
                guard !state.isStopped, !state.queue.isEmpty else { return (nil, state.isStopped) }
                let request = state.queue.removeFirst()
                state.running = request.ticket
                return (request, false)
            }
            if isStopped { return nil }
            if let request { return request }
            SocketWait.wait(work.descriptor, for: .reading, stop: stopBell, milliseconds: -1)
            work.drain()
        }
    }

    private func serve(_ request: Request, _ session: Session) {
        var result = Result { try perform(request, session) }
        state.withLock { state in
            state.running = nil
            state.isBroken = session.isBroken
            state.isInTransaction = session.isInTransaction
        }
        let wasCancelled = request.ticket.isCancelled.load(ordering: .acquiring)
        if wasCancelled { result = Self.cancelled(result) }
        request.continuation.resume(with: result)
        guard wasCancelled, let canceller = session.canceller else { return }
        if !canceller.isSettled(within: Self.cancelSettleMax) { stop() }
    }

    private func perform(_ request: Request, _ session: Session) throws -> [Rows] {
        guard !request.deadline.hasPassed else {
            throw PostgresError.timedOut(after: request.deadline.limit, outcomeUnknown: false)
        }
        switch request.work {
        case .statements(let statements): return try session.run(all: statements, by: request.deadline)
        case .script(let text): try session.runScript(text, by: request.deadline)
        case .check: try session.checkPeer()
        }
        return []
    }

    /// What a cancelled caller is told: the truth if the statement came to an end of its own.
    private static func cancelled(_ result: Result<[Rows], any Error>) -> Result<[Rows], any Error> {
        switch result {
        case .failure(PostgresError.server(let error)) where error.sqlstate == "57014":
            .failure(CancellationError())
        case .failure(PostgresError.connectionLost), .failure(PostgresError.timedOut):
            .failure(CancellationError())
        default: result
        }
    }

    private func end() {
        let (queue, awaiting) = state.withLock { state in
            state.hasEnded = true
            state.isBroken = true
            state.canceller = nil
            defer { (state.queue, state.awaitingEnd) = ([], []) }
            return (state.queue, state.awaitingEnd)
        }
        for request in queue { request.continuation.resume(throwing: PostgresError.closed) }
        for continuation in awaiting { continuation.resume() }
    }
}
