/// How long a borrower's statements may wait for a lock that another session holds, and how many connections of a pool such
/// waits may occupy at once.
///
/// A stranger's open transaction may hold a row for hours. Those that want the row must not take every connection away from
/// those that want something else.
package enum LockWait: Sendable, Hashable {
    /// As the settings of the connection say, on any number of connections.
    case asSet
    /// 50 ms, which outlasts a commit, on at most half of the connections. For a first try.
    case brief
    /// One second, on at most a sixth of the connections. For rows that a first try found locked.
    case patient

    /// Nil: what the connection's settings say.
    var limit: Duration? {
        switch self {
        case .asSet: nil
        case .brief: .milliseconds(50)
        case .patient: .seconds(1)
        }
    }

    func connectionsMax(of all: Int) -> Int {
        switch self {
        case .asSet: all
        case .brief: max(1, all / 2)
        case .patient: max(1, all / 6)
        }
    }

    /// How long to wait for a connection at most.
    func borrowMax(_ usual: Duration) -> Duration { self == .patient ? min(usual, .seconds(1)) : usual }

    /// Says the limit to the server, for one transaction.
    var statement: SQL? {
        limit.map { "SELECT set_config('lock_timeout', \(String($0.milliseconds)), true)" }
    }
}

/// A database as a borrower sees it that may have to wait for a lock.
package struct LockWaitingDatabase: SQLRunner {
    let database: Database
    let wait: LockWait

    @discardableResult
    package func run(_ sql: SQL, within limit: Duration) async throws -> Rows {
        try await run(all: [sql], within: limit)[0]
    }

    @discardableResult
    package func run(all statements: [SQL], within limit: Duration) async throws -> [Rows] {
        try await database.run(all: statements, within: limit, wait)
    }

    /// As ``Database/transaction(within:_:)``.
    package func transaction<T: Sendable>(
        within limit: Duration = .seconds(15), _ body: (Transaction) async throws -> T
    ) async throws -> T {
        try await database.transaction(within: limit, wait, body)
    }
}

extension Transaction {
    /// From here on its statements wait no longer than that for a lock. The connection counts as before.
    package func limitLockWaits(to wait: LockWait) async throws {
        if let statement = wait.statement { try await run(statement, within: statementLimit) }
    }
}

extension Database {
    /// The same database for statements that may find a row locked. They fail with 55P03 when it stays locked, and nothing
    /// was done then; for want of a connection, with `.poolExhausted`.
    package func waiting(_ wait: LockWait) -> LockWaitingDatabase {
        LockWaitingDatabase(database: self, wait: wait)
    }
}
