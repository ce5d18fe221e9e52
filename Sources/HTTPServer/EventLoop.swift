internal import CUV
internal import Glibc
internal import Platform
internal import Synchronization

/// A thread that waits for sockets and runs whatever is isolated to it.
///
/// It is the executor of its connections and of the tasks that answer their requests, so that a request normally never
/// changes threads. Jobs may not block: everything else on the loop waits for them.
// @unchecked: what is mutable without a lock is touched on the loop's thread only, which `enqueue` and the callbacks keep.
final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    /// Jobs may lead to jobs; after so many rounds the sockets have their turn.
    private static let roundsMax = 8

    private struct Mail {
        var jobs: [UnownedJob] = []
        var isEnding = false
        var hasEnded = false
    }

    private let handle: UnsafeMutablePointer<uv_loop_t>
    private let bell: UnsafeMutablePointer<uv_async_t>
    private let timer: UnsafeMutablePointer<uv_timer_t>
    private let threadID = Atomic<UInt>(0)
    private let mail = Lock(Mail())
    private let lateTurn = Lock(())
    private var jobs: [UnownedJob] = []
    private var running: [UnownedJob] = []
    private var onTick: (() -> Void)?

    /// Tasks that have to end before the thread may. Of the loop only.
    var tasks = 0

    /// The thread starts at once.
    /// - Throws: `PlatformFault` when the process is out of descriptors.
    init(_ name: String) throws {
        handle = .allocate(capacity: 1)
        bell = .allocate(capacity: 1)
        timer = .allocate(capacity: 1)
        var code = uv_loop_init(handle)
        guard code == 0 else {
            free()
            throw PlatformFault("making an event loop", code: -code)
        }
        code = uv_async_init(handle, bell, mailArrived)
        guard code == 0 else {
            uv_loop_close(handle)
            free()
            throw PlatformFault("making an event loop", code: -code)
        }
        uv_timer_init(handle, timer)
        let unretained = Unmanaged.passUnretained(self).toOpaque()
        bell.pointee.data = unretained
        timer.pointee.data = unretained
        _ = BlockingThread.start(name) { self.run() }
    }

    // MARK: Executor

    /// Whether this is the loop's own thread.
    var isCurrent: Bool { threadID.load(ordering: .relaxed) == UInt(pthread_self()) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        guard !isCurrent else { return jobs.append(job) }
        let isLate = mail.withLock { mail in
            guard !mail.hasEnded else { return true }
            mail.jobs.append(job)
            // Inside the lock, so that the loop cannot have ended in between.
            if mail.jobs.count == 1 { uv_async_send(bell) }
            return false
        }
        // A task that somebody outside kept may come back after the end; its jobs are still owed a turn.
        guard isLate else { return }
        _ = BlockingThread.start("http late") { self.lateTurn.withLock { _ in self.perform(job) } }
    }

    func checkIsolated() { precondition(isCurrent, "this belongs to another loop's thread") }

    func isIsolatingCurrentContext() -> Bool? { isCurrent }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    private func perform(_ job: UnownedJob) {
        job.runSynchronously(
            isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
    }

    // MARK: Time

    /// Milliseconds of a clock that never jumps, as of the loop's last wake-up.
    var now: UInt64 { uv_now(handle) }

    /// Calls `body` on the loop every so many milliseconds until ``stopTicking()``.
    func tick(every milliseconds: UInt64, _ body: @escaping () -> Void) {
        onTick = body
        uv_timer_start(timer, ticked, milliseconds, milliseconds)
    }

    func stopTicking() {
        onTick = nil
        uv_timer_stop(timer)
    }

    fileprivate func tick() { onTick?() }

    /// Calls `body` on the loop, once, when so many milliseconds are over.
    func after(milliseconds: UInt64, _ body: @escaping () -> Void) {
        let once = UnsafeMutablePointer<uv_timer_t>.allocate(capacity: 1)
        uv_timer_init(handle, once)
        once.pointee.data = Unmanaged.passRetained(Deed(body)).toOpaque()
        uv_timer_start(once, due, milliseconds, 0)
    }

    /// A watch over a descriptor.
    func poller(_ descriptor: Int32, _ onEvent: @escaping (_ status: Int32, _ events: Int32) -> Void)
        -> Poller?
    {
        Poller(handle, descriptor, onEvent)
    }

    // MARK: The thread

    /// Lets the thread end as soon as no task is left. Returns at once; a second time does nothing.
    func end() {
        mail.withLock { mail in
            guard !mail.hasEnded else { return }
            mail.isEnding = true
            uv_async_send(bell)
        }
    }

    private func run() {
        threadID.store(UInt(pthread_self()), ordering: .relaxed)
        while true {
            uv_run(handle, jobs.isEmpty ? UV_RUN_ONCE : UV_RUN_NOWAIT)
            runJobs()
            if tasks == 0, jobs.isEmpty, isToEnd() { break }
        }
        uv_close(UnsafeMutableRawPointer(bell).assumingMemoryBound(to: uv_handle_t.self), nil)
        uv_close(UnsafeMutableRawPointer(timer).assumingMemoryBound(to: uv_handle_t.self), nil)
        uv_run(handle, UV_RUN_DEFAULT)
        uv_loop_close(handle)
        threadID.store(0, ordering: .relaxed)
        free()
    }

    private func runJobs() {
        for _ in 0..<Self.roundsMax where !jobs.isEmpty {
            swap(&jobs, &running)
            for job in running { perform(job) }
            running.removeAll(keepingCapacity: true)
        }
    }

    private func isToEnd() -> Bool {
        mail.withLock { mail in
            guard mail.isEnding, mail.jobs.isEmpty else { return false }
            mail.hasEnded = true
            return true
        }
    }

    fileprivate func takeMail() {
        mail.withLock { mail in
            jobs.append(contentsOf: mail.jobs)
            mail.jobs.removeAll(keepingCapacity: true)
        }
    }

    private func free() {
        handle.deallocate()
        bell.deallocate()
        timer.deallocate()
    }
}

// Functions rather than closures: a C callback closure written in an isolated scope would carry that isolation.
private func mailArrived(_ bell: UnsafeMutablePointer<uv_async_t>?) {
    guard let data = bell?.pointee.data else { return }
    Unmanaged<EventLoop>.fromOpaque(data).takeUnretainedValue().takeMail()
}

private func ticked(_ timer: UnsafeMutablePointer<uv_timer_t>?) {
    guard let data = timer?.pointee.data else { return }
    Unmanaged<EventLoop>.fromOpaque(data).takeUnretainedValue().tick()
}

private final class Deed {
    let body: () -> Void

    init(_ body: @escaping () -> Void) { self.body = body }
}

private func due(_ timer: UnsafeMutablePointer<uv_timer_t>?) {
    guard let timer, let data = timer.pointee.data else { return }
    Unmanaged<Deed>.fromOpaque(data).takeRetainedValue().body()
    uv_close(UnsafeMutableRawPointer(timer).assumingMemoryBound(to: uv_handle_t.self), timerClosed)
}

private func timerClosed(_ handle: UnsafeMutablePointer<uv_handle_t>?) {
    UnsafeMutableRawPointer(handle)?.assumingMemoryBound(to: uv_timer_t.self).deallocate()
}
