package import Jobs
package import Postgres

/// All SQL of the queue: one function a statement, named by its guard.
///
/// Holds no state of its own but two connection pools and the bell; any number of stores in any number of processes
/// may speak to one database.
package final class Store: Sendable {
    /// For everything but the claim: enqueues, handlers' transactions, care, looking.
    package let database: Database
    /// For claims and settlements only. Its sessions forbid the plans that are right for small tables and fatal for
    /// large ones, because a prepared plan outlives the table's size.
    let hot: Database
    package let bell: Bell
    let lockedRows = LockedRows()

    /// Connections for everything but the claim when nobody says otherwise.
    package static let connectionsMaxDefault = 6

    /// - Parameters:
    ///   - settings: of the farm's database; `pooled` when it is reached through pgbouncer in transaction mode.
    ///   - connectionsMax: for everything but the claim.
    ///   - claimConnectionsMax: claims and settlements gain nothing beyond two.
    ///   - waitMax: how long a caller waits for a connection of the first pool.
    package init(
        _ settings: ConnectionSettings, connectionsMax: Int = connectionsMaxDefault,
        claimConnectionsMax: Int = 2, waitMax: Duration = .seconds(10)
    ) {
        database = Database(settings, connectionsMax: connectionsMax, waitMax: waitMax)
        var hotSettings = settings
        hotSettings.sessionSetup += [
            "SET enable_seqscan = off", "SET enable_hashjoin = off", "SET enable_mergejoin = off",
            "SET enable_bitmapscan = off", "SET plan_cache_mode = force_generic_plan", "SET jit = off",
            // What those plans need, whatever the role or the database says.
            "SET enable_indexscan = on", "SET enable_indexonlyscan = on", "SET work_mem = '4MB'",
        ]
        hotSettings.statementTimeout = Store.hotTimeout
        hotSettings.lockTimeout = Store.hotLockTimeout
        hotSettings.answerBytesMax = Store.hotAnswerBytesMax
        hot = Database(hotSettings, connectionsMax: claimConnectionsMax)
        bell = Bell(database)
    }

    /// What a claim or a settlement may take on the server. `rescue_orphans` and `Reconciliation` rely on it: a claim
    /// that was sent is committed or gone well within ten seconds.
    package static let hotTimeout = Duration.seconds(5)

    /// What a claim may bring; it asks for an eighth of it, and counts only what its rows are stored in.
    static let hotAnswerBytesMax = 32 << 20

    /// How long a settlement waits for a row that somebody else has locked, before it is sent apart from its neighbours.
    package static let hotLockTimeout = Duration.milliseconds(200)

    /// Closes both pools. Statements that are under way fail with `PostgresError.closed`.
    package func close() async {
        await hot.close()
        await database.close()
    }
}

/// What the queue refuses to do, told so that a stranger can act on it.
package enum StoreError: Error, Sendable, CustomStringConvertible {
    /// An enqueue named a kind that no farm has published; `index` says which job's, of several.
    case unknownKind(String, hint: String, index: Int? = nil)
    /// A value was out of its bounds; the sentence says what was expected.
    case badRequest(String)
    /// One of `count` jobs that were to be enqueued together is refused, and so are all; `index` counts from 0.
    case badJob(index: Int, count: Int, FieldFault)
    /// The run's token matches no row any more: it was rescued, cancelled, or settled before.
    case stale
    /// The subject has another live job.
    case busy(String)
    /// Another session holds a row that the order needs; nothing was done. Passes when that session's transaction ends.
    case locked(LockedRow)

    package var description: String {
        switch self {
        case .unknownKind(let message, let hint, let index):
            (index.map { "job \($0 + 1): " } ?? "") + (hint.isEmpty ? message : "\(message). \(hint)")
        case .badRequest(let sentence), .busy(let sentence): sentence
        case .locked(let row): row.sentence
        case .badJob(let index, let count, let fault):
            count == 1 ? fault.message : "job \(index + 1) of \(count): \(fault.message)"
        case .stale: "this run has lost its job: it was rescued, cancelled or settled before"
        }
    }

    /// Reads the queue's own SQLSTATEs out of a database error; anything else stays as it is.
    static func translating<T>(_ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch PostgresError.server(let error) where error.sqlstate.hasPrefix("MP") {
            switch error.sqlstate {
            case "MP001": throw StoreError.unknownKind(error.message, hint: error.hint ?? "")
            case "MP004": throw StoreError.busy(error.message)
            default: throw StoreError.badRequest(error.message)
            }
        } catch PostgresError.badParameter(let reason) {
            throw StoreError.badRequest(reason)
        } catch PostgresError.server(let error) where error.sqlstate.hasPrefix("22") {
            throw StoreError.badRequest(error.message + (error.detail.map { ": \($0)" } ?? ""))
        }
    }
}
