import Glibc
import Jobs
import Platform
import TestSupport

/// The proxy's thread: one `poll` for all connections.
struct ProxyLoop {
    let listener: Int32
    let server: UInt16
    let waker: Waker
    let state: Lock<FaultProxy.State>
    var dice: Dice
    private var links: [ProxyLink] = []
    /// How much the way carries now, from the clients and from the server; nil: anything.
    private var up: Pace?
    private var down: Pace?

    init(
        listener: Int32, server: UInt16, waker: Waker, state: Lock<FaultProxy.State>, dice: Dice,
        bytesPerSecond: Int?
    ) {
        up = bytesPerSecond.map { Pace(bytesPerSecond: $0) }
        down = up
        self.listener = listener
        self.server = server
        self.waker = waker
        self.state = state
        self.dice = dice
    }

    mutating func run() {
        while !state.withLock({ $0.isStopping }) { turn() }
        for link in links { link.end(withReset: true) }
        close(listener)
    }

    private mutating func turn() {
        var watched = [
            pollfd(fd: waker.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: listener, events: Int16(POLLIN), revents: 0),
        ]
        up?.refill()
        down?.refill()
        let (hearsClients, hearsServer) = (up?.hasRoom ?? true, down?.hasRoom ?? true)
        for link in links {
            watched += link.interests(hearsClient: hearsClients, hearsServer: hearsServer)
        }
        _ = poll(&watched, nfds_t(watched.count), hearsClients && hearsServer ? 20 : 1)
        if watched[0].revents != 0 { waker.drain() }
        // Links first: `watched` knows only those that were there.
        for (index, link) in links.enumerated() {
            carry(link, client: watched[2 + index * 2].revents, server: watched[3 + index * 2].revents)
        }
        if watched[1].revents != 0 { acceptCallers() }
        obeyOrders()
        links.removeAll { $0.isOver }
    }

    private mutating func acceptCallers() {
        while let client = LoopbackSocket.accept(listener) {
            // Nobody there: the server restarts.
            guard let upstream = LoopbackSocket.connect(to: server) else {
                LoopbackSocket.reset(client)
                continue
            }
            links.append(ProxyLink(client: client, server: upstream))
            state.withLock { $0.counts.connections += 1 }
        }
    }

    private mutating func carry(_ link: ProxyLink, client: Int16, server: Int16) {
        if client != 0 {
            for batch in link.readClient() { deliver(batch, of: link) }
        }
        if server != 0, link.readServer() { count(.insideAnswer) }
        link.flush()
        let (fromClient, fromServer) = link.takeCounts()
        up?.take(fromClient)
        down?.take(fromServer)
    }

    /// Forwards a batch, or does to it what the oldest fitting order says.
    private mutating func deliver(_ batch: WireReader.Batch, of link: ProxyLink) {
        guard let cut = cut(fitting: batch.deeds) else { return link.forward(batch.bytes) }
        switch cut {
        case .beforeForward:
            link.end(withReset: true)
            count(cut)
        case .beforeAnswer:
            link.forward(batch.bytes)
            link.desert(afterAnswer: dice.chance(0.5))
            count(cut)
        case .insideAnswer:
            link.forward(batch.bytes)
            link.cutAnswer(after: dice.int(1...60), withReset: dice.chance(0.5))
        }
    }

    private func cut(fitting deeds: Set<WireReader.Deed>) -> FaultProxy.Cut? {
        guard !deeds.isEmpty else { return nil }
        return state.withLock { state in
            for (index, order) in state.orders.enumerated() {
                if case .cut(let cut, let deed) = order, deeds.contains(deed) {
                    state.orders.remove(at: index)
                    return cut
                }
            }
            return nil
        }
    }

    private func count(_ cut: FaultProxy.Cut) { state.withLock { $0.counts.cuts[cut, default: 0] += 1 } }

    private mutating func obeyOrders() {
        let due = state.withLock { state in
            let due = state.orders.filter(\.isImmediate)
            state.orders.removeAll(where: \.isImmediate)
            return due
        }
        for order in due {
            let living = links.filter { !$0.isOver }
            guard !living.isEmpty else { continue }
            let link = dice.pick(living)
            switch order {
            case .reset:
                link.end(withReset: true)
                state.withLock { $0.counts.resets += 1 }
            case .silence(let span):
                link.silence(for: span)
                state.withLock { $0.counts.silences += 1 }
            case .cut: break
            }
        }
    }
}

/// A slow way: so many bytes a second, in portions of a fiftieth of that.
private struct Pace {
    private let bytesPerSecond: Double
    private var room: Double
    private var at = ContinuousClock.now

    init(bytesPerSecond: Int) {
        self.bytesPerSecond = Double(bytesPerSecond)
        room = self.bytesPerSecond / 50
    }

    var hasRoom: Bool { room > 0 }

    mutating func refill() {
        let now = ContinuousClock.now
        room = min(room + bytesPerSecond * (now - at).inSeconds, bytesPerSecond / 50)
        at = now
    }

    /// May go below zero: the next wait longer.
    mutating func take(_ bytes: Int) { room -= Double(bytes) }
}

extension FaultProxy.Order {
    fileprivate var isImmediate: Bool {
        if case .cut = self { false } else { true }
    }
}
