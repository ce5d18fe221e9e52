internal import CCurl
internal import Glibc
internal import Platform

/// The thread that makes all transfers of one ``Web``.
///
/// `curl_multi_poll` looks at every socket each time, which is cheap for the few hundred that `connectionsMax` allows
/// and needs no descriptors of ours.
final class CurlLoop: Sendable {
    private struct Inbox {
        var orders: [TransferOrder] = []
        var cancelled: [TransferOrder] = []
        var waiting = 0
        var isStopped = false
        var hasEnded = false
        var awaitingEnd: [CheckedContinuation<Void, Never>] = []
    }

    // @unchecked: only the loop's thread uses the handle, but for `curl_multi_wakeup`, which any thread may call until
    // the handle is gone; the lock around the inbox sees to that.
    private struct Multi: @unchecked Sendable {
        let handle: UnsafeMutableRawPointer
    }

    /// How late the loop may notice a transfer that is overdue.
    private static let look = Duration.milliseconds(200)
    private static let idle = Duration.seconds(30)
    /// Open connections that nobody uses at the moment.
    private static let keptConnectionsMax = 32
    private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    private let settings: WebSettings
    private let multi: Multi
    private let inbox = Lock(Inbox())

    /// Starts the thread. A machine without memory for it is a crash.
    init(_ settings: WebSettings) {
        precondition(Self.isReady, "libcurl could not be made ready")
        guard let handle = curl_multi_init() else { preconditionFailure("libcurl has no memory") }
        curl_multi_set_long(
            handle, CURLMOPT_MAXCONNECTS, min(settings.connectionsMax, Self.keptConnectionsMax))
        self.settings = settings
        multi = Multi(handle: handle)
        Signals.ignoreBrokenPipes()
        _ = BlockingThread.start("web") { self.serve() }
    }

    // MARK: The callers' side

    /// Takes an order, or ends it at once.
    func submit(_ order: TransferOrder) {
        let refusal: WebError? = inbox.withLock { inbox in
            if inbox.isStopped { return .closed }
            if inbox.waiting >= settings.waitingMax { return .busy }
            inbox.waiting += 1
            inbox.orders.append(order)
            curl_multi_wakeup(multi.handle)
            return nil
        }
        if let refusal { order.end(.failure(refusal)) }
    }

    /// Ends an order soon, wherever it is; nothing happens when it has ended.
    func cancel(_ order: TransferOrder) {
        inbox.withLock { inbox in
            guard !inbox.hasEnded else { return }
            inbox.cancelled.append(order)
            curl_multi_wakeup(multi.handle)
        }
    }

    func stop() {
        inbox.withLock { inbox in
            inbox.isStopped = true
            if !inbox.hasEnded { curl_multi_wakeup(multi.handle) }
        }
    }

    /// Returns when the thread has given up everything.
    func ended() async {
        await withCheckedContinuation { continuation in
            let already = inbox.withLock { inbox in
                if !inbox.hasEnded { inbox.awaitingEnd.append(continuation) }
                return inbox.hasEnded
            }
            if already { continuation.resume() }
        }
    }

    // MARK: The thread's side

    private func serve() {
        var desk = TransferDesk(settings: settings, multi: multi.handle)
        while takeInbox(&desk) {
            let started = desk.startWaiting()
            if started > 0 { inbox.withLock { $0.waiting -= started } }
            desk.turn()
            let dropped = desk.endOverdue(at: BootClock.now)
            if dropped > 0 { inbox.withLock { $0.waiting -= dropped } }
            // What an end made room for must not wait for the next event.
            if desk.canStart { continue }
            desk.wait(atMost: desk.isIdle ? Self.idle : Self.look)
        }
        desk.endAll(.closed)
        let (late, awaiting) = inbox.withLock { inbox in
            inbox.hasEnded = true
            curl_multi_cleanup(multi.handle)
            defer { (inbox.orders, inbox.cancelled, inbox.awaitingEnd) = ([], [], []) }
            return (inbox.orders, inbox.awaitingEnd)
        }
        for order in late { order.end(.failure(.closed)) }
        for continuation in awaiting { continuation.resume() }
    }

