package import Jobs
package import Store

/// How a farm runs, in plain values.
package struct FarmSettings: Sendable {
    /// How people recognise the process: host and pid, say.
    package var name: String
    package var definitions: Definitions
    /// Only these queues; `nil`: every queue of the definitions.
    package var queues: Set<String>?
    /// How long a silent worker is believed to live. At least 1 s.
    package var lease = Duration.seconds(15)
    /// How long running jobs may go on after the first SIGTERM.
    package var grace = Duration.seconds(25)
    /// How long a queue without a bell waits before it looks again.
    package var pollInterval = Duration.seconds(1)
    /// A job that waited so long behind more urgent ones moves up a level.
    package var liftAfter = Duration.seconds(60)
    package var historyDays = 14
    package var keyHours = 24
    package var deadDays = 30
    /// Whether LISTEN works: not through pgbouncer in transaction mode.
    package var hasBell = true
    package var killPoint: KillPoint?
    /// The lines of `scheduler.conf` that this process fires; empty: it fires none.
    package var schedule: [ScheduleLine] = []

    package init(name: String, definitions: Definitions) {
        self.name = name
        self.definitions = definitions
    }

    /// The queues that this farm works, with their lanes.
    package var lanes: [String: Int] {
        guard let queues else { return definitions.lanes }
        return definitions.lanes.filter { queues.contains($0.key) }
    }
}

/// What a farm tells: for the log, and for tests that wait for events.
package enum FarmEvent: Sendable {
    case started(worker: WorkerID)
    case bellConnected
    case bellLost(String)
    case claimed(queue: String, jobs: [JobID])
    /// - Parameter trace: the `traceparent` that the job carries in its meta.
    case runStarted(JobID, kind: String, run: Int32, trace: String?)
    case runEnded(JobID, kind: String, run: Int32, words: String, took: Duration, trace: String?)
    case stale(count: Int)
    case overtaken(JobID)
    case cancelled(JobID)
    case handedBack(count: Int)
    case rescued(worker: String, recovered: Int, setAside: Int)
    case orphansRescued(count: Int)
    case leaseLost(WorkerID, why: String)
    case refusedData(JobID, error: String)
    /// Slots of the schedule that this process decided.
    case slots([DecidedSlot])
    case trouble(String)
    case draining
    case stopped
}
