internal import Platform

/// Whether anybody still wants what a thread is doing.
final class Stop: Sendable {
    private let asked = Lock(false)

    func ask() { asked.withLock { $0 = true } }

    var isAsked: Bool { asked.withLock { $0 } }

    /// - Throws: `CancellationError` once it was asked for.
    func check() throws {
        if isAsked { throw CancellationError() }
    }
}

/// Runs `body` on a thread of its own; it looks at the stop now and then, which the task's cancellation asks for.
func stoppable<T: Sendable>(
    _ name: String, _ body: @escaping @Sendable (Stop) throws -> T
) async throws -> T {
    let stop = Stop()
    return try await withTaskCancellationHandler {
        try await blocking(name) {
            try stop.check()
            return try body(stop)
        }
    } onCancel: {
        stop.ask()
    }
}
