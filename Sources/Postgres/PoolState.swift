/// Who has which connection, and who waits: the decisions of a ``Database``, without any effects.
///
/// Invariants: (1) `open + opening` never exceeds `connectionsMax`; (2) no connection is idle that a waiter may have;
/// (3) while connecting fails, at most one attempt is under way; (4) borrowers that may wait for a lock never hold more
/// connections than their ``LockWait`` allows, so that the others always find one that is not held up.
struct PoolState {
    struct Waiter {
        let number: Int
        let wait: LockWait
        let continuation: CheckedContinuation<Lease, any Error>
    }

    /// What to do with a connection that came back.
    enum Return {
        case keep
        case hand(to: Waiter)
        /// Close it; a waiter may have an idle one now, or another is to be opened.
        case discard(hand: (Connection, Waiter)?, openAnother: Bool)
    }

    private struct Loan {
        let wait: LockWait
        /// It leads to a server that takes no writes, as far as is known: it does not come back into the pool.
        var isDistrusted = false
    }

    let connectionsMax: Int
    private(set) var idle: [Connection] = []
    private var loans: [ObjectIdentifier: Loan] = [:]
    private(set) var opening = 0
    private(set) var waiters: [Waiter] = []
    private(set) var isClosed = false
    private(set) var hasConnected = false
    /// Why connecting failed last; nil while it works.
    private(set) var trouble: (any Error)?
    private(set) var failuresInARow = 0
    private var nextNumber = 0

    init(connectionsMax: Int) { self.connectionsMax = connectionsMax }

    /// Idle and lent ones.
    var open: Int { idle.count + loans.count }

    /// Lends the most recently used idle connection, if the borrower may have one: it is the least likely to have been
    /// closed by a firewall.
    mutating func takeIdle(for wait: LockWait) -> Connection? {
        guard hasRoom(for: wait), let connection = idle.popLast() else { return nil }
        lend(connection, wait)
        return connection
    }

    private func hasRoom(for wait: LockWait) -> Bool {
        guard wait != .asSet else { return true }
        let lent = loans.values.count { $0.wait == wait }
        return lent < wait.connectionsMax(of: connectionsMax)
    }

    private mutating func lend(_ connection: Connection, _ wait: LockWait) {
        loans[ObjectIdentifier(connection)] = Loan(wait: wait)
    }

    mutating func number() -> Int {
        nextNumber += 1
        return nextNumber
    }

    /// Queues a waiter; true if a connection is to be opened for it.
    mutating func wait(_ waiter: Waiter) -> Bool {
        waiters.append(waiter)
        return beginOpening()
    }

    mutating func leave(_ number: Int) -> Waiter? {
        guard let index = waiters.firstIndex(where: { $0.number == number }) else { return nil }
        return waiters.remove(at: index)
    }

    private mutating func beginOpening() -> Bool {
        let openingMax = failuresInARow > 0 ? 1 : waiters.count { hasRoom(for: $0.wait) }
        guard !isClosed, open + opening < connectionsMax, opening < openingMax else { return false }
        opening += 1
        return true
    }

    /// The first waiter that may have a connection.
    private mutating func nextWaiter() -> Waiter? {
        waiters.firstIndex { hasRoom(for: $0.wait) }.map { waiters.remove(at: $0) }
    }

    /// A connection came into being; who gets it, and whether another should be opened.
    mutating func opened(_ connection: Connection) -> (Return, openAnother: Bool) {
        opening -= 1
        hasConnected = true
        failuresInARow = 0
        trouble = nil
        let back = place(connection, isUsable: true)
        return (back, beginOpening())
    }

    /// Connecting failed.
    ///
    /// Returns who is to be told at once, and how long to pause before the next attempt, nil for none: when
    /// nobody waits any more.
    mutating func failedToOpen(_ error: any Error) -> (told: [Waiter], pause: Duration?) {
        trouble = error
        failuresInARow += 1
        // A database that never answered is most likely misnamed, and its first callers want to know now.
        let told = hasConnected || isClosed ? [] : waiters
        if !told.isEmpty { waiters = [] }
        guard !isClosed, !waiters.isEmpty, opening == 1 else {
            opening -= 1
            return (told, nil)
        }
        return (told, Backoff.pause(after: failuresInARow))
    }

    /// Whether the attempt after a pause is still wanted.
    mutating func isStillWanted() -> Bool {
        guard isClosed || waiters.isEmpty else { return true }
        opening -= 1
        return false
    }

    mutating func giveBack(_ connection: Connection, isUsable: Bool) -> Return {
        let loan = loans.removeValue(forKey: ObjectIdentifier(connection))
        return place(connection, isUsable: isUsable && loan?.isDistrusted != true)
    }

    private mutating func place(_ connection: Connection, isUsable: Bool) -> Return {
        guard isUsable, !isClosed else {
            if !idle.isEmpty, let waiter = nextWaiter(), let other = idle.popLast() {
                lend(other, waiter.wait)
                return .discard(hand: (other, waiter), openAnother: beginOpening())
            }
            return .discard(hand: nil, openAnother: beginOpening())
        }
        guard let waiter = nextWaiter() else {
            idle.append(connection)
            return .keep
        }
        lend(connection, waiter.wait)
        return .hand(to: waiter)
    }

    /// One of the connections turned out to lead to a server that takes no writes: the others were opened the same way, and
    /// are not used again.
    /// - Returns: those to close now.
    mutating func distrust() -> [Connection] {
        for key in loans.keys { loans[key]?.isDistrusted = true }
        defer { idle = [] }
        return idle
    }

    mutating func close() -> (idle: [Connection], waiters: [Waiter]) {
        isClosed = true
        defer { (idle, waiters) = ([], []) }
        return (idle, waiters)
    }
}

/// A connection on loan from the pool.
struct Lease: Sendable {
    let connection: Connection
    /// Lay idle before, so its peer may have gone unnoticed.
    let wasIdle: Bool
}
