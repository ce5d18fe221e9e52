internal import Platform

/// Something one task waits for and anyone may sound. A sound while nobody waits is kept for the next wait.
final class Alarm: Sendable {
    private struct State {
        var isSounding = false
        var waiter: Promise<Void>?
    }

    private let state = Lock(State())

    func sound() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            state.isSounding = state.waiter == nil
            return state.waiter
        }
        // A wait that was over already hears nothing: the sound is for the next one.
        if let waiter, !waiter.resolve(.success(())) { sound() }
    }

    /// Returns at the next sound, after `limit`, or when the task is cancelled. For one task at a time: a second wait ends
    /// the first.
    func wait(atMost limit: Duration) async {
        guard limit > .zero else {
            state.withLock { $0.isSounding = false }
            return
        }
        var timer: Task<Void, any Error>?
        // However the wait ends, its caller looks at what there is to do.
        try? await Promise.wait { (promise: Promise<Void>) in
            let (earlier, isOver) = state.withLock { state -> (Promise<Void>?, Bool) in
                let earlier = state.waiter
                state.waiter = state.isSounding ? nil : promise
                defer { state.isSounding = false }
                return (earlier, state.isSounding)
            }
            earlier?.resolve(.success(()))
            guard !isOver else {
                promise.resolve(.success(()))
                return
            }
            // Ends the wait when nothing sounds; cancelled as soon as the wait is over.
            timer = Task {
                try await Task.sleep(for: limit)
                promise.resolve(.success(()))
            }
        }
        timer?.cancel()
    }
}
