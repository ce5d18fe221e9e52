internal import Glibc
internal import Platform

/// The wish that the process ends, from the first signal to the second; and the wish that it reads its files again.
final class Shutdown: Sendable {
    private struct State {
        var isAsked = false
        var actions: [@Sendable () -> Void] = []
        /// How long the end may take, and what is done when it takes longer.
        var overdue: (after: Duration, action: @Sendable () -> Void)?
        var reloads = false
        var reload: (@Sendable () -> Void)?
        var isHungUp = false
    }

    private let state = Lock(State())

    /// Listens to SIGTERM and SIGINT from now on, and to SIGHUP. The second of the first two ends the process at once.
    ///
    /// Must come before the first thread.
    /// - Parameter reloads: SIGHUP leads to `whenHungUp`; otherwise it is as SIGTERM, and a second one is passed over.
    func listen(reloads: Bool) {
        state.withLock { $0.reloads = reloads }
        Signals.onTermination(onHangUp: { self.hangUp() }) { _, count in
            guard count == 1 else { _exit(130) }
            self.ask()
        }
    }

    /// Whether the process was asked to end.
    var isAsked: Bool { state.withLock { $0.isAsked } }

    /// Does `action` at the first signal; at once when that has come. It must not wait: the second signal comes to the
    /// same thread.
    func whenAsked(_ action: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            if !state.isAsked { state.actions.append(action) }
            return state.isAsked
        }
        if isLate { action() }
    }

    /// Does `action` at every SIGHUP; at once when one has come. It must not wait.
    func whenHungUp(_ action: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            state.reload = action
            defer { state.isHungUp = false }
            return state.isHungUp
        }
        if isLate { action() }
    }

    /// Does `action` when the process is still there so long after it was asked to end. The last one that is told counts.
    func whenOverdue(after limit: Duration, _ action: @escaping @Sendable () -> Void) {
        state.withLock { $0.overdue = (limit, action) }
    }

    /// As the first signal does.
    func ask() {
        let (actions, isFirst) = state.withLock { state in
            defer { (state.isAsked, state.actions) = (true, []) }
            return (state.actions, !state.isAsked)
        }
        if isFirst { _ = BlockingThread.start("deadline") { self.watchTheEnd() } }
        for action in actions { action() }
    }

    /// A thread of its own: whatever blocks, the process ends.
    private func watchTheEnd() {
        let asked = ContinuousClock.now
        while true {
            usleep(100_000)
            // Looked up each time: it may be told after the signal.
            if let overdue = state.withLock({ $0.overdue }), ContinuousClock.now - asked >= overdue.after {
                return overdue.action()
            }
        }
    }

    private func hangUp() {
        let (reloads, action) = state.withLock { state in
            if state.reload == nil { state.isHungUp = true }
            return (state.reloads, state.reload)
        }
        if reloads { action?() } else { ask() }
    }
}
