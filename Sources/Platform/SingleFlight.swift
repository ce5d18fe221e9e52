/// Fetches a value once for all tasks that ask for it at the same time, and keeps it for a while if wanted.
///
/// The fetch runs in a task of its own: a waiter that is cancelled leaves alone, and the fetch goes on for the others and
/// for the tasks to come. Waiters are held as `Promise`s, which are answered exactly once whatever a fetch does.
package final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Waiter {
        let ticket: Int
        let promise: Promise<Value>
    }

    private struct State {
        var kept: [Key: (value: Value, at: Duration)] = [:]
        var flights: [Key: [Waiter]] = [:]
        var waiting = 0
        var lastTicket = 0
    }

    private let span: Duration
    private let keptMax: Int
    private let waitersMax: Int
    private let fetch: @Sendable (Key) async throws -> Value
    private let state = Lock(State())

    /// - Parameters:
    ///   - span: how long a value is kept. A failure is not kept: the next task asks again.
    ///   - keptMax: values kept at once; beyond it the oldest goes.
    ///   - waitersMax: tasks that wait at once, over all keys; more are refused.
    ///   - fetch: must return within a bounded time.
    package init(
        keepingFor span: Duration = .zero, keptMax: Int = 1000, waitersMax: Int = 10_000,
        _ fetch: @escaping @Sendable (Key) async throws -> Value
    ) {
        self.span = span
        self.keptMax = max(1, keptMax)
        self.waitersMax = waitersMax
        self.fetch = fetch
    }

    /// Returns the value that is kept, or that of the fetch under way, or of a new one.
    ///
    /// - Throws: what the fetch threw, to every task that waited for it; `CancellationError` when the calling task is
    ///   cancelled; `WaitError.tooMany`, or `.abandoned` for a fetch that was cancelled.
    package func value(for key: Key) async throws -> Value {
        if span > .zero, let value = state.withLock({ fresh(key, $0) }) { return value }
        var ticket = 0
        do {
            return try await Promise.wait { ticket = join(key, $0) }
        } catch is CancellationError where Task.isCancelled {
            leave(key, ticket)
            throw CancellationError()
        }
    }

    private func fresh(_ key: Key, _ state: State) -> Value? {
        guard let kept = state.kept[key], BootClock.now - kept.at < span else { return nil }
        return kept.value
    }

    private func join(_ key: Key, _ promise: Promise<Value>) -> Int {
        let (ticket, answer) = state.withLock { state -> (Int, Result<Value, any Error>?) in
            // It may have come since we looked.
            if let value = fresh(key, state) { return (0, .success(value)) }
            guard state.waiting < waitersMax else {
                return (0, .failure(WaitError.tooMany(max: waitersMax)))
            }
            state.waiting += 1
            state.lastTicket += 1
            let isFirst = state.flights[key] == nil
            state.flights[key, default: []].append(Waiter(ticket: state.lastTicket, promise: promise))
            // Outlives the task that asks: others wait for the value, too.
            if isFirst { Task { await self.fly(key) } }
            return (state.lastTicket, nil)
        }
        if let answer { promise.resolve(answer) }
        return ticket
    }

    private func leave(_ key: Key, _ ticket: Int) {
        state.withLock { state in
            guard let index = state.flights[key]?.firstIndex(where: { $0.ticket == ticket }) else { return }
            state.flights[key]?.remove(at: index)
            state.waiting -= 1
        }
    }

    private func fly(_ key: Key) async {
        let result: Result<Value, any Error>
        do { result = .success(try await fetch(key)) } catch {
            // A waiter that was not cancelled is not told that it was.
            result = .failure(error is CancellationError ? WaitError.abandoned : error)
        }
        let waiters = state.withLock { state in
            if span > .zero, case .success(let value) = result { keep(value, key, &state) }
            let waiters = state.flights.removeValue(forKey: key) ?? []
            state.waiting -= waiters.count
            return waiters
        }
        for waiter in waiters { waiter.promise.resolve(result) }
    }

    private func keep(_ value: Value, _ key: Key, _ state: inout State) {
        let now = BootClock.now
        if state.kept.count >= keptMax, state.kept[key] == nil {
            state.kept = state.kept.filter { now - $0.value.at < span }
            if state.kept.count >= keptMax, let oldest = state.kept.min(by: { $0.value.at < $1.value.at }) {
                state.kept[oldest.key] = nil
            }
        }
        state.kept[key] = (value, now)
    }
}

/// The key of a `SingleFlight` that fetches one thing only.
package enum OneValue: Hashable, Sendable {
    case it
}

extension SingleFlight where Key == OneValue {
    /// For one value without a key.
    package convenience init(
        keepingFor span: Duration, waitersMax: Int = 10_000,
        _ fetch: @escaping @Sendable () async throws -> Value
    ) {
        self.init(keepingFor: span, waitersMax: waitersMax) { (_: OneValue) in try await fetch() }
    }

    /// As `value(for:)`.
    package func value() async throws -> Value { try await value(for: .it) }
}
