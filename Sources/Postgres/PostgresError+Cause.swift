extension PostgresError {
    /// What is wrong, as far as a caller has to tell cases apart: one table for HTTP, the command line, the doctor and the
    /// log.
    package enum Cause: Sendable, Hashable {
        /// Not there, starting, shutting down, or its connection broke. Passes by itself.
        case away
        /// A standby, or set to read-only. Passes by itself, perhaps.
        case readOnly
        /// Another session holds a lock. Passes by itself.
        case locked
        /// Two sessions got in each other's way. Asking again helps.
        case conflict
        /// A statement took too long.
        case slow
        /// No connection was free. Passes by itself.
        case crowded
        /// No room on the disk, or no memory. An operator has to act.
        case full
        /// The role lacks a right, or may not log in.
        case denied
        /// The tables are not there, or are older than this program.
        case schema
        /// A value is refused, and will be again.
        case data
        /// The address, or the database that it names, can't be used.
        case unusable
        /// A fault of this program, or of the server's files.
        case fault
    }

    package var cause: Cause {
        switch self {
        case .server(let error): error.cause
        case .cannotConnect, .connectionLost, .closed: .away
        case .readOnly: .readOnly
        case .timedOut: .slow
        case .poolExhausted: .crowded
        case .unsuitable, .badAddress: .unusable
        case .badParameter: .data
        case .decoding: .fault
        }
    }

    /// One sentence for an operator: what is wrong and, where that is known, what to do. Holds what the server said about
    /// names and values, never the text of a statement.
    package var explanation: String {
        switch self {
        case .server(let error): error.explanation
        case .connectionLost(_, let unknown), .timedOut(_, let unknown):
            "\(description)\(unknown ? "; whether it did what it was told is not known" : "; nothing was done")"
        case .unsuitable(let sentence): sentence
        case .cannotConnect(let reason), .readOnly(let reason), .badAddress(let reason),
            .badParameter(let reason),
            .decoding(let reason):
            "\(description): \(reason)"
        case .poolExhausted, .closed: description
        }
    }
}

extension ServerError {
    /// By SQLSTATE (PostgreSQL docs, appendix A): single codes first, then classes.
    fileprivate var cause: PostgresError.Cause {
        switch sqlstate {
        case "25006": return .readOnly
        case "55P03": return .locked
        case "40001", "40P01", "40003": return .conflict
        case "57014": return .slow
        case "53300": return .crowded
        case "42501": return .denied
        case "3F000", "42P01", "42703", "42883", "42704": return .schema
        case "57P01", "57P02", "57P03", "57P05", "25P03": return .away
        case "3D000", "57P04": return .unusable
        case "23514": return .data
        default: break
        }
        switch sqlstate.prefix(2) {
        case "08": return .away
        case "22", "54": return .data
        case "28": return .denied
        case "53": return .full
        default: return .fault
        }
    }

    fileprivate var explanation: String {
        switch (sqlstate, cause) {
        case (_, .readOnly): "the database takes no writes now: it is a standby, or set to read-only"
        case (_, .locked): "another session holds a lock that is needed; try again in a moment"
        case ("40P01", _): "two sessions waited for each other, and the database ended one; try again"
        case (_, .conflict): "another session changed the same rows at the same time; try again"
        case (_, .slow): "the database ended a statement that took too long"
        case (_, .crowded): "the database takes no more connections"
        case ("53100", _): "the database has no room left on its disk"
        case ("53200", _): "the database has no memory left for this"
        case (_, .full): "the database has reached a limit of its configuration: \(said)"
        case ("42501", _): "the role lacks a right: \(said)"
        case (_, .denied): "the database does not let the role log in: \(said)"
        case (_, .schema):
            "the database lacks tables of this program, or has older ones: run motorpool migrate (\(said))"
        case ("57P05", _), ("25P03", _): "the database ended a session that stood idle"
        case (_, .away): "the database is starting, stopping or out of reach: \(said)"
        case (_, .unusable): "the database does not exist: \(said)"
        case ("22001", _): "a value is too long: \(said)"
        case ("54000", _), ("54001", _): "a value is too large or nested too deeply: \(said)"
        case (_, .data): "a value is not accepted: \(said)"
        case ("XX001", _), ("XX002", _): "files of the database are damaged: \(said)"
        case (_, .fault):
            sqlstate.hasPrefix("58")
                ? "the database has trouble with its files: \(said)"
                : "the database refused: \(said) (\(sqlstate))"
        }
    }

    private var said: String { message + (detail.map { ": \($0)" } ?? "") }
}
