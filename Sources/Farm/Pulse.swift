internal import Platform

/// Whether this process still does its work: ticks that go through the engine's pool and through the run threads, and
/// come back.
///
/// One tick a way is under way at a time. Time in which the whole process stood still is not held against it: the pool had
/// no chance to answer then.
final class Pulse: Sendable {
    private struct Way {
        var isUnderWay = false
        var silence = Duration.zero
    }

    private struct Ways {
        var engine = Way()
        var runs = Way()
    }

    private let executor: LaneExecutor
    /// Of the task that made this, which is the engine's: each priority has threads of its own in the shared pool.
    private let priority = Task.currentPriority
    private let ways = Lock(Ways())

    /// A longer time between two beats counts as much.
    static let feltMax = Duration.seconds(1)

    init(_ threads: RunThreads) { executor = LaneExecutor(on: threads) }

    /// For how long the slower of the two ways has not answered.
    var silence: Duration { ways.withLock { max($0.engine.silence, $0.runs.silence) } }

    /// Adds the time since the last beat to what is under way, and sends what is not.
    func beat(after elapsed: Duration) {
        let felt = min(elapsed, Pulse.feltMax)
        let (asksEngine, asksRuns) = ways.withLock { ways in
            (Pulse.beat(&ways.engine, felt), Pulse.beat(&ways.runs, felt))
        }
        // Each lives until its pool has a thread for it, which is what is measured.
        if asksEngine { Task(priority: priority) { self.ways.withLock { $0.engine = Way() } } }
        if asksRuns { Task(executorPreference: executor) { self.ways.withLock { $0.runs = Way() } } }
    }

    /// - Returns: whether a tick has to be sent.
    private static func beat(_ way: inout Way, _ felt: Duration) -> Bool {
        guard !way.isUnderWay else {
            way.silence += felt
            return false
        }
        way.isUnderWay = true
        return true
    }
}
