internal import CPostgres
internal import Platform

/// Asks the server to stop what one connection is doing.
///
/// `PQcancel` opens a connection of its own and blocks, so each request has a thread of its own.
final class Canceller: @unchecked Sendable {
    // @unchecked: a PGcancel is a copy of the address and key, which libpq lets any thread use (libpq docs, 34.7).
    private let handle: OpaquePointer
    private let requestsInFlight = Lock(0)
    private let settled: Waker

    /// Nil when the connection has no address left to ask.
    init?(_ connection: OpaquePointer) {
        guard let handle = PQgetCancel(connection), let waker = try? Waker() else { return nil }
        self.handle = handle
        settled = waker
    }

    deinit { PQfreeCancel(handle) }

    /// Starts one request; returns at once.
    ///
    /// `failed` is called when the server could not be asked.
    func send(orElse failed: @escaping @Sendable () -> Void = {}) {
        requestsInFlight.withLock { $0 += 1 }
        _ = BlockingThread.start("pg-cancel") {
            if !self.ask() { failed() }
            self.requestsInFlight.withLock { $0 -= 1 }
            self.settled.wake()
        }
    }

    private func ask() -> Bool {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
            PQcancel(handle, text.baseAddress, Int32(text.count)) == 1
        }
    }

    /// Whether no request is under way any more, waiting for that at most so long.
    ///
    /// A late request would hit the next statement of the connection.
    func isSettled(within limit: Duration) -> Bool {
        let deadline = Deadline(within: limit)
        while requestsInFlight.withLock({ $0 > 0 }) {
            guard !deadline.hasPassed else { return false }
            SocketWait.wait(settled.descriptor, for: .reading, stop: nil, until: deadline)
            settled.drain()
        }
        return true
    }
}
