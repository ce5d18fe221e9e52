package import Jobs
internal import Postgres

extension Store {
    /// Runs a line once now, outside its plan: whatever overlaps, and although it is paused. Both ledgers keep it.
    /// - Returns: the job that answers for it: a new one, or the live one of the same subject. `nil`: no such line.
    /// - Throws: `StoreError.badRequest` when the queue refuses the job, with its reason.
    package func runNow(schedule: String, by actor: Operator) async throws -> JobID? {
        let (job, queue, refusal) = try await StoreError.translating {
            try await onRow(.schedule(schedule)) { database in
                try await database.transaction { tx -> (JobID?, String?, String?) in
                    guard let row = try await tx.run(Store.running(schedule: schedule, by: actor.name)).first
                    else {
                        return (nil, nil, nil)
                    }
                    let job = try row.get(0, as: Int64?.self).map { JobID($0) }
                    if job != nil {
                        try await tx.run(Store.noting("run", "schedule \(schedule)", count: 1, by: actor))
                    }
                    return (
                        job, try row.get(2),
                        job == nil ? try row.get(1, as: String?.self) ?? "the queue refused the job" : nil
                    )
                }
            }
        }
        if let refusal { throw StoreError.badRequest(refusal) }
        if let queue { await bell.ring([queue]) }
        return job
    }

    /// Lets the slots of a line pass, in every process, and notes who did it; each is told as skipped. Twice is once.
    /// - Returns: whether it was going; `nil`: there is no such line.
    package func pause(schedule: String, by actor: Operator) async throws -> Bool? {
        try await onRow(.schedule(schedule)) { database in
            try await database.transaction { tx -> Bool? in
                let row = try await tx.run(
                    "SELECT paused_at IS NULL FROM motorpool.schedules WHERE name = \(schedule) FOR UPDATE"
                ).first
                guard let isGoing = try row?.get(0, as: Bool.self) else { return nil }
                guard isGoing else { return false }
                try await tx.run(Store.pausing(schedule: schedule, by: actor.name))
                try await tx.run(Store.noting("pause", "schedule \(schedule)", count: 1, by: actor))
                return true
            }
        }
    }

    /// Lets a line go on with its next slot, and notes who did it; nothing of the pause is made up. Twice is once.
    /// - Returns: whether it was paused; `nil`: there is no such line.
    package func resume(schedule: String, by actor: Operator) async throws -> Bool? {
        try await onRow(.schedule(schedule)) { database in
            try await database.transaction { tx -> Bool? in
                let row = try await tx.run(Store.resuming(schedule: schedule)).first
                let wasPaused = try row?.get(0, as: Bool.self)
                if wasPaused == true {
                    try await tx.run(Store.noting("resume", "schedule \(schedule)", count: 1, by: actor))
                }
                return wasPaused
            }
        }
    }
}
