internal import Farm
internal import Platform

/// Tells of a run's progress once a second while something goes on that knows how far it is.
enum Ticker {
    /// - Parameter body: is handed what it sets its bytes by; it may do so from any thread.
    static func telling<T: Sendable>(
        _ phase: String, total: Int64, of run: Run,
        _ body: @escaping @Sendable (Lock<Int64>) async throws -> T
    ) async throws -> T {
        let done = Lock<Int64>(0)
        return try await withThrowingTaskGroup(of: T?.self) { group in
            group.addTask { try await body(done) }
            group.addTask {
                while !Task.isCancelled {
                    try await Task.sleep(for: .seconds(1))
                    await run.report(phase: phase, done: min(done.withLock { $0 }, total), total: total)
                }
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let value = first else { throw CancellationError() }
            return value
        }
    }
}
