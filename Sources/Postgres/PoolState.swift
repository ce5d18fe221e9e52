/// Who has which connection, and who waits: the decisions of a ``Database``, without any effects.
///
/// Invariants: (1) `open + opening` never exceeds `connectionsMax`; (2) nobody waits while a connection is idle;
/// (3) while connecting fails, at most one attempt is under way.
struct PoolState {
    struct Waiter {
        let number: Int
        let continuation: CheckedContinuation<Lease, any Error>
    }

    /// What to do with a connection that came back.
    enum Return {
        case keep
        case hand(to: Waiter)
        /// Close it; if somebody waits, open another in its place.
        case discard(openAnother: Bool)
    }

    let connectionsMax: Int
    private(set) var idle: [Connection] = []
    /// Idle and lent ones.
    private(set) var open = 0
    private(set) var opening = 0
    private(set) var waiters: [Waiter] = []
    private(set) var isClosed = false
    private(set) var hasConnected = false
    /// Why connecting failed last; nil while it works.
    private(set) var trouble: (any Error)?
    private(set) var failuresInARow = 0
    private var nextNumber = 0

    init(connectionsMax: Int) { self.connectionsMax = connectionsMax }

    /// The most recently used idle connection: it is the least likely to have been closed by a firewall.
    mutating func takeIdle() -> Connection? { idle.popLast() }

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
        let openingMax = failuresInARow > 0 ? 1 : waiters.count
        guard !isClosed, open + opening < connectionsMax, opening < openingMax else { return false }
        opening += 1
        return true
    }

    /// A connection came into being; who gets it, and whether another should be opened.
    mutating func opened(_ connection: Connection) -> (Return, openAnother: Bool) {
        opening -= 1
        open += 1
        hasConnected = true
        failuresInARow = 0
        trouble = nil
        let back = giveBack(connection, isUsable: true)
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
        guard isUsable, !isClosed else {
            open -= 1
            return .discard(openAnother: beginOpening())
        }
        if waiters.isEmpty {
            idle.append(connection)
            return .keep
        }
        return .hand(to: waiters.removeFirst())
    }

    mutating func close() -> (idle: [Connection], waiters: [Waiter]) {
        isClosed = true
        open -= idle.count
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
