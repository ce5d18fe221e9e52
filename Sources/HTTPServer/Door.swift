internal import Platform

/// Counts who is inside, and says who may come in.
final class Door: Sendable {
    enum Verdict {
        case welcome
        case refused(Refusal)
    }

    private struct State {
        var open = 0
        var perNetwork: [[UInt8]: Int] = [:]
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let settings: HTTPSettings
    private let state = Lock(State())

    init(_ settings: HTTPSettings) { self.settings = settings }

    var open: Int { state.withLock { $0.open } }

    /// Counts a connection in, unless there are too many; who was welcome has to ``leave(_:)``.
    func enter(_ peer: PeerAddress) -> Verdict {
        // The other end of a unix socket has no address.
        let isCounted = !peer.network.isEmpty && (settings.limitsLoopback || !peer.isLoopback)
        return state.withLock { state in
            guard state.open < settings.connectionsMax else { return .refused(.full) }
            let ofNetwork = state.perNetwork[peer.network] ?? 0
            guard !isCounted || ofNetwork < settings.connectionsPerAddressMax else {
                return .refused(.fullForAddress)
            }
            state.open += 1
            state.perNetwork[peer.network] = ofNetwork + 1
            return .welcome
        }
    }

    func leave(_ peer: PeerAddress) {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.open -= 1
            let ofNetwork = state.perNetwork[peer.network] ?? 1
            state.perNetwork[peer.network] = ofNetwork > 1 ? ofNetwork - 1 : nil
            guard state.open == 0 else { return [] }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when nobody is inside.
    func empty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if state.open > 0 { state.waiters.append(continuation) }
                return state.open == 0
            }
            if isEmpty { continuation.resume() }
        }
    }
}
