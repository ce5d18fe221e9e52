internal import Platform

/// A transaction as the server knows it.
struct TransactionNumber: Sendable {
    /// The full transaction id, as text.
    let id: String
    /// Differs after each crash, restart or failover.
    let era: String

    /// Asks for both; no id while the transaction has written nothing.
    ///
    /// A crash resets the statistics, whether or not the server's main process survives it.
    static let query: SQL = """
        SELECT pg_current_xact_id_if_assigned()::text, \(era)
        """

    static let era: SQL = """
        concat_ws('/', extract(epoch FROM pg_postmaster_start_time()),
            extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time()))
        """
}

/// What became of a transaction whose COMMIT went unanswered.
///
/// The server keeps the fate of recent transactions by number, but a number outlives a crash only when something of its
/// transaction had reached the disk: otherwise the next transaction gets it again, and its fate is not ours. The same
/// goes for a failover. So in another era “committed” says nothing, while everything else still says that ours is not:
/// had it been committed, its number would be taken, and committed for good.
enum CommitTruth {
    case committed
    case aborted
    case unknown

    private static let patience: Duration = .seconds(10)
    private static let pauseMin: Duration = .milliseconds(50)
    private static let pauseMax: Duration = .seconds(1)
    /// A COMMIT that has not arrived by then is not under way any more.
    private static let hangMax: Duration = .seconds(1)

    /// Asks on new connections until the server knows, for some ten seconds.
    static func ask(about number: TransactionNumber, _ settings: ConnectionSettings) async -> CommitTruth {
        // A task of its own: the truth is wanted even where the caller's task is cancelled.
        await Task { await inquire(number, settings) }.value
    }

    private static func inquire(_ number: TransactionNumber, _ settings: ConnectionSettings) async
        -> CommitTruth
    {
        let deadline = Deadline(within: patience)
        let started = BootClock.now
        var pause = pauseMin
        while !deadline.hasPassed {
            if let connection = try? await Connection.open(settings) {
                defer { connection.abandon() }
                let isHanging = BootClock.now - started > hangMax
                if let fate = try? await askOnce(number, connection, isHanging, by: deadline) { return fate }
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, pauseMax)
        }
        return .unknown
    }

    /// Nil while the transaction is still in progress.
    private static func askOnce(
        _ number: TransactionNumber, _ connection: Connection, _ isHanging: Bool, by deadline: Deadline
    ) async throws -> CommitTruth? {
        let limit = deadline.capped(at: .seconds(5))
        let (status, isSameEra) = try await status(of: number, connection, by: limit)
        switch status {
        case "committed": return isSameEra ? .committed : .unknown
        case "aborted": return .aborted
        case "in progress":
            // Whoever has the number now, it is not ours any more.
            guard isSameEra else { return .aborted }
            if isHanging { try await endHanging(number.id, connection, by: deadline) }
            return nil
        case .some: return isSameEra ? .unknown : .aborted
        case nil: return .unknown
        }
    }

    /// What the server says of the number, and whether it says so in the number's era; nil when it is too old to say,
    /// “future” when it was never given.
    ///
    /// One statement for both: behind a pooler, two could be answered by two servers.
    private static func status(
        of number: TransactionNumber, _ connection: Connection, by deadline: Deadline
    ) async throws -> (String?, isSameEra: Bool) {
        do {
            let asked: SQL = "SELECT pg_xact_status(\(number.id)::xid8), \(TransactionNumber.era)"
            let row = try await connection.perform(.statements([asked]), by: deadline)[0].first
            return (try row?.get(0), try row?.get(1) == number.era)
        } catch PostgresError.server(let error) where error.sqlstate == "22023" {
            let asked: SQL = "SELECT \(TransactionNumber.era)"
            let row = try await connection.perform(.statements([asked]), by: deadline)[0].first
            return ("future", try row?.get(0) == number.era)
        }
    }

    /// Ends the session that still sits in the transaction and waits for a COMMIT that never reached it:
    /// behind a dead network the server would not notice for a long time.
    ///
    /// The number makes sure that it is no other session.
    private static func endHanging(_ number: String, _ connection: Connection, by deadline: Deadline)
        async throws
    {
        let end: SQL = """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE backend_xid = \(number)::xid8::xid AND state LIKE 'idle in transaction%'
            """
        _ = try await connection.perform(.statements([end]), by: deadline.capped(at: .seconds(5)))
    }
}
