package import Jobs
internal import Postgres

/// What a cancel found.
package enum Cancelled: Hashable, Sendable {
    /// It is cancelled now. `mayHaveStarted`: a worker had claimed it; whatever it does can't be settled any more.
    case cancelled(mayHaveStarted: Bool)
    /// It had already ended so.
    case ended(ToldState)
    case unknown
}

/// What a retry found.
package enum Retried: Hashable, Sendable {
    /// Back in line under its own id, with a fresh count of attempts.
    case retried
    /// Only dead and cancelled jobs can be retried; this one is in another state.
    case notRetryable(ToldState)
    case unknown
}

extension Store {
    /// Ends a job that has not ended. Twice is once.
    package func cancel(_ job: JobID, reason: String) async throws -> Cancelled {
        let row = try await database.run(
            "SELECT verdict, may_have_started FROM motorpool.cancel(\(job.number), \(Bounds.storable(error: reason)))"
        ).first
        guard let row else { return .unknown }
        if let mayHaveStarted = try row.get(1, as: Bool?.self) {
            return .cancelled(mayHaveStarted: mayHaveStarted)
        }
        return Ending(rawValue: try row.get(0)).map { .ended(ToldState($0)) } ?? .unknown
    }

    /// Puts a dead or cancelled job back in line.
    /// - Throws: `StoreError.busy` when its subject has another live job by now.
    package func retry(_ job: JobID) async throws -> Retried {
        try await StoreError.translating {
            let row = try await database.run("SELECT verdict, ring FROM motorpool.retry(\(job.number))").first
            if let queue = try row?.get(1, as: String?.self) { await bell.ring([queue]) }
            let verdict = try row?.get(0, as: String.self) ?? "unknown"
            if verdict == "retried" { return .retried }
            return ToldState(rawValue: verdict).map { .notRetryable($0) } ?? .unknown
        }
    }

    /// Stops claims from the queue, in every process, from the next claim on. What runs goes on. Twice is once.
    package func pause(queue: String, by actor: String) async throws {
        try await database.run(
            """
            INSERT INTO motorpool.queues AS q (name, paused_at, paused_by) VALUES (\(queue), now(), \(actor))
            ON CONFLICT (name) DO UPDATE SET paused_at = now(), paused_by = excluded.paused_by WHERE q.paused_at IS NULL
            """)
    }

    /// Lets the queue go on.
    /// - Returns: whether it was paused.
    package func resume(queue: String) async throws -> Bool {
        let resumed = try await database.run(
            "UPDATE motorpool.queues SET paused_at = NULL, paused_by = NULL WHERE name = \(queue) AND paused_at IS NOT NULL"
        )
        await bell.ring([queue])
        return resumed.affected > 0
    }

    /// Every queue that a kind names or that was ever paused.
    package func queueNames() async throws -> [String] {
        try await database.run(
            "SELECT queue FROM motorpool.kinds UNION SELECT name FROM motorpool.queues ORDER BY 1"
        )
        .map { try $0.get(0) }
    }
}
