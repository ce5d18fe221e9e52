internal import Platform

/// A bounded pool of connections.
///
/// Connections open when they are first needed and stay. A broken one is dropped; the next is opened with full-jitter
/// backoff of at most 5 seconds. When one turns out to lead to a server that takes no writes, all are dropped. Whoever waits for one waits at most `waitMax`. A caller whose idle connection turns
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
        try await run(all: statements, within: limit, .asSet)
    }

    func run(all statements: [SQL], within limit: Duration, _ wait: LockWait) async throws -> [Rows] {
        guard let first = wait.statement else {
            let (lease, rows) = try await firstOn { try await $0.run(all: statements, within: limit) }
            giveBack(lease.connection)
            return rows
        }
        do {
            let (lease, rows) = try await firstOn(wait) {
                try await $0.run(all: [first] + statements, within: limit)
            }
            giveBack(lease.connection)
            return Array(rows.dropFirst())
        } catch PostgresError.server(var error) {
            // The caller knows nothing of ours in front.
            error.statementIndex = error.statementIndex.map { $0 - 1 }
            throw PostgresError.server(error)
        }
    }

    /// Lends a connection whose peer was there a moment ago.
    ///
    /// What is left in a transaction is discarded.
    package func withConnection<T: Sendable>(_ body: (Connection) async throws -> T) async throws -> T {
        let (lease, _) = try await firstOn { try await $0.checkPeer() }
        defer { giveBack(lease.connection) }
        do { return try await body(lease.connection) } catch {
            distrust(after: error)
            throw error
        }
    }

    /// Drops every connection: they lead, or may lead, to a server that takes no writes. Those on loan go when they come
    /// back. The next callers get new ones.
    package func distrust() {
        for connection in pool.withLock({ $0.distrust() }) { connection.abandon() }
    }

    func distrust(after error: any Error) {
        if (error as? PostgresError)?.isReadOnly == true { distrust() }
    }

    /// Borrows a connection and does a first thing on it; on connections found dead before anything was sent,
    /// the first thing is done again on another.
    ///
    /// The caller gives the lease back, unless this throws.
    func firstOn<T: Sendable>(
        _ wait: LockWait = .asSet, _ deed: (Connection) async throws -> T
    ) async throws -> (Lease, T) {
        while true {
            let lease = try await borrow(wait)
            do {
                return (lease, try await deed(lease.connection))
            } catch {
                distrust(after: error)
                giveBack(lease.connection)
                // Ends: each turn discards an idle connection, and a fresh one is not forgiven.
                guard lease.wasIdle, Self.wasDeadBefore(error) else { throw error }
            }
        }
    }

    private static func wasDeadBefore(_ error: any Error) -> Bool {
        switch error {
        case PostgresError.connectionLost(_, outcomeUnknown: false), PostgresError.closed: true
        // A server that takes no writes did nothing either, and a fresh connection leads to one that does, or is refused.
        case let error as PostgresError: error.isReadOnly
        default: false
        }
    }

    // MARK: Borrowing

    private func borrow(_ wait: LockWait) async throws -> Lease {
        try Task.checkCancellation()
        let (idle, isClosed, number) = pool.withLock { ($0.takeIdle(for: wait), $0.isClosed, $0.number()) }
        if let idle { return Lease(connection: idle, wasIdle: true) }
        guard !isClosed else { throw PostgresError.closed }
        // Lives as long as the wait below: an unstructured task, because a task group would have to be joined.
        let borrowMax = wait.borrowMax(waitMax)
        let alarm = Task { [weak self] in
            try await Task.sleep(for: borrowMax)
            self?.expire(number, after: borrowMax)
        }
        defer { alarm.cancel() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { self.wait(number, wait, $0) }
        } onCancel: {
            pool.withLock { $0.leave(number) }?.continuation.resume(throwing: CancellationError())
        }
    }

    private enum Arrival {
        case served(Connection)
        case refused(any Error)
        case waiting(open: Bool)
    }

    private func wait(
        _ number: Int, _ wait: LockWait, _ continuation: CheckedContinuation<Lease, any Error>
    ) {
        let arrival: Arrival = pool.withLock { pool in
            if pool.isClosed { return .refused(PostgresError.closed) }
            // Inside the lock: a cancellation either finds the waiter or is seen here.
            if Task.isCancelled { return .refused(CancellationError()) }
            if let connection = pool.takeIdle(for: wait) { return .served(connection) }
            let waiter = PoolState.Waiter(number: number, wait: wait, continuation: continuation)
            return .waiting(open: pool.wait(waiter))
        }
        switch arrival {
        case .served(let connection):
            continuation.resume(returning: Lease(connection: connection, wasIdle: true))
        case .refused(let error): continuation.resume(throwing: error)
        case .waiting(let open): if open { beginOpening() }
        }
    }

    private func expire(_ number: Int, after waited: Duration) {
        let (waiter, trouble) = pool.withLock { ($0.leave(number), $0.trouble) }
        waiter?.continuation.resume(throwing: trouble ?? PostgresError.poolExhausted(waited: waited))
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
        case .discard(let hand, let openAnother):
            connection.abandon()
            if let (other, waiter) = hand {
                waiter.continuation.resume(returning: Lease(connection: other, wasIdle: true))
            }
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
