import Platform

/// Carries something from a handler to its test.
final class Lockbox<Content: Sendable>: Sendable {
    private let state = Lock<Content?>(nil)

    var content: Content? { state.withLock { $0 } }

    func put(_ content: Content) { state.withLock { $0 = content } }
}
