internal import Jobs
internal import Postgres
internal import Store

/// The farm by its database.
struct StoreDoor: Door {
    private let store: Store

    private static let pauses: [Duration] = [
        .milliseconds(10), .milliseconds(20), .milliseconds(50), .milliseconds(100),
    ]

    init(_ connection: ConnectionSettings) {
        store = Store(connection, connectionsMax: 2, claimConnectionsMax: 1)
    }

    func enqueue(_ jobs: [NewJob]) async throws -> [Enqueued] { try await store.enqueue(jobs) }

    func job(_ id: JobID) async throws -> JobReport? { try await store.job(id) }

    func job(_ id: JobID, turn: Int, within limit: Duration) async throws -> JobReport? {
        if turn > 0 { try await Task.sleep(for: min(limit, Self.pauses[min(turn, Self.pauses.count) - 1])) }
        return try await store.job(id)
    }

    func jobs(_ filter: JobFilter) async throws -> [JobReport] { try await store.jobs(filter) }

    func depths() async throws -> (depths: [QueueDepth], more: Int)? { try await store.depths() }

    func cancel(_ id: JobID, reason: String?, by actor: String) async throws -> Cancelled {
        let by = "cancelled by \(actor)"
        return try await store.cancel(
            id, reason: reason.map { "\($0) (\(by))" } ?? by, by: Operator(name: actor))
    }

    func retry(_ id: JobID, by actor: String) async throws -> Retried {
        try await store.retry(id, by: Operator(name: actor))
    }

    func release(_ id: JobID, by actor: String) async throws -> Released {
        try await store.release(id, by: Operator(name: actor))
    }

    func pause(queue: String, by actor: String) async throws -> Bool? {
        guard Definition.isName(queue) else {
            throw Refusal(
                "a queue is named by a-z, 0-9, _ and -, at most \(Bounds.nameBytesMax) bytes, not “\(queue)”")
        }
        let isKnown = try await store.knows(queue: queue)
        try await store.pause(queue: queue, by: Operator(name: actor))
        return isKnown
    }

    func resume(queue: String, by actor: String) async throws -> Bool {
        try await require(queue)
        return try await store.resume(queue: queue, by: Operator(name: actor))
    }

    func schedules() async throws -> [ScheduleReport] { try await store.schedules() }

    func slots(of schedule: String, limit: Int) async throws -> [SlotReport]? {
        guard try await store.schedule(named: schedule) != nil else { return nil }
        return try await store.slots(of: schedule, limit: limit)
    }

    func runNow(schedule: String, by actor: String) async throws -> JobID? {
        try await store.runNow(schedule: schedule, by: Operator(name: actor))
    }

    func pauseSchedule(_ name: String, by actor: String) async throws -> Bool {
        try await store.pause(schedule: name, by: Operator(name: actor)) != nil
    }

    func resumeSchedule(_ name: String, by actor: String) async throws -> Bool? {
        try await store.resume(schedule: name, by: Operator(name: actor))
    }

    func close() async {
        await store.bell.settled()
        await store.close()
    }

    private func require(_ queue: String) async throws {
        guard try await !store.knows(queue: queue) else { return }
        let names = try await store.queueNames()
        throw Refusal("no queue is called “\(queue)”; the queues are \(Listing.names(names))")
    }
}
