internal import Platform

/// Something that many ask for, and that is fetched at most once in a span of time, by one of them.
package final class Cached<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var at: Duration?
        var fetching: Task<Value, any Error>?
    }

    private let span: Duration
    private let fetch: @Sendable () async throws -> Value
    private let state = Lock(State())

    package init(for span: Duration, _ fetch: @escaping @Sendable () async throws -> Value) {
        self.span = span
        self.fetch = fetch
    }

    /// - Throws: what the fetch throws, to everyone who waited for it; the next caller tries again.
    package func value() async throws -> Value {
        let (value, task) = state.withLock { state -> (Value?, Task<Value, any Error>?) in
            if let value = state.value, let at = state.at, BootClock.now - at < span { return (value, nil) }
            if let task = state.fetching { return (nil, task) }
            // Outlives whoever asks first: others wait for it too.
            let task = Task { try await self.renew() }
            state.fetching = task
            return (nil, task)
        }
        if let value { return value }
        guard let task else { throw CancellationError() }
        return try await task.value
    }

    private func renew() async throws -> Value {
        let result: Result<Value, any Error>
        do { result = .success(try await fetch()) } catch { result = .failure(error) }
        state.withLock { state in
            state.fetching = nil
            if case .success(let value) = result { (state.value, state.at) = (value, BootClock.now) }
        }
        return try result.get()
    }
}
