internal import Synchronization

/// Where the runs of one lane execute: the farm's run threads, under the lane's own name.
///
/// A thread that does not come back from a run can so be told to its lane, and what a run awaits or starts as a child
/// comes back to these threads as well. Unstructured tasks of a run do not: they go to Swift's own pool.
final class LaneExecutor: TaskExecutor {
    private let threads: RunThreads
    private let runs = Atomic<UInt64>(0)

    init(on threads: RunThreads) { self.threads = threads }

    /// To be called at the beginning of each run: a lane that goes from one to the next without suspending is at work.
    func beginRun() { runs.add(1, ordering: .relaxed) }

    /// How many runs have begun here.
    var runsBegun: UInt64 { runs.load(ordering: .relaxed) }

    func enqueue(_ job: consuming ExecutorJob) { threads.enqueue(UnownedJob(job), of: self) }
}
