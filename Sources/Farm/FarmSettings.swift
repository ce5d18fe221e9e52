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
    /// With so many lanes lost to runs that don't end, the process ends, so that its supervisor starts it anew.
    package var lostLanesMax = 16
    /// Ends the process at once, with the reason, when nothing in it can do so in good order; called on a thread of the
    /// farm's. `nil`: nothing is done then.
    package var lastResort: (@Sendable (_ why: String) -> Void)?
    package var killPoint: KillPoint?
    /// The lines of `scheduler.conf` that this process fires; `nil`: it fires none, whatever a reload brings.
    package var schedule: [ScheduleLine]?

    package init(name: String, definitions: Definitions) {
        self.name = name
        self.definitions = definitions
    }

    /// The queues that this farm works, with their lanes.
    package var lanes: [String: Int] { lanes(of: definitions) }

    /// Each lane may hold a thread, the suspects' as well, each lost lane another, and ticks need one.
    func runThreadsMax(of definitions: Definitions) -> Int {
        lanes(of: definitions).values.reduce(2, +) + lostLanesMax
    }

    /// The queues of other definitions that a farm with these settings works.
    func lanes(of definitions: Definitions) -> [String: Int] {
        guard let queues else { return definitions.lanes }
        return definitions.lanes.filter { queues.contains($0.key) }
    }
}

/// The farm ended by itself, in good order, because its process has no use any more.
package struct WornOut: Error, CustomStringConvertible {
    package let why: String

    package var description: String { "this process has to be started anew: \(why)" }
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
    /// A run has held its thread for long; it costs its lane, and no other.
    case runBlocks(JobID, kind: String, seconds: Duration)
    /// A run went on long after it was told to end: it was given up, and its lane is lost until it ends.
    case runStuck(JobID, kind: String, seconds: Duration)
    /// These runs go on until the process is gone; their jobs are for a rescue.
    case leftRunning([JobID])
    /// The process has no use any more, and drains.
    case wornOut(why: String)
    case draining
    case stopped
}
