package import Glibc

/// A small shared state and the turn to touch it.
///
/// Meant for critical sections of a few instructions: nothing inside may wait. Not recursive; taking it twice on one
/// thread hangs. Built on `pthread_mutex_t` because `Synchronization.Mutex` collapses when threads outnumber cores
/// (swiftlang/swift issue 88440).
package final class Lock<State>: @unchecked Sendable {
    // @unchecked: the mutex behind this pointer orders every access to `state`.
    @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
    @usableFromInline var state: State

    package init(_ initial: sending State) {
        mutex = .allocate(capacity: 1)
        state = initial
        let code = pthread_mutex_init(mutex, nil)
        precondition(code == 0, "a mutex could not be made")
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Runs `body` alone with the state; releases the turn when it returns or throws.
    @inlinable
    package func withLock<R>(_ body: (inout State) throws -> R) rethrows -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }
}
