internal import Glibc
internal import Platform

/// The wish that the process ends, from the first signal to the second.
final class Shutdown: Sendable {
    private struct State {
        var isAsked = false
        var actions: [@Sendable () -> Void] = []
    }

    private let state = Lock(State())

    /// Listens to SIGTERM and SIGINT from now on. The second one ends the process at once.
    ///
    /// Must come before the first thread.
    func listen() {
        Signals.onTermination { _, count in
            guard count == 1 else { _exit(130) }
            self.ask()
        }
    }

    /// Whether somebody wants the process to end.
    var isAsked: Bool { state.withLock { $0.isAsked } }

    /// Does `action` at the first signal; at once when that has come.
    func whenAsked(_ action: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            if !state.isAsked { state.actions.append(action) }
            return state.isAsked
        }
        if isLate { action() }
    }

    /// As the first signal does.
    func ask() {
        let actions = state.withLock { state in
            state.isAsked = true
            defer { state.actions = [] }
            return state.actions
        }
        for action in actions { action() }
    }
}
