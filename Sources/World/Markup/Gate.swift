internal import Platform

/// Lets so many through at once; the others wait in the order in which they came.
final class Gate: Sendable {
    private struct State {
        var free: Int
        var nextTicket = 0
        var queue: [(ticket: Int, continuation: CheckedContinuation<Void, any Error>)] = []
        /// Tickets given back before they stood in the queue.
        var returned: Set<Int> = []
    }

    private let state: Lock<State>

    init(width: Int) { state = Lock(State(free: width)) }

    /// - Throws: `CancellationError` when the task is cancelled while it waits; what `body` throws.
    func pass<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        try await enter()
        defer { leave() }
        return try await body()
    }

    private func enter() async throws {
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer = state.withLock { state -> Result<Void, any Error>? in
                    if state.returned.remove(ticket) != nil { return .failure(CancellationError()) }
                    guard state.free == 0 else {
                        state.free -= 1
                        return .success(())
                    }
                    state.queue.append((ticket, continuation))
                    return nil
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            giveBack(ticket)
        }
        // A ticket that was given back after its turn had come is of no use to anybody.
        state.withLock { _ = $0.returned.remove(ticket) }
    }

    private func giveBack(_ ticket: Int) {
        let waiting = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            guard let index = state.queue.firstIndex(where: { $0.ticket == ticket }) else {
                state.returned.insert(ticket)
                return nil
            }
            return state.queue.remove(at: index).continuation
        }
        waiting?.resume(throwing: CancellationError())
    }

    private func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            guard !state.queue.isEmpty else {
                state.free += 1
                return nil
            }
            return state.queue.removeFirst().continuation
        }
        next?.resume()
    }
}
