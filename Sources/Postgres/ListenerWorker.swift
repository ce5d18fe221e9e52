internal import Platform

/// The thread that serves one ``Listener``.
final class ListenerWorker: Sendable {
    private struct State {
        var hasStarted = false
        var bell: Waker?
        var isStopped = false
    }

    private let settings: ConnectionSettings
    private let channels: [String]
    private let events: AsyncStream<Listener.Event>.Continuation
    private let state = Lock(State())

    private static let silenceMax: Duration = .seconds(30)
    private static let answerMax: Duration = .seconds(10)

    init(
        _ settings: ConnectionSettings, _ channels: [String],
        _ events: AsyncStream<Listener.Event>.Continuation
    ) {
        self.settings = settings
        self.channels = channels
        self.events = events
    }

    func start() {
        let begins = state.withLock { state in
            defer { state.hasStarted = true }
            return !state.hasStarted && !state.isStopped
        }
        guard begins else { return }
        _ = BlockingThread.start("pg-listener") { self.serve() }
    }

    func stop() {
        state.withLock { state in
            state.isStopped = true
            state.bell?.wake()
            if !state.hasStarted { events.finish() }
        }
    }

    private var isStopped: Bool { state.withLock { $0.isStopped } }

    private func serve() {
        defer { events.finish() }
        guard let bell = hangBell() else { return }
        var failures = 0
        while !isStopped {
            do {
                let session = try Session.open(settings, by: Deadline(within: .seconds(3600)), stop: bell)
                defer { session.close() }
                try listen(on: session)
                failures = 0
                events.yield(.listening)
                try relay(session)
            } catch {
                guard !isStopped else { return }
                failures += 1
                events.yield(.lost("\(String(reflecting: error))"))
                pause(Backoff.pause(after: failures), bell)
            }
        }
    }

    /// Nil when there is nothing to wait with, or nothing to wait for.
    private func hangBell() -> Waker? {
        do {
            let bell = try Waker()
            return state.withLock { state in
                state.bell = bell
                return state.isStopped ? nil : bell
            }
        } catch {
            events.yield(.lost("\(error)"))
            return nil
        }
    }

    private func pause(_ duration: Duration, _ bell: Waker) {
        SocketWait.wait(bell.descriptor, for: .reading, stop: nil, milliseconds: duration.pollMilliseconds)
    }

    private func listen(on session: Session) throws {
        let statements = channels.map { channel -> SQL in
            let quoted = channel.split(separator: "\"", omittingEmptySubsequences: false).joined(
                separator: "\"\"")
            return "LISTEN \"\(pasting: quoted)\""
        }
        // Silence is what a listener is for: a limit of the role's or the database's must not end it.
        let lasting: SQL = "SELECT set_config('idle_session_timeout', '0', false)"
        _ = try session.run(all: [lasting] + statements, within: Self.answerMax)
    }

    /// Hands on what comes, until the connection breaks.
    private func relay(_ session: Session) throws {
        while true {
            let arrived = try session.notifications(until: Deadline(within: Self.silenceMax))
            if arrived.isEmpty { _ = try session.run("SELECT 1", within: Self.answerMax) }
            for (channel, payload) in arrived {
                events.yield(.notification(channel: channel, payload: payload))
            }
        }
    }
}
