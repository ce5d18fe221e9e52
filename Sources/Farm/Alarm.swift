internal import Platform

/// Something one task waits for and anyone may sound. A sound while nobody waits is kept for the next wait.
final class Alarm: Sendable {
    private struct State {
        var isSounding = false
        var waiter: (number: UInt64, continuation: CheckedContinuation<Void, Never>)?
        var number: UInt64 = 0
    }

    private let state = Lock(State())

    func sound() {
        let waiter = state.withLock { state in
            guard let waiter = state.waiter else {
                state.isSounding = true
                return nil as CheckedContinuation<Void, Never>?
            }
            state.waiter = nil
            return waiter.continuation
        }
        waiter?.resume()
    }

    /// Returns at the next sound, or after `limit`. One waiter at a time.
    func wait(atMost limit: Duration) async {
        guard limit > .zero else {
            state.withLock { $0.isSounding = false }
            return
        }
        let number = state.withLock { state in
            state.number += 1
            return state.number
        }
        // Ends the wait when nothing sounds; cancelled as soon as the wait is over.
        let timer = Task {
            try await Task.sleep(for: limit)
            end(number)
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.isSounding || Task.isCancelled {
                        state.isSounding = false
                        return true
                    }
                    state.waiter = (number, continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            end(number)
        }
        timer.cancel()
    }

    private func end(_ number: UInt64) {
        let waiter = state.withLock { state in
            guard let waiter = state.waiter, waiter.number == number else {
                return nil as CheckedContinuation<Void, Never>?
            }
            state.waiter = nil
            return waiter.continuation
        }
        waiter?.resume()
    }
}
