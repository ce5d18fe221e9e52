internal import Platform

/// Serves HTTP/1.1 and 1.0.
///
/// Each connection belongs to one of a few loops; its requests are answered one after another, by a task on that loop. A
/// handler may wait as long as it likes, but must not block: everything of its loop would wait with it.
package final class HTTPServer: Sendable {
    private enum State {
        case new
        case serving([LoopShare], Listener)
        case draining(Task<Void, Never>)
    }

    private let settings: HTTPSettings
    private let handler: @Sendable (Request) async -> Response
    private let door: Door
    private let state = Lock(State.new)
    private let shares = Lock([LoopShare]())

    /// - Parameter handler: answers a request. Its task is cancelled when the other end is gone or a drain's patience ends.
    package init(settings: HTTPSettings, handler: @escaping @Sendable (Request) async -> Response) {
        self.settings = settings
        self.handler = handler
        door = Door(settings)
    }

    deinit {
        guard case .serving(let shares, let listener) = state.withLock({ $0 }) else { return }
        // Nobody is left who could wait for it; the loops hold what they need.
        Task { [door] in await Self.drain(shares, listener, door, .zero) }
    }

    /// Binds and serves, until it is drained or forgotten; called once.
    ///
    /// From then on the process ignores SIGPIPE, which `sendfile` cannot be told not to raise.
    /// - Throws: `BindFailure`, or `PlatformFault` when the process is out of descriptors.
    package func start() throws -> BoundAddress {
        Signals.ignoreBrokenPipes()
        let socket = try ListeningSocket(settings)
        var shares: [LoopShare] = []
        do {
            for number in 1...max(1, settings.loops) {
                shares.append(LoopShare(try EventLoop("http \(number)"), settings, door, handler))
            }
        } catch {
            socket.stop()
            for share in shares { share.loop.end() }
            throw error
        }
        let listener = Listener(socket, shares, door)
        state.withLock { state in
            guard case .new = state else { preconditionFailure("a server is started once") }
            state = .serving(shares, listener)
        }
        self.shares.withLock { $0 = shares }
        // It only begins to watch the socket, and is over at once.
        Task(executorPreference: shares[0].loop) { await listener.start() }
        return socket.address
    }

    /// Accepts no more, closes connections that wait for a request, lets answers in flight end for at most so long, and
    /// closes the rest.
    ///
    /// Streams are told at once: their task is cancelled, and a write throws. A second call waits for the first. A handler
    /// that hears no cancel is left to itself.
    package func drain(within grace: Duration) async {
        let draining = state.withLock { state -> Task<Void, Never>? in
            switch state {
            case .new: return nil
            case .draining(let task): return task
            case .serving(let shares, let listener):
                // Of its own, so that a caller who is cancelled does not leave half of it.
                let task = Task { [door] in await Self.drain(shares, listener, door, grace) }
                state = .draining(task)
                return task
            }
        }
        await draining?.value
    }

    private static func drain(
        _ shares: [LoopShare], _ listener: Listener, _ door: Door, _ grace: Duration
    ) async {
        await listener.stop()
        for share in shares { await onLoop(share) { $0.drain() } }
        let patience = Task {
            guard (try? await Task.sleep(for: grace)) != nil else { return }
            for share in shares { await onLoop(share) { $0.cutAll() } }
        }
        await door.empty()
        patience.cancel()
        for share in shares { share.loop.end() }
    }

    private static func onLoop(_ share: LoopShare, _ deed: @escaping @Sendable (LoopShare) -> Void) async {
        await Task(executorPreference: share.loop) { deed(share) }.value
    }

    /// What happened so far.
    package var counts: Counts {
        var sum = Counts()
        for share in shares.withLock({ $0 }) { sum += share.counts.withLock { $0 } }
        return sum
    }
}
