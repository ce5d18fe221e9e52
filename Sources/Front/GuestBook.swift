internal import Jobs
internal import Platform

/// Holds callers without a token to a backlog of their own.
///
/// The count comes from the database at most once in a span of time; what was let in since is added. Fronts that run
/// side by side may together let in a little more than the most, for as long as the span.
package final class GuestBook: Sendable {
    private struct State {
        var base: Int?
        var at = Duration.zero
        var added = 0
    }

    private let max: Int
    private let span: Duration
    private let count: @Sendable () async throws -> Int
    private let state = Lock(State())

    init(max: Int, span: Duration, count: @escaping @Sendable () async throws -> Int) {
        self.max = max
        self.span = span
        self.count = count
    }

    /// Makes room for so many jobs.
    /// - Throws: `Problem` 503 when there is none; what the count throws.
    func admit(_ jobs: Int) async throws {
        let isOld = state.withLock { $0.base == nil || BootClock.now - $0.at >= span }
        if isOld {
            let counted = try await count()
            state.withLock { $0 = State(base: counted, at: BootClock.now) }
        }
        let isRoom = state.withLock { state in
            guard (state.base ?? 0) + state.added + jobs <= max else { return false }
            state.added += jobs
            return true
        }
        guard isRoom else {
            throw Problem.unavailable(
                "backlog_full",
                "callers without a token may have \(max) live jobs together, and that many wait",
                retryAfter: 5)
        }
    }
}
