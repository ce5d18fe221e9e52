/// What may go wrong between this program and its database.
///
/// `description` is bland and fit for strangers; `debugDescription` says everything but parameters.
package enum PostgresError: Error, Sendable {
    /// The server answered with an error; the statement had no effect.
    case server(ServerError)
    /// No host could be reached; one reason a host, never a password.
    case cannotConnect(String)
    /// The database was reached and takes no writes now: a standby, or set to read-only. Nothing was done.
    case readOnly(String)
    /// The database was reached and can't hold a queue, now or later; a sentence.
    case unsuitable(String)
    /// The address can't be read; what to mend, without any value of it.
    case badAddress(String)
    /// The connection broke. `outcomeUnknown` when the statement had been sent and its answer was not read to the end.
    case connectionLost(String, outcomeUnknown: Bool)
    /// The caller's deadline passed. When the statement had been sent, the connection is discarded and the server was
    /// asked to cancel.
    case timedOut(after: Duration, outcomeUnknown: Bool)
    /// No connection became free within the pool's bound.
    case poolExhausted(waited: Duration)
    /// A parameter or statement that cannot be sent, found before anything was.
    case badParameter(String)
    /// A cell does not hold what the caller asked for.
    case decoding(String)
    /// The connection, pool or transaction has ended.
    case closed
}

extension PostgresError {
    /// The server's five-character code, when the server answered.
    package var sqlstate: String? {
        guard case .server(let error) = self else { return nil }
        return error.sqlstate
    }

    /// Whether the statement may have taken effect although it failed.
    package var isOutcomeUnknown: Bool {
        switch self {
        case .connectionLost(_, let unknown), .timedOut(_, let unknown): unknown
        default: false
        }
    }

    /// Whether the same statement may well succeed a little later.
    ///
    /// Says nothing about whether it took effect now: see ``isOutcomeUnknown``.
    package var isTransient: Bool {
        switch self {
        case .server(let error):
            error.sqlstate.hasPrefix("08") || error.sqlstate.hasPrefix("53")
                || Self.transientStates.contains(error.sqlstate)
        case .connectionLost, .timedOut, .cannotConnect, .readOnly, .poolExhausted: true
        case .unsuitable, .badAddress, .badParameter, .decoding, .closed: false
        }
    }

    /// Whether the session takes no writes. The statement had no effect, and the connection is of no use to us.
    package var isReadOnly: Bool {
        if case .readOnly = self { return true }
        return sqlstate == "25006"
    }

    /// Whether the data of the statement is at fault, so that it would be refused again.
    package var isData: Bool {
        if case .badParameter = self { return true }
        guard let sqlstate else { return false }
        return sqlstate.hasPrefix("22") || sqlstate.hasPrefix("54") || sqlstate == "23514"
    }

    /// Shutdowns and start-ups, serialization failures, deadlocks, lock timeouts, servers that take no writes. With class
    /// 53: a full disk, no memory, too many connections.
    private static let transientStates: Set<String> = [
        "57P01", "57P02", "57P03", "40001", "40P01", "55P03", "25006",
    ]

    /// The same failure of a statement whose effect is known to be undone.
    var undone: PostgresError {
        switch self {
        case .connectionLost(let reason, _): .connectionLost(reason, outcomeUnknown: false)
        case .timedOut(let after, _): .timedOut(after: after, outcomeUnknown: false)
        default: self
        }
    }
}

extension PostgresError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .server(let error): error.description
        case .cannotConnect: "the database cannot be reached"
        case .readOnly: "the database takes no writes now"
        case .unsuitable: "the database cannot hold a queue"
        case .badAddress: "the address of the database can't be read"
        case .connectionLost: "the connection to the database was lost"
        case .timedOut(let after, _): "the database did not answer within \(after)"
        case .poolExhausted(let waited): "no database connection became free within \(waited)"
        case .badParameter: "a value cannot be sent to the database"
        case .decoding: "the database answered with an unexpected type"
        case .closed: "the database connection is closed"
        }
    }
}

extension PostgresError: CustomDebugStringConvertible {
    package var debugDescription: String {
        switch self {
        case .server(let error): "\(explanation) (\(error.debugDescription))"
        case .unsuitable(let sentence): sentence
        case .cannotConnect(let reason), .readOnly(let reason), .badAddress(let reason),
            .badParameter(let reason), .decoding(let reason):
            "\(description): \(reason)"
        case .connectionLost(let reason, let unknown): "\(description): \(reason)\(Self.outcome(unknown))"
        case .timedOut(_, let unknown): "\(description)\(Self.outcome(unknown))"
        case .poolExhausted, .closed: description
        }
    }

    private static func outcome(_ unknown: Bool) -> String {
        unknown ? " (outcome unknown)" : " (nothing was done)"
    }
}
