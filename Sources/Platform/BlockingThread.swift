internal import CPlatform
internal import Glibc

/// A thread of one's own, for work that blocks and so must stay off Swift's few pool threads.
package final class BlockingThread: Sendable {
    private static let stackBytes = 1 << 20

    private let thread: Lock<pthread_t?>

    private init(_ thread: pthread_t) { self.thread = Lock(thread) }

    deinit {
        if let running = thread.withLock({ $0 }) { pthread_detach(running) }
    }

    /// Starts `body` on a new thread with a stack of 1 MiB; the thread lives until `body` returns, whether or not the
    /// returned handle is kept.
    ///
    /// `name` shows in `ps -L`, cut to 15 bytes. A machine that is out of threads is a crash.
    package static func start(_ name: String, _ body: @escaping @Sendable () -> Void) -> BlockingThread {
        do {
            return try start(name, stackBytes: stackBytes, body)
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// The same with a stack of `stackBytes`, for callers that can go on without another thread.
    /// - Throws: `PlatformFault` when the machine, or the limit of this process, has no thread left.
    package static func start(
        _ name: String, stackBytes: Int, _ body: @escaping @Sendable () -> Void
    ) throws -> BlockingThread {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackBytes)
        let work = Unmanaged.passRetained(ThreadWork(name: name, body: body))
        var thread = pthread_t()
        let code = pthread_create(&thread, &attributes, runThreadWork, work.toOpaque())
        guard code == 0 else {
            work.release()
            throw PlatformFault("starting a thread", code: code)
        }
        return BlockingThread(thread)
    }

    /// Waits until the body has returned; returns at once when it was joined before.
    ///
    /// Never from the thread itself.
    package func join() {
        // Waiting inside the lock lets a second joiner wait for the same end: joining a pthread twice is undefined.
        thread.withLock { thread in
            guard let running = thread else { return }
            pthread_join(running, nil)
            thread = nil
        }
    }
}

extension BlockingThread {
    /// Suspends until the body has returned.
    package func joined() async {
        await withCheckedContinuation { continuation in
            _ = BlockingThread.start("join") {
                self.join()
                continuation.resume()
            }
        }
    }
}

private final class ThreadWork: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

// A function rather than a closure: a C callback closure written in an isolated scope would carry that isolation.
private func runThreadWork(_ raw: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let raw else { return nil }
    let work = Unmanaged<ThreadWork>.fromOpaque(raw).takeRetainedValue()
    platform_name_thread(work.name)
    work.body()
    return nil
}

/// Runs `body` on a thread of its own and resumes the caller with what it returned or threw.
///
/// Costs a thread start, some 30 microseconds. Cancellation does not reach into `body`.
package func blocking<T: Sendable>(
    _ name: String, _ body: @escaping @Sendable () throws -> T
) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        _ = BlockingThread.start(name) { continuation.resume(with: Result { try body() }) }
    }
}
