internal import Glibc

/// A `Lock` whose threads can also wait for a change of the state.
///
/// The same rule holds inside: a few instructions, and no waiting but in `wait`.
package final class Monitor<State>: @unchecked Sendable {
    // @unchecked: the mutex behind this pointer orders every access to `state`.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>
    private var state: State

    package init(_ initial: sending State) {
        mutex = .allocate(capacity: 1)
        changed = .allocate(capacity: 1)
        state = initial
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // A wait must not be as long as the wall clock jumps.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        let codes = (pthread_mutex_init(mutex, nil), pthread_cond_init(changed, &attributes))
        pthread_condattr_destroy(&attributes)
        precondition(codes == (0, 0), "a mutex could not be made")
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` alone with the state; wakes nobody.
    package func withLock<R>(_ body: (inout State) throws -> R) rethrows -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Wakes one thread that waits, after a change under `withLock`; nothing when none does.
    package func signal() { pthread_cond_signal(changed) }

    /// Wakes all threads that wait.
    package func broadcast() { pthread_cond_broadcast(changed) }

    /// Asks `body` at once and after every wake-up, until it answers or `limit` has passed.
    /// - Returns: the answer; `nil` when the time ran out without one.
    package func wait<R>(atMost limit: Duration, for body: (inout State) throws -> R?) rethrows -> R? {
        var end = timespec()
        clock_gettime(CLOCK_MONOTONIC, &end)
        let (seconds, attoseconds) = limit.components
        let nanoseconds = Int64(end.tv_nsec) + attoseconds / 1_000_000_000
        end.tv_sec += Int(max(0, min(seconds, 1_000_000_000)) + nanoseconds / 1_000_000_000)
        end.tv_nsec = Int(nanoseconds % 1_000_000_000)
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let answer = try body(&state) { return answer }
            if pthread_cond_timedwait(changed, mutex, &end) == ETIMEDOUT { return try body(&state) }
        }
    }
}
