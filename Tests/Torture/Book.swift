import Platform

/// What was asked of the queue and what it answered: the side of the ledger that the producers keep.
///
/// Each request carries a tag in its job's args, so that a job can be found again although nobody heard its number.
final class Book: Sendable {
    enum Fate: Sendable, Equatable {
        /// Asked and not answered yet.
        case open
        /// The farm said that it has the job.
        case acknowledged(Int64)
        /// The answer was lost: the job may be there.
        case unknown
        /// Rolled back, or answered with an error that says that nothing was done: the job must not be there.
        case refused
        /// Acknowledged, then cancelled, and the farm said so: it must leave no effect.
        case cancelled(Int64)
    }

    struct Request: Sendable {
        let kind: String
        /// How it came in.
        let door: String
        /// How often a job of the kind `fail` fails.
        let failures: Int
        /// Whether it is to die.
        let isDoomed: Bool
        var fate = Fate.open
        /// The same key was answered by two jobs.
        var isForked = false
    }

    private struct State {
        var requests: [String: Request] = [:]
        var next = 0
    }

    private let state = Lock(State())

    /// Opens requests of a kind.
    /// - Returns: their tags.
    func open(_ kind: String, by door: String, count: Int = 1, failures: Int = 0, isDoomed: Bool = false)
        -> [String]
    {
        state.withLock { state in
            (0..<count).map { _ in
                state.next += 1
                let tag = "t\(state.next)"
                state.requests[tag] = Request(kind: kind, door: door, failures: failures, isDoomed: isDoomed)
                return tag
            }
        }
    }

    func acknowledge(_ tag: String, as job: Int64) {
        state.withLock { state in
            if case .acknowledged(let earlier) = state.requests[tag]?.fate, earlier != job {
                state.requests[tag]?.isForked = true
            }
            state.requests[tag]?.fate = .acknowledged(job)
        }
    }

    func close(_ tags: [String], as fate: Fate) {
        state.withLock { state in
            for tag in tags { state.requests[tag]?.fate = fate }
        }
    }

    var requests: [String: Request] { state.withLock { $0.requests } }
    var count: Int { state.withLock { $0.requests.count } }
}
