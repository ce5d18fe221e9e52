import Farm
import Platform
import TestSupport

/// Keeps what a farm tells, and lets a test wait for it.
final class Recorder: Sendable {
    private struct Waiter {
        let number: Int
        let isEnough: @Sendable ([FarmEvent]) -> Bool
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var events: [FarmEvent] = []
        var waiters: [Waiter] = []
        var number = 0
    }

    private let state = Lock(State())

    func hear(_ event: FarmEvent) {
        let satisfied = state.withLock { state -> [Waiter] in
            state.events.append(event)
            let satisfied = state.waiters.filter { $0.isEnough(state.events) }
            state.waiters.removeAll { waiter in satisfied.contains { $0.number == waiter.number } }
            return satisfied
        }
        for waiter in satisfied { waiter.continuation.resume(returning: true) }
    }

    var events: [FarmEvent] { state.withLock { $0.events } }

    /// What the matching events say, in their order.
    func all<T>(_ match: (FarmEvent) -> T?) -> [T] { events.compactMap(match) }

    /// Waits until so many events match; those that were told before count.
    /// - Throws: `NeverHappened` after `limit`.
    @discardableResult
    func hears<T: Sendable>(
        _ what: String, times count: Int = 1, within limit: Duration = .seconds(20),
        _ match: @escaping @Sendable (FarmEvent) -> T?
    ) async throws -> [T] {
        let number = state.withLock { state in
            state.number += 1
            return state.number
        }
        let timer = Task {
            try await Task.sleep(for: limit)
            let late = state.withLock { state -> Waiter? in
                guard let index = state.waiters.firstIndex(where: { $0.number == number }) else { return nil }
                return state.waiters.remove(at: index)
            }
            late?.continuation.resume(returning: false)
        }
        defer { timer.cancel() }
        let isHeard = await withCheckedContinuation { continuation in
            let isEnough: @Sendable ([FarmEvent]) -> Bool = { events in
                events.count { match($0) != nil } >= count
            }
            let isThere = state.withLock { state -> Bool in
                if isEnough(state.events) { return true }
                state.waiters.append(Waiter(number: number, isEnough: isEnough, continuation: continuation))
                return false
            }
            if isThere { continuation.resume(returning: true) }
        }
        guard isHeard else {
            throw NeverHappened(
                description: "\(what) was not heard \(count) times in \(limit): \(events.suffix(20))")
        }
        return all(match)
    }
}
