/// A bounded number of places, for tasks that must not all work at once.
///
/// Places are given in the order of asking. A task waits for a bounded time, in a bounded line, and suspends no thread.
package final class Semaphore: Sendable {
    private struct Waiter {
        let ticket: Int
        let promise: Promise<Void>
    }

    private struct State {
        var free: Int
        var waiters: [Waiter] = []
        var lastTicket = 0
    }

    private let waitMax: Duration
    private let waitersMax: Int
    private let state: Lock<State>

    /// - Parameters:
    ///   - places: tasks that work at once, at least 1.
    ///   - waitMax: how long a task waits for a place.
    ///   - waitersMax: tasks that wait at once; more are refused.
    package init(places: Int, waitMax: Duration, waitersMax: Int = 1000) {
        precondition(places > 0, "a semaphore needs at least one place")
        self.waitMax = waitMax
        self.waitersMax = waitersMax
        state = Lock(State(free: places))
    }

    /// Free places, and tasks that wait for one.
    package var status: (free: Int, waiting: Int) { state.withLock { ($0.free, $0.waiters.count) } }

    /// Runs `body` in a place, which is free again whatever `body` does.
    ///
    /// - Throws: `WaitError.tooMany` at once when the line is full; `WaitError.noPlace` after `waitMax`;
    ///   `CancellationError`; what `body` throws.
    package func withPlace<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        try await take()
        defer { leave() }
        return try await body()
    }

    private func take() async throws {
        try Task.checkCancellation()
        guard !takeFree() else { return }
        let ticket = state.withLock { state in
            state.lastTicket += 1
            return state.lastTicket
        }
        // Ends this wait only. Unstructured, because a task group would have to be joined.
        let alarm = Task {
            try await Task.sleep(for: waitMax)
            expire(ticket)
        }
        defer { alarm.cancel() }
        do { try await Promise<Void>.wait { join(ticket, $0) } } catch {
            // A cancelled task leaves the line; a place is never handed to it, because its promise has its answer.
            forget(ticket)
            throw error
        }
    }

    private func takeFree() -> Bool {
        state.withLock { state in
            guard state.free > 0, state.waiters.isEmpty else { return false }
            state.free -= 1
            return true
        }
    }

    private func join(_ ticket: Int, _ promise: Promise<Void>) {
        let answer = state.withLock { state -> Result<Void, any Error>? in
            // One may have become free since the look.
            if state.free > 0, state.waiters.isEmpty {
                state.free -= 1
                return .success(())
            }
            guard state.waiters.count < waitersMax else {
                return .failure(WaitError.tooMany(max: waitersMax))
            }
            state.waiters.append(Waiter(ticket: ticket, promise: promise))
            return nil
        }
        guard let answer else { return }
        if !promise.resolve(answer), case .success = answer { leave() }
    }

    /// Takes the waiter out of the line; its promise, if it was still there.
    @discardableResult
    private func forget(_ ticket: Int) -> Promise<Void>? {
        state.withLock { state in
            guard let index = state.waiters.firstIndex(where: { $0.ticket == ticket }) else { return nil }
            return state.waiters.remove(at: index).promise
        }
    }

    private func expire(_ ticket: Int) {
        forget(ticket)?.resolve(.failure(WaitError.noPlace(after: waitMax)))
    }

    /// Hands the place to the first task in line that still wants it.
    private func leave() {
        while true {
            let next = state.withLock { state -> Promise<Void>? in
                guard !state.waiters.isEmpty else {
                    state.free += 1
                    return nil
                }
                return state.waiters.removeFirst().promise
            }
            // One whose task was cancelled meanwhile takes no place.
            guard let next, !next.resolve(.success(())) else { return }
        }
    }
}
