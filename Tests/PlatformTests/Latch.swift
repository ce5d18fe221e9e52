import Platform

/// Holds tasks until it is opened; open for good then.
final class Latch: Sendable {
    private let state = Lock<(isOpen: Bool, waiting: [Promise<Void>])>((false, []))

    /// Tasks that it holds.
    var waiting: Int { state.withLock { $0.waiting.count } }

    func pass() async throws {
        try await Promise.wait { promise in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(promise) }
                return state.isOpen
            }
            if isOpen { promise.resolve(.success(())) }
        }
    }

    func open() {
        let waiting = state.withLock { state in
            defer { state = (true, []) }
            return state.waiting
        }
        for promise in waiting { promise.resolve(.success(())) }
    }
}

struct Broken: Error, Equatable {}

extension Result where Failure == any Error {
    var value: Success? { try? get() }
    var error: (any Error)? { if case .failure(let error) = self { error } else { nil } }
    var waitError: WaitError? { error as? WaitError }
    var isCancellation: Bool { error is CancellationError }
}
