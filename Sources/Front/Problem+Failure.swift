internal import HTTPServer
internal import Jobs
internal import Platform
internal import Postgres
internal import Store

extension Problem {
    /// What a stranger is told of an error; what only an operator may know goes into the visit.
    ///
    /// - Parameter isReading: the request only reads, so that no value of it is to be stored.
    static func telling(of error: any Error, isReading: Bool, _ visit: inout Visit) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case BodyError.tooLarge(let limit):
            return Problem(413, "too_large", "a body of at most \(limit) bytes is taken here")
        case BodyError.tooSlow: return Problem(408, "too_slow", "the body came too slowly")
        case BodyError.cutOff: return Problem(400, "cut_off", "the body was cut off")
        case StoreError.unknownKind(_, _, let index):
            let problem = Problem(400, "unknown_kind", "\(error)").with("field", "kind")
            return index.map { problem.with("index", JSONText($0)) } ?? problem
        case StoreError.badJob(let index, let count, let fault):
            let problem = Problem.badRequest("\(error)", field: fault.field)
            return count == 1 ? problem : problem.with("index", JSONText(index))
        case StoreError.badRequest(let sentence): return .badRequest(sentence)
        case StoreError.busy(let sentence): return Problem(409, "busy", sentence)
        case StoreError.locked(let row): return .locked(row)
        case WaitError.tooMany, WaitError.noPlace:
            return .unavailable("overloaded", "more requests than can be answered", retryAfter: 1)
        case is CancellationError, is WaitError:
            return .unavailable("draining", "this process is ending; ask again", retryAfter: 1)
        case let error as PostgresError:
            visit.trouble = String(reflecting: error)
            return .telling(of: error, isReading: isReading)
        default:
            visit.trouble = String(reflecting: error)
            return .internalFault
        }
    }

    private static let internalFault = Problem(
        500, "internal", "something went wrong here; the operator finds it by the request's id")

    /// Another session holds what the request names. Nothing was done, so it may come again.
    private static func locked(_ row: LockedRow) -> Problem {
        let problem = Problem.unavailable("locked", row.sentence, retryAfter: 1)
        switch row {
        case .subject(let subject, let kind):
            return problem.with("kind", .string(kind)).with("subject", .string(subject))
        case .key(let key): return problem.with("key", .string(key))
        case .job(let job): return problem.with("job", JSONText(job))
        case .queue(let queue): return problem.with("queue", .string(queue))
        case .schedule(let schedule): return problem.with("schedule", .string(schedule))
        case .some: return problem
        }
    }

    /// The one table from what the database did to what a client is told. Names of tables and the server's words about them
    /// are the operator's; its words about a value are the client's.
    private static func telling(of error: PostgresError, isReading: Bool) -> Problem {
        switch error.cause {
        case .away: .unavailable("database_away", "the database can't be reached", retryAfter: 2)
        case .slow: .unavailable("database_slow", "the database did not answer in time", retryAfter: 2)
        case .crowded:
            .unavailable("database_busy", "every connection to the database is in use", retryAfter: 1)
        case .locked:
            .unavailable(
                "locked",
                "another session holds a lock that this needs: nothing was done; try again in a moment",
                retryAfter: 1)
        case .conflict:
            .unavailable(
                "conflict",
                "another request changed the same rows at the same time: nothing was done; try again",
                retryAfter: 1)
        case .readOnly:
            .unavailable("database_read_only", "the database takes no writes at present", retryAfter: 5)
        case .full:
            .unavailable("database_full", "the database has reached a limit of its own", retryAfter: 30)
        case .schema:
            .unavailable(
                "schema_behind",
                "the database's tables are missing, or older than this program: motorpool migrate",
                retryAfter: 10)
        case .denied, .unusable:
            .unavailable(
                "database_refuses",
                "the database refuses what this process may not do; the operator finds it by the request's id",
                retryAfter: 30)
        case .data: data(error, isReading)
        case .fault: internalFault
        }
    }

    /// A value of the request's, or one in the table that can't be read out any more.
    private static func data(_ error: PostgresError, _ isReading: Bool) -> Problem {
        let words =
            if case .server(let error) = error, error.sqlstate.hasPrefix("22") { error.message } else {
                "it is not accepted"
            }
        guard isReading else { return .badRequest("a value can't be stored: \(words)") }
        // What never reached the server is the request's own.
        guard error.sqlstate != nil else {
            return .badRequest("a value of the request is not accepted: it holds a NUL or is too large")
        }
        return Problem(
            500, "unreadable",
            "a stored value can't be given out; the operator finds it by the request's id, and the others can be asked for singly"
        )
    }
}
