package import Jobs
internal import Postgres

/// Who asks, and what makes asking twice asking once.
package struct Asker: Sendable {
    /// Keys of different scopes never meet.
    package let scope: String
    /// The name of this request. `nil`: every request is a new one.
    package let key: String?
    /// A digest of everything that was asked, 32 bytes: the same key with another one is a mistake.
    package let body: [UInt8]
    /// Whether the jobs count as a stranger's.
    package let isGuest: Bool
    /// Who the ledger of askers names. `nil`: no caller.
    package let caller: String?
    /// Whether a job that is made is the caller's; otherwise code asks in its name.
    package let owns: Bool

    package init(
        scope: String, key: String?, body: [UInt8], isGuest: Bool, caller: String? = nil, owns: Bool = true
    ) {
        self.caller = caller
        self.owns = owns
        self.scope = scope
        self.key = key
        self.body = body
        self.isGuest = isGuest
    }
}

extension Store {
    /// Puts all of them in line, or none. The same key twice is one request, however many jobs it holds.
    ///
    /// A request that was refused or came too early leaves no key, so that it may come again.
    /// - Returns: in the order of the jobs. A key that came before with another body answers one `.mismatch`.
    /// - Throws: as `enqueue(_:)`.
    package func enqueue(_ jobs: [NewJob], for asker: Asker) async throws -> [Enqueued] {
        guard asker.key != nil || asker.isGuest else { return try await enqueue(jobs, asker: asker) }
        guard jobs.count <= Store.enqueueJobsMax else {
            throw StoreError.badRequest(
                "\(jobs.count) jobs at once, and at most \(Store.enqueueJobsMax) are taken")
        }
        let rows = (asker.key.map { [.key($0)] } ?? []) + jobs.flatMap(\.lockedRows)
        let (answers, due) = try await StoreError.translating {
            guard !rows.isEmpty else {
                return try await database.transaction(within: Store.limit(for: jobs)) {
                    try await enqueue(jobs, for: asker, in: $0)
                }
            }
            return try await onRows(rows, naming: { Store.locked($0, in: jobs, for: asker) }) { database in
                try await database.transaction(within: Store.limit(for: jobs)) {
                    try await enqueue(jobs, for: asker, in: $0)
                }
            }
        }
        bell.ringSoon(due)
        return answers
    }

    private func enqueue(_ jobs: [NewJob], for asker: Asker, in tx: Transaction) async throws -> (
        [Enqueued], Set<String>
    ) {
        if let earlier = try await answered(asker, count: jobs.count, in: tx) { return (earlier, []) }
        let (answers, due) = try await enqueue(jobs, asker: asker, in: tx)
        try await remember(answers, asker, in: tx)
        return (answers, due)
    }

    /// The request's own key, or what one of its jobs names.
    private static func locked(_ error: ServerError, in jobs: [NewJob], for asker: Asker) -> LockedRow? {
        guard let key = asker.key, error.statement?.contains("motorpool.keys") == true else {
            return locked(error, in: jobs)
        }
        return .key(key)
    }

    /// What the same request got before; `nil` when it is new, and its key is taken then.
    private func answered(_ asker: Asker, count: Int, in tx: Transaction) async throws -> [Enqueued]? {
        guard let key = asker.key else { return nil }
        for _ in 0..<3 {
            // A request under way with the same key is waited for here.
            let taken = try await tx.run(
                """
                INSERT INTO motorpool.keys (scope, key, body, job) VALUES (\(asker.scope), \(key), \(asker.body), 0)
                ON CONFLICT (scope, key) DO NOTHING
                """)
            guard taken.affected == 0 else { return nil }
            let earlier = try await tx.run(
                "SELECT body, job FROM motorpool.keys WHERE scope = \(asker.scope) AND key = \(key)")
            // Its retention may have removed it between the two statements.
            guard let row = earlier.first else { continue }
            let first = JobID(try row.get(1))
            guard try row.get(0, as: [UInt8].self) == asker.body else {
                return [Enqueued(verdict: .mismatch, job: first)]
            }
            let others = try await tx.run(
                """
                SELECT k.job FROM unnest(\(Store.keys(of: key, count: count))) WITH ORDINALITY AS a(key, n)
                JOIN motorpool.keys k ON k.scope = \(asker.scope) AND k.key = a.key ORDER BY n
                """)
            let jobs = try [first] + others.map { JobID(try $0.get(0)) }
            return jobs.map { Enqueued(verdict: .duplicate, job: $0) }
        }
        throw StoreError.busy("the key is being forgotten and asked for at the same time: ask again")
    }

    private func remember(_ answers: [Enqueued], _ asker: Asker, in tx: Transaction) async throws {
        if asker.isGuest {
            let created = answers.filter { $0.verdict == .created }.map(\.job.number)
            try await tx.run(
                "INSERT INTO motorpool.guests (job) SELECT unnest(\(created)) ON CONFLICT DO NOTHING")
        }
        guard let key = asker.key, let first = answers.first else { return }
        guard answers.contains(where: \.isAccepted) else {
            try await tx.run("DELETE FROM motorpool.keys WHERE scope = \(asker.scope) AND key = \(key)")
            return
        }
        try await tx.run(
            "UPDATE motorpool.keys SET job = \(first.job.number) WHERE scope = \(asker.scope) AND key = \(key)"
        )
        guard answers.count > 1 else { return }
        try await tx.run(
            """
            INSERT INTO motorpool.keys (scope, key, body, job)
            SELECT \(asker.scope), a.key, \(asker.body), a.job
            FROM unnest(\(Store.keys(of: key, count: answers.count)), \(answers.dropFirst().map(\.job.number))) AS a(key, job)
            ON CONFLICT (scope, key) DO UPDATE SET body = excluded.body, job = excluded.job, created_at = now()
            """)
    }

    /// The second to last of `count` keys; the unit separator can't stand in a header, so no stranger's key is met.
    private static func keys(of key: String, count: Int) -> [String] {
        count < 2 ? [] : (2...count).map { "\(key)\u{1f}\($0)" }
    }

    /// Counts what a stranger's job puts in line as a stranger's.
    func inheritGuest(_ jobs: [Int64], from parent: JobID, in tx: Transaction) async throws {
        guard !jobs.isEmpty else { return }
        try await tx.run(
            """
            INSERT INTO motorpool.guests (job) SELECT unnest(\(jobs))
            WHERE EXISTS (SELECT 1 FROM motorpool.guests g WHERE g.job = \(parent.number)) ON CONFLICT DO NOTHING
            """)
    }
}

extension Enqueued {
    /// Whether there is a job that answers for the request.
    package var isAccepted: Bool {
        switch verdict {
        case .created, .duplicate, .joined, .again: true
        case .refused, .cooling, .mismatch: false
        }
    }
}
