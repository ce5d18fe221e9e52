internal import CHTTP
internal import Glibc
internal import Platform

/// Lets connections in, and shares them out among the loops.
///
/// Runs on the first loop. When the process is out of descriptors, a reserve lets it tell a client so; when even that
/// fails, it stops accepting for a moment instead of spinning.
actor Listener {
    private static let acceptsMax = 64
    /// Whom nobody can be told of waits so long.
    private static let pauseMilliseconds: UInt64 = 100

    nonisolated let shares: [LoopShare]
    nonisolated var unownedExecutor: UnownedSerialExecutor { shares[0].loop.asUnownedSerialExecutor() }

    private let socket: ListeningSocket
    private let door: Door
    private var poller: Poller?
    private var reserve: Int32 = -1
    private var next = 0
    private var isStopped = false

    init(_ socket: ListeningSocket, _ shares: [LoopShare], _ door: Door) {
        self.socket = socket
        self.shares = shares
        self.door = door
    }

    /// Begins to accept; called once.
    func start() {
        guard !isStopped else { return }
        reserve = open("/dev/null", O_RDONLY | O_CLOEXEC)
        poller = shares[0].loop.poller(socket.descriptor) { [unowned self] _, _ in accept() }
        poller?.watch(Poller.readable)
    }

    /// Accepts no more; a second time does nothing.
    func stop() {
        guard !isStopped else { return }
        isStopped = true
        poller?.close()
        poller = nil
        socket.stop()
        if reserve >= 0 { close(reserve) }
    }

    private func accept() {
        for _ in 0..<Self.acceptsMax {
            var address = SocketAddress()
            let descriptor = address.withPointer { http_accept(socket.descriptor, $0, $1) }
            if descriptor >= 0 {
                welcome(descriptor, peer(address, descriptor))
                continue
            }
            switch errno {
            // Who hung up before it was let in is no trouble of ours.
            case EINTR, ECONNABORTED: continue
            case EAGAIN: return
            default:
                guard turnAway() else { return pause() }
            }
        }
    }

    private func peer(_ address: SocketAddress, _ descriptor: Int32) -> PeerAddress {
        guard address.family == AF_UNIX else { return address.peer }
        return .local(user: UInt32(exactly: http_peer_user(descriptor)))
    }

    private func welcome(_ descriptor: Int32, _ peer: PeerAddress) {
        switch door.enter(peer) {
        case .refused(let refusal): refuse(descriptor, refusal)
        case .welcome:
            prepare(descriptor)
            let share = shares[next]
            next = (next + 1) % shares.count
            let connection = Connection(descriptor, peer, share)
            // Its task belongs to the loop, which does not end before it has.
            Task(executorPreference: share.loop) { await connection.start() }
        }
    }

    /// Answers at once what the kernel takes, and closes; nothing of it is kept.
    private func refuse(_ descriptor: Int32, _ refusal: Refusal) {
        shares[0].counts.withLock { $0.connectionsRefused += 1 }
        let response = refusal.response
        var bytes: [UInt8] = []
        if case .bytes(let body) = response.content {
            ResponseHead.write(
                refusal.status, response.headers, .length(body.count), .closed, date: shares[0].date,
                to: &bytes)
            bytes += body
        }
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        shutdown(descriptor, Int32(SHUT_WR))
        // Closing on what is unread would make the kernel take the answer back.
        var scratch = [UInt8](repeating: 0, count: 4096)
        _ = recv(descriptor, &scratch, scratch.count, 0)
        close(descriptor)
    }

    /// Out of descriptors: uses the reserve to tell one client so. `false` when that was not possible.
    private func turnAway() -> Bool {
        guard reserve >= 0 else { return false }
        close(reserve)
        let descriptor = http_accept(socket.descriptor, nil, nil)
        if descriptor >= 0 { refuse(descriptor, .full) }
        reserve = open("/dev/null", O_RDONLY | O_CLOEXEC)
        return descriptor >= 0
    }

    private func pause() {
        poller?.watch(0)
        // Not Task.sleep: it may need a descriptor of its own, and ends the process when there is none.
        shares[0].loop.after(milliseconds: Self.pauseMilliseconds) { [self] in goOn() }
    }

    private func goOn() {
        guard !isStopped else { return }
        if reserve < 0 { reserve = open("/dev/null", O_RDONLY | O_CLOEXEC) }
        poller?.watch(Poller.readable)
    }

    private func prepare(_ descriptor: Int32) {
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        // A client whose machine is gone says no farewell; a stream with nothing to say would wait for it for ever.
        setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &one, 4)
        var seconds: Int32 = 30
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_KEEPIDLE, &seconds, 4)
        seconds = 10
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_KEEPINTVL, &seconds, 4)
    }
}
