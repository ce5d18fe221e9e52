internal import Platform

/// A bounded pool of connections.
///
/// Connections open when they are first needed and stay. A broken one is dropped; the next is opened with full-jitter
/// backoff of at most 10 seconds. Whoever waits for one waits at most `waitMax`. A caller whose idle connection turns
/// out dead before anything was sent gets another without noticing; a statement whose outcome is unknown is never sent
/// again.
///
/// The first callers of a database that has never answered are told at once why; after that, callers wait for it to
/// come back.
package final class Database: SQLRunner {
    package let settings: ConnectionSettings
    private let waitMax: Duration
    private let connectionsMax: Int
    private let pool: Lock<PoolState>

    package init(_ settings: ConnectionSettings, connectionsMax: Int, waitMax: Duration = .seconds(10)) {
        precondition(connectionsMax > 0, "a database needs at least one connection")
        self.settings = settings
        self.waitMax = waitMax
        self.connectionsMax = connectionsMax
        pool = Lock(PoolState(connectionsMax: connectionsMax))
    }

    /// Connections open (idle or lent), idle ones, and callers waiting for one.
    package var status: (open: Int, idle: Int, waiting: Int) {
        pool.withLock { ($0.open, $0.idle.count, $0.waiters.count) }
    }

    /// Closes idle connections now and lent ones when they come back; fails whoever waits.
    ///
    /// Waits for nothing; a second time does nothing.
    package func close() async { shut() }

    func shut() {
        let (idle, waiters) = pool.withLock { $0.close() }
        for connection in idle { connection.abandon() }
        for waiter in waiters { waiter.continuation.resume(throwing: PostgresError.closed) }
    }

    // MARK: Running

    @discardableResult
    package func run(_ sql: SQL, within limit: Duration) async throws -> Rows {
        try await run(all: [sql], within: limit)[0]
    }

    @discardableResult
    package func run(all statements: [SQL], within limit: Duration) async throws -> [Rows] {
        let (lease, rows) = try await firstOn { try await $0.run(all: statements, within: limit) }
        giveBack(lease.connection)
        return rows
    }

    /// Lends a connection whose peer was there a moment ago.
    ///
    /// What is left in a transaction is discarded.
    package func withConnection<T: Sendable>(_ body: (Connection) async throws -> T) async throws -> T {
        let (lease, _) = try await firstOn { try await $0.checkPeer() }
        defer { giveBack(lease.connection) }
        return try await body(lease.connection)
    }

    /// Borrows a connection and does a first thing on it; on connections found dead before anything was sent,
    /// the first thing is done again on another.
    ///
    /// The caller gives the lease back, unless this throws.
    func firstOn<T: Sendable>(_ deed: (Connection) async throws -> T) async throws -> (Lease, T) {
        while true {
            let lease = try await borrow()
            do {
                return (lease, try await deed(lease.connection))
            } catch {
                giveBack(lease.connection)
                // Ends: each turn discards an idle connection, and a fresh one is not forgiven.
                guard lease.wasIdle, Self.wasDeadBefore(error) else { throw error }
            }
        }
    }

    private static func wasDeadBefore(_ error: any Error) -> Bool {
        switch error {
        case PostgresError.connectionLost(_, outcomeUnknown: false), PostgresError.closed: true
        default: false
        }
    }

    // MARK: Borrowing

    private func borrow() async throws -> Lease {
        try Task.checkCancellation()
        let (idle, isClosed, number) = pool.withLock { ($0.takeIdle(), $0.isClosed, $0.number()) }
        if let idle { return Lease(connection: idle, wasIdle: true) }
        guard !isClosed else { throw PostgresError.closed }
        // Lives as long as the wait below: an unstructured task, because a task group would have to be joined.
        let alarm = Task { [weak self, waitMax] in
            try await Task.sleep(for: waitMax)
            self?.expire(number)
        }
        defer { alarm.cancel() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { wait(number, $0) }
        } onCancel: {
            pool.withLock { $0.leave(number) }?.continuation.resume(throwing: CancellationError())
        }
    }

    private enum Arrival {
        case served(Connection)
        case refused(any Error)
        case waiting(open: Bool)
    }

    private func wait(_ number: Int, _ continuation: CheckedContinuation<Lease, any Error>) {
        let arrival: Arrival = pool.withLock { pool in
            if pool.isClosed { return .refused(PostgresError.closed) }
            // Inside the lock: a cancellation either finds the waiter or is seen here.
            if Task.isCancelled { return .refused(CancellationError()) }
            if let connection = pool.takeIdle() { return .served(connection) }
            return .waiting(open: pool.wait(PoolState.Waiter(number: number, continuation: continuation)))
        }
        switch arrival {
        case .served(let connection):
            continuation.resume(returning: Lease(connection: connection, wasIdle: true))
        case .refused(let error): continuation.resume(throwing: error)
        case .waiting(let open): if open { beginOpening() }
        }
    }

    private func expire(_ number: Int) {
        let (waiter, trouble) = pool.withLock { ($0.leave(number), $0.trouble) }
        waiter?.continuation.resume(throwing: trouble ?? PostgresError.poolExhausted(waited: waitMax))
    }

    func giveBack(_ connection: Connection) {
        let isUsable = !connection.isBroken && !connection.isInTransaction
        let decision = pool.withLock { $0.giveBack(connection, isUsable: isUsable) }
        carryOut(decision, connection, isFresh: false)
    }

    private func carryOut(_ decision: PoolState.Return, _ connection: Connection, isFresh: Bool) {
        switch decision {
        case .keep: break
        case .hand(let waiter):
            waiter.continuation.resume(returning: Lease(connection: connection, wasIdle: !isFresh))
        case .discard(let openAnother):
            connection.abandon()
            if openAnother { beginOpening() }
        }
    }

    // MARK: Opening

    private func beginOpening() {
        // Outlives the caller it was started for: that caller may be gone, and the next one wants the connection.
        Task { await self.open() }
    }

    private func open() async {
        while true {
            do {
                let connection = try await Connection.open(settings)
                let (decision, openAnother) = pool.withLock { $0.opened(connection) }
                carryOut(decision, connection, isFresh: true)
                if openAnother { beginOpening() }
                return
            } catch {
                let (told, pause) = pool.withLock { $0.failedToOpen(error) }
                for waiter in told { waiter.continuation.resume(throwing: error) }
                guard let pause else { return }
                try? await Task.sleep(for: pause)
                guard pool.withLock({ $0.isStillWanted() }) else { return }
            }
        }
    }
}
