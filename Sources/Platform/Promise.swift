/// A value that one task waits for and that another place provides.
///
/// The waiter is resumed exactly once, by construction:
/// 1. Only the first answer counts. It takes the continuation out under a lock, and a later answer finds none.
/// 2. An answer may come before the wait begins, and is kept for it.
/// 3. The waiting task does not hold the promise. When the last reference to it goes without an answer, the waiter gets
///    `WaitError.abandoned`, so a leader that returns early, or a table that is emptied, leaves no task suspended.
/// 4. Cancelling the waiting task is an answer like any other: it ends this wait and nothing else.
package final class Promise<Value: Sendable>: Sendable {
    private let outcome: Outcome

    private init(_ outcome: Outcome) { self.outcome = outcome }

    deinit { outcome.resolve(.failure(WaitError.abandoned)) }

    /// Answers the waiter.
    ///
    /// - Returns: whether this was the answer; `false` after an earlier one or after the waiter's cancellation.
    @discardableResult
    package func resolve(_ result: Result<Value, any Error>) -> Bool { outcome.resolve(result) }

    /// Hands a promise to `register` and suspends until it is answered.
    ///
    /// `register` runs once, on the calling task, before the suspension. It stores the promise where the answer will come
    /// from, or answers it itself.
    /// - Throws: the failure of the answer; `CancellationError` when the task is cancelled first; `WaitError.abandoned`.
    package static func wait(_ register: (Promise<Value>) -> Void) async throws -> Value {
        let outcome = Outcome()
        // In a function of its own, so that no variable of this one keeps the promise alive during the wait.
        hand(outcome, to: register)
        return try await outcome.value()
    }

    @inline(never)
    private static func hand(_ outcome: Outcome, to register: (Promise<Value>) -> Void) {
        register(Promise(outcome))
    }

    private final class Outcome: Sendable {
        private enum State {
            case open
            case awaited(CheckedContinuation<Value, any Error>)
            case resolved(Result<Value, any Error>)
            case over
        }

        private let state = Lock(State.open)

        @discardableResult
        func resolve(_ result: Result<Value, any Error>) -> Bool {
            let (waiter, isFirst) = state.withLock {
                state -> (CheckedContinuation<Value, any Error>?, Bool) in
                switch state {
                case .open:
                    state = .resolved(result)
                    return (nil, true)
                case .awaited(let continuation):
                    state = .over
                    return (continuation, true)
                case .resolved, .over: return (nil, false)
                }
            }
            waiter?.resume(with: result)
            return isFirst
        }

        /// Called once, by `wait`.
        func value() async throws -> Value {
            try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    let result = state.withLock { state -> Result<Value, any Error>? in
                        switch state {
                        case .open:
                            state = .awaited(continuation)
                            return nil
                        case .resolved(let result):
                            state = .over
                            return result
                        case .awaited, .over: return .failure(WaitError.abandoned)
                        }
                    }
                    if let result { continuation.resume(with: result) }
                }
            } onCancel: {
                resolve(.failure(CancellationError()))
            }
        }
    }
}

/// Why a wait ended without the answer that it was for.
package enum WaitError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The work that should have answered ended without an answer.
    case abandoned
    /// As many tasks wait already as may.
    case tooMany(max: Int)
    /// No place became free in time.
    case noPlace(after: Duration)
    /// The loader was closed.
    case closed

    package var description: String {
        switch self {
        case .abandoned: "the work ended without an answer"
        case .tooMany(let max): "more than \(max) tasks wait for this"
        case .noPlace(let limit): "no place became free within \(limit)"
        case .closed: "closed"
        }
    }
}