    /// - Returns: whether to go on.
    private func takeInbox(_ desk: inout TransferDesk) -> Bool {
        let (orders, cancelled, isStopped) = inbox.withLock { inbox in
            defer { (inbox.orders, inbox.cancelled) = ([], []) }
            return (inbox.orders, inbox.cancelled, inbox.isStopped)
        }
        desk.waiting += orders
        var dropped = 0
        for order in cancelled where desk.cancel(order) { dropped += 1 }
        if dropped > 0 { inbox.withLock { $0.waiting -= dropped } }
        return !isStopped
    }
}

/// The transfers of a loop: those that wait for a connection, and those under way.
struct TransferDesk {
    let settings: WebSettings
    let multi: UnsafeMutableRawPointer
    /// In the order in which they came.
    var waiting: [TransferOrder] = []
    private var live: [UnsafeMutableRawPointer: Transfer] = [:]
    private var hosts: [String: Int] = [:]

    init(settings: WebSettings, multi: UnsafeMutableRawPointer) {
        self.settings = settings
        self.multi = multi
    }

    var isIdle: Bool { live.isEmpty && waiting.isEmpty }

    var canStart: Bool { live.count < settings.connectionsMax && waiting.contains { hasRoom($0) } }

    private func hasRoom(_ order: TransferOrder) -> Bool {
        hosts[order.host, default: 0] < settings.hostConnectionsMax
    }

    /// - Returns: how many no longer wait.
    mutating func startWaiting() -> Int {
        guard !waiting.isEmpty else { return 0 }
        var left: [TransferOrder] = []
        let before = waiting.count
        for order in waiting {
            guard live.count < settings.connectionsMax, hasRoom(order) else {
                left.append(order)
                continue
            }
            start(order)
        }
        waiting = left
        return before - left.count
    }

    private mutating func start(_ order: TransferOrder) {
        guard let transfer = Transfer.make(order, settings),
            curl_multi_add_handle(multi, transfer.easy) == CURLM_OK
        else { return order.end(.failure(.protocol("libcurl has no memory"))) }
        live[transfer.easy] = transfer
        hosts[order.host, default: 0] += 1
    }

    /// Lets libcurl do what there is to do, and ends what has come to its end.
    mutating func turn() {
        var running: Int32 = 0
        curl_multi_perform(multi, &running)
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle,
                let transfer = live[easy]
            else { continue }
            let code = message.pointee.data.result
            end(transfer, transfer.result(code))
        }
    }

    /// - Returns: how many of them had waited.
    mutating func endOverdue(at now: Duration) -> Int {
        for transfer in live.values {
            if let error = transfer.overdue(at: now) { end(transfer, .failure(error)) }
        }
        let late = waiting.filter { $0.deadline <= now }
        guard !late.isEmpty else { return 0 }
        waiting.removeAll { $0.deadline <= now }
        for order in late { order.end(.failure(.timeout(.queue, after: order.request.timeLimit))) }
        return late.count
    }

    /// - Returns: whether it had waited.
    mutating func cancel(_ order: TransferOrder) -> Bool {
        if let transfer = live.values.first(where: { $0.order === order }) {
            end(transfer, .failure(.cancelled))
            return false
        }
        guard let index = waiting.firstIndex(where: { $0 === order }) else { return false }
        waiting.remove(at: index).end(.failure(.cancelled))
        return true
    }

    mutating func endAll(_ error: WebError) {
        for transfer in Array(live.values) { end(transfer, .failure(error)) }
        for order in waiting { order.end(.failure(error)) }
        waiting = []
    }

    private mutating func end(_ transfer: Transfer, _ result: Result<Hop, WebError>) {
        curl_multi_remove_handle(multi, transfer.easy)
        live[transfer.easy] = nil
        let host = transfer.order.host
        hosts[host] = hosts[host].flatMap { $0 > 1 ? $0 - 1 : nil }
        transfer.order.end(result)
    }

    func wait(atMost limit: Duration) {
        let (seconds, attoseconds) = limit.components
        let milliseconds = Int32(seconds * 1000 + attoseconds / 1_000_000_000_000_000)
        curl_multi_poll(multi, nil, 0, milliseconds, nil)
    }
}

extension TransferOrder {
    /// What connections are counted by.
    var host: String { "\(address.host):\(address.port)" }
}
