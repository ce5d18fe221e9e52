internal import Platform

/// What became of a transaction whose COMMIT went unanswered.
///
/// The server keeps the fate of recent transactions by number. After a failover to a server that had not received the
/// last commits, a number may belong to another transaction; synchronous replication is the cure for that.
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
    static func ask(about number: String, _ settings: ConnectionSettings) async -> CommitTruth {
        // A task of its own: the truth is wanted even where the caller's task is cancelled.
        await Task { await inquire(number, settings) }.value
    }

    private static func inquire(_ number: String, _ settings: ConnectionSettings) async -> CommitTruth {
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
        _ number: String, _ connection: Connection, _ isHanging: Bool, by deadline: Deadline
    ) async throws -> CommitTruth? {
        let asked: SQL = "SELECT pg_xact_status(\(number)::xid8)"
        let rows = try await connection.perform(.statements([asked]), by: deadline.capped(at: .seconds(5)))
        switch try rows[0].first?.get(0, as: String?.self) {
        case "committed": return .committed
        case "aborted": return .aborted
        case "in progress":
            if isHanging { try await endHanging(number, connection, by: deadline) }
            return nil
        default: return .unknown
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
