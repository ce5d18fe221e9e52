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
    /// Ends a job that has not ended, as whoever asked for it may. Twice is once.
    package func cancel(_ job: JobID, reason: String) async throws -> Cancelled {
        try await onRow(.job(job)) { try Store.cancelled(try await $0.run(Store.cancelling(job, reason))) }
    }

    /// The same by hand, noted in the ledger.
    package func cancel(_ job: JobID, reason: String, by actor: Operator) async throws -> Cancelled {
        try await onRow(.job(job)) { database in
            try await database.transaction { tx in
                let cancelled = try Store.cancelled(try await tx.run(Store.cancelling(job, reason)))
                if case .cancelled = cancelled {
                    try await tx.run(Store.noting("cancel", "job \(job)", count: 1, by: actor))
                }
                return cancelled
            }
        }
    }

    private static func cancelling(_ job: JobID, _ reason: String) -> SQL {
        "SELECT verdict, may_have_started FROM motorpool.cancel(\(job.number), \(Bounds.storable(error: reason)))"
    }

    private static func cancelled(_ rows: Rows) throws -> Cancelled {
        guard let row = rows.first else { return .unknown }
        if let mayHaveStarted = try row.get(1, as: Bool?.self) {
            return .cancelled(mayHaveStarted: mayHaveStarted)
        }
        return Ending(rawValue: try row.get(0)).map { .ended(ToldState($0)) } ?? .unknown
    }

    /// Puts a dead or cancelled job back in line, and notes who did it.
    /// - Throws: `StoreError.busy` when its subject has another live job by now.
    package func retry(_ job: JobID, by actor: Operator) async throws -> Retried {
        let (retried, queue) = try await StoreError.translating {
            try await onRow(.job(job)) { database in
                try await database.transaction { tx -> (Retried, String?) in
                    let row = try await tx.run("SELECT verdict, ring FROM motorpool.retry(\(job.number))")
                        .first
                    let verdict = try row?.get(0, as: String.self) ?? "unknown"
                    guard verdict == "retried" else {
                        return (ToldState(rawValue: verdict).map { .notRetryable($0) } ?? .unknown, nil)
                    }
                    try await tx.run(Store.noting("retry", "job \(job)", count: 1, by: actor))
                    return (.retried, try row?.get(1))
                }
            }
        }
        if let queue { await bell.ring([queue]) }
        return retried
    }

    /// Stops claims from the queue, in every process, from the next claim on, and notes who did it. What runs goes on.
    /// Twice is once.
    /// - Returns: whether it was going.
    @discardableResult
    package func pause(queue: String, by actor: Operator) async throws -> Bool {
        try await onRow(.queue(queue)) { database in
            try await database.transaction { tx in
                let paused =
                    try await tx.run(
                        """
                        INSERT INTO motorpool.queues AS q (name, paused_at, paused_by) VALUES (\(queue), now(), \(actor.name))
                        ON CONFLICT (name) DO UPDATE SET paused_at = now(), paused_by = excluded.paused_by WHERE q.paused_at IS NULL
                        """
                    ).affected > 0
                if paused { try await tx.run(Store.noting("pause", "queue \(queue)", count: 1, by: actor)) }
                return paused
            }
        }
    }

    /// Lets the queue go on, and notes who did it. Twice is once.
    /// - Returns: whether it was paused.
    @discardableResult
    package func resume(queue: String, by actor: Operator) async throws -> Bool {
        let resumed = try await onRow(.queue(queue)) { database in
            try await database.transaction { tx in
                let resumed =
                    try await tx.run(
                        "UPDATE motorpool.queues SET paused_at = NULL, paused_by = NULL WHERE name = \(queue) AND paused_at IS NOT NULL"
                    ).affected > 0
                if resumed { try await tx.run(Store.noting("resume", "queue \(queue)", count: 1, by: actor)) }
                return resumed
            }
        }
        await bell.ring([queue])
        return resumed
    }
}
