internal import Jobs
internal import Store

/// The farm as a command meets it: by its database, or over HTTP. The words and the exit codes are the same.
protocol Door: Sendable {
    /// Durable when this returns. All of a batch or nothing, as far as `batchMax` goes.
    func enqueue(_ jobs: [NewJob]) async throws -> [Enqueued]

    /// `nil`: never there, or its retention has passed.
    func job(_ id: JobID) async throws -> JobReport?

    /// The job once it has ended, and as it is when `limit` has passed before.
    ///
    /// May return earlier with nothing new, so that progress can be shown.
    /// - Parameter turn: how often it was asked before.
    func job(_ id: JobID, turn: Int, within limit: Duration) async throws -> JobReport?

    func jobs(_ filter: JobFilter) async throws -> [JobReport]

    /// `more`: how many queues there are that are not told. `nil`: not told through this door.
    func depths() async throws -> (depths: [QueueDepth], more: Int)?

    // Whoever changes something is named for the audit ledger: `actor`, but over HTTP whose token it was.

    func cancel(_ id: JobID, reason: String?, by actor: String) async throws -> Cancelled

    func retry(_ id: JobID, by actor: String) async throws -> Retried

    func release(_ id: JobID, by actor: String) async throws -> Released

    /// Any name that an enqueue takes.
    /// - Returns: whether a kind or a waiting job names the queue; `nil`: not told through this door.
    /// - Throws: `Refusal`
    func pause(queue: String, by actor: String) async throws -> Bool?

    /// - Returns: whether it was paused.
    /// - Throws: `Refusal` with the list of queues.
    func resume(queue: String, by actor: String) async throws -> Bool

    func schedules() async throws -> [ScheduleReport]

    /// The newest slots of a line; `nil`: there is none of that name.
    func slots(of schedule: String, limit: Int) async throws -> [SlotReport]?

    /// `nil`: there is no line of that name.
    func runNow(schedule: String, by actor: String) async throws -> JobID?

    /// - Returns: whether there is a line of that name.
    func pauseSchedule(_ name: String, by actor: String) async throws -> Bool

    /// - Returns: whether it was paused; `nil`: there is no line of that name.
    func resumeSchedule(_ name: String, by actor: String) async throws -> Bool?

    /// Waits for what is under way, such as a ring of the bell.
    func close() async
}
