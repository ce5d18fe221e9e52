package import Jobs
package import Postgres

extension Store {
    /// Settles runs whose departure touches ledgers, or that return, behind their fences, in one round trip.
    /// - Returns: for each, whether its token still held. A stale one touched nothing.
    /// - Throws: `PostgresError`; nothing is settled then, unless `isOutcomeUnknown`.
    package func settle(_ settlements: [(token: RunToken, settlement: Settlement)]) async throws -> [Bool] {
        guard !settlements.isEmpty else { return [] }
        let facts = settlements.map { SettlementFacts($0.settlement) }
        let settling: SQL =
            """
            SELECT motorpool.settle(s.id, s.run, s.verdict, s.delay, s.result, s.error, s.reason, s.step::smallint, NULL)
            FROM unnest(\(settlements.map(\.token.job.number)), \(settlements.map(\.token.run)), \(facts.map(\.verdict)),
                        \(facts.map(\.delay)), \(PostgresValue.jsonArray(facts.map { $0.result?.bytes })), \(facts.map(\.error)),
                        \(facts.map(\.reason)), \(facts.map { $0.step.map(Int64.init) }))
                 WITH ORDINALITY AS s(id, run, verdict, delay, result, error, reason, step, n)
            ORDER BY s.n
            """
        let answers = try await hot.run(
            all: [settling, "SELECT motorpool.admit_freed()"], within: Store.hotTimeout + .seconds(2))
        return try answers[0].map { try $0.get(0) }
    }

    /// Settles one run together with the jobs that follow from it: all, or nothing.
    ///
    /// With `.wait` the new jobs are its children, and it is held until the last has left; those that joined another
    /// live job are not waited for.
    /// - Throws: `StoreError.stale` when the token no longer holds; `StoreError.unknownKind`, `.badRequest` when a new
    ///   job is refused.
    package func settle(_ token: RunToken, as settlement: Settlement, enqueueing jobs: [NewJob]) async throws
    {
        let due = try await StoreError.translating {
            // A subject that another session holds is waited for elsewhere: the settlement is sent again.
            try await database.waiting(.brief).transaction(within: Store.limit(for: jobs)) { tx in
                try await settle(token, as: settlement, enqueueing: jobs, in: tx)
            }
        }
        bell.ringSoon(due)
    }

    /// Runs `body` and the settlement of the run in one transaction, the fence checked last: the handler's rows and the
    /// departure of its job are committed together, or neither is.
    ///
    /// - Parameter body: works on its own tables through `tx`; it never waits for the network in here.
    /// - Throws: `StoreError.stale` when the run was overtaken; nothing of `body` is kept then. What `body` throws.
    package func commit<T: Sendable>(
        _ token: RunToken, beforeFence: @Sendable () async -> Void = {},
        _ body: (Transaction) async throws -> (T, result: JSON?, followUps: [NewJob])
    ) async throws -> T {
        let (value, due) = try await StoreError.translating {
            try await database.transaction { tx in
                let (value, result, followUps) = try await body(tx)
                if let refusal = result?.refusalAsResult { throw StoreError.badRequest(refusal) }
                // Every lane may end here, and there are fewer connections than lanes.
                if followUps.contains(where: { !$0.isPlain }) { try await tx.limitLockWaits(to: .brief) }
                await beforeFence()
                let due = try await settle(token, as: .finish(result: result), enqueueing: followUps, in: tx)
                return (value, due)
            }
        }
        bell.ringSoon(due)
        return value
    }

    /// Makes sure that the run's token holds, and that it goes on holding until the transaction ends: a cancel or a
    /// rescue waits that long. For what a handler changes outside of the database, as its last deed before the commit.
    /// - Throws: `StoreError.stale`
    package func holdFence(_ token: RunToken, in tx: Transaction) async throws {
        let held = try await tx.run(
            """
            SELECT 1 FROM motorpool.jobs WHERE id = \(token.job.number) AND run = \(token.run) AND state = 1 FOR UPDATE
            """)
        guard held.count == 1 else { throw StoreError.stale }
    }

