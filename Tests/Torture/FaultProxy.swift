import Glibc
import Platform
import TestSupport

/// A TCP proxy before PostgreSQL that loses connections at the worst moments.
///
/// One thread carries every connection. Faults are ordered from any thread and happen at the next chance: a cut at the
/// next batch that does what the order names, a reset or a silence at once.
final class FaultProxy: Sendable {
    /// Where a connection is cut, seen from the client.
    enum Cut: String, Sendable, CaseIterable {
        /// The batch is lost: the server never sees it.
        case beforeForward = "before it was forwarded"
        /// The server has it and nobody hears the answer.
        case beforeAnswer = "before the answer"
        /// The client reads a part of the answer.
        case insideAnswer = "inside the answer"
    }

    enum Order: Sendable {
        case cut(Cut, on: WireReader.Deed)
        case reset
        /// Nothing passes for so long, in neither direction.
        case silence(Duration)
    }

    struct Counts: Sendable {
        var cuts: [Cut: Int] = [:]
        var resets = 0
        var silences = 0
        var connections = 0

        var allCuts: Int { cuts.values.reduce(0, +) }
    }

    struct State {
        var orders: [Order] = []
        var counts = Counts()
        var isStopping = false
    }

    let port: UInt16
    private let state: Lock<State>
    private let waker: Waker
    private let thread: BlockingThread

    private init(port: UInt16, state: Lock<State>, waker: Waker, thread: BlockingThread) {
        self.port = port
        self.state = state
        self.waker = waker
        self.thread = thread
    }

    /// Listens on 127.0.0.1 and carries to `server` there.
    /// - Parameter bytesPerSecond: in each direction, all connections together; nil: as fast as it goes.
    static func start(to server: UInt16, seed: UInt64, bytesPerSecond: Int? = nil) throws -> FaultProxy {
        let listener = try LoopbackSocket.listen()
        _ = fcntl(listener, F_SETFL, O_NONBLOCK)
        let state = Lock(State())
        let waker = try Waker()
        let thread = BlockingThread.start("fault-proxy") {
            var loop = ProxyLoop(
                listener: listener, server: server, waker: waker, state: state,
                dice: Dice(seed: seed, "proxy"), bytesPerSecond: bytesPerSecond)
            loop.run()
        }
        return FaultProxy(port: LoopbackSocket.port(of: listener), state: state, waker: waker, thread: thread)
    }

    /// Wants a fault. Each order happens once.
    func order(_ order: Order) {
        state.withLock { $0.orders.append(order) }
        waker.wake()
    }

    /// What has happened so far.
    var counts: Counts { state.withLock { $0.counts } }

    /// Orders that have not found their chance.
    var ordersOpen: Int { state.withLock { $0.orders.count } }

    /// Fair weather from here on.
    func forgetOrders() { state.withLock { $0.orders = [] } }

    /// Drops every connection and ends.
    func stop() async {
        state.withLock { $0.isStopping = true }
        waker.wake()
        await thread.joined()
    }
}