    private func settle(
        _ token: RunToken, as settlement: Settlement, enqueueing jobs: [NewJob], in tx: Transaction
    ) async throws -> Set<String> {
        let facts = SettlementFacts(settlement)
        let isWait = settlement.isWait
        let (answers, due) = try await enqueue(jobs, parent: isWait ? token.job : nil, in: tx)
        let created = answers.filter { $0.verdict == .created }.map(\.job.number)
        try await inheritGuest(created, from: token.job, in: tx)
        let children = created.count
        let rows = try await tx.run(
            """
            SELECT motorpool.fence(motorpool.settle(\(token.job.number), \(token.run), \(facts.verdict), \(facts.delay),
                \(facts.result.map { PostgresValue.json($0.bytes) } ?? .null), \(facts.error), \(facts.reason),
                \(facts.step), \(isWait ? Int32(children) : nil))), motorpool.admit_freed()
            """)
        guard try rows.first?.get(0) == true else { throw StoreError.stale }
        return isWait && children == 0 ? due.union([""]) : due
    }

    /// Puts claimed jobs that were not begun, or whose process is going away, back in line. Nothing is counted.
    /// - Returns: how many still were this worker's to give back.
    package func handBack(_ tokens: [RunToken], of worker: WorkerID) async throws -> Int {
        guard !tokens.isEmpty else { return 0 }
        let rows = try await hot.run(
            Store.handingBack(tokens, of: worker), within: Store.hotTimeout + .seconds(2))
        bell.ringSoon(Set(try rows.map { try $0.get(0) }))
        return rows.count
    }

    /// The statement of `handBack`, for a thread with a connection of its own. Answers a row a job, with its queue.
    package static func handingBack(_ tokens: [RunToken], of worker: WorkerID) -> SQL {
        """
        UPDATE motorpool.jobs j SET state = 0, worker = NULL
        WHERE \(fenced(tokens)) AND j.worker + 0 = \(worker.number)
        RETURNING j.queue
        """
    }

    /// What the database believes this worker holds, and for how long it has. The truth after an unknown outcome.
    package func claimed(by worker: WorkerID) async throws -> [(token: RunToken, age: Duration)] {
        let rows = try await hot.run(
            """
            SELECT id, run, extract(epoch FROM clock_timestamp() - started_at)::double precision
            FROM motorpool.jobs WHERE worker = \(worker.number) AND state = 1
            """, within: Store.hotTimeout + .seconds(2))
        return try rows.map { row in
            (
                RunToken(job: JobID(try row.get(0)), run: try row.get(1)),
                .seconds(try row.get(2, as: Double.self))
            )
        }
    }

    /// Whether the token still holds.
    package func isClaimed(_ token: RunToken) async throws -> Bool {
        try await hot.run(
            "SELECT 1 FROM motorpool.jobs WHERE id = \(token.job.number) AND run = \(token.run) AND state = 1",
            within: Store.hotTimeout + .seconds(2)
        ).count == 1
    }

    /// Tells how far a run is. Stale tokens write nothing. A phase is cut as an error text is.
    package func report(_ token: RunToken, phase: String?, done: Int64?, total: Int64?) async throws {
        try await database.run(
            """
            INSERT INTO motorpool.progress AS p (job, run, phase, done, total)
            SELECT id, run, \(phase.map { Bounds.storable(error: $0) }), \(done), \(total) FROM motorpool.jobs
            WHERE id = \(token.job.number) AND run = \(token.run) AND worker IS NOT NULL
            ON CONFLICT (job) DO UPDATE SET run = excluded.run, phase = excluded.phase, done = excluded.done,
                total = excluded.total, at = now()
            """)
    }
}

/// A settlement as the columns that SQL reads.
private struct SettlementFacts {
    var verdict = "done"
    var delay: Double?
    var result: JSON?
    var error: String?
    var reason: String?
    var step: Int16?

    init(_ settlement: Settlement) {
        switch settlement {
        case .finish(let result):
            self.result = result
        case .retry(let pause, let error):
            verdict = "retry"
            delay = pause.inSeconds
            self.error = error
        case .snooze(let pause):
            verdict = "snooze"
            delay = pause.inSeconds
        case .die(let reason, let error):
            verdict = "dead"
            self.reason = reason.rawValue
            self.error = error
        case .cancel(let reason):
            verdict = "cancelled"
            self.reason = reason
        case .wait(let step):
            verdict = "wait"
            self.step = step
        }
    }
}

extension Settlement {
    fileprivate var isWait: Bool {
        if case .wait = self { true } else { false }
    }
}
