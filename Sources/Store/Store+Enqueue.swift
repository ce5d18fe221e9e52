package import Jobs
package import Postgres

extension Store {
    /// How many jobs one enqueue takes.
    package static let enqueueJobsMax = 10_000
    /// How many bytes of args and metas one enqueue takes.
    package static let enqueueBytesMax = 512 << 20
    static let bulkMin = 8
    /// One round trip carries about so many bytes: a third of a second over a way of 100 Mbit/s.
    package static let tripBytesMax = 4 << 20

    /// Puts one job in line, durable when this returns, and rings soon after.
    /// - Throws: `StoreError.unknownKind`, `.badJob`; `PostgresError` when the database could not answer. After an
    ///   unknown outcome the same key makes it safe to ask again.
    package func enqueue(_ job: NewJob) async throws -> Enqueued {
        try await enqueue([job])[0]
    }

    /// Puts all of them in line, or none, in one round trip; in several, and one transaction, when they have more than
    /// `tripBytesMax`. Answers in the order of the requests.
    /// - Throws: as `enqueue(_:)`; `.badRequest` for more than `enqueueJobsMax` or `enqueueBytesMax`.
    package func enqueue(_ jobs: [NewJob]) async throws -> [Enqueued] {
        try await enqueue(jobs, asker: nil)
    }

    /// The same for a caller whom the ledger of askers names, in the statements that put the jobs in line.
    func enqueue(_ jobs: [NewJob], asker: Asker?) async throws -> [Enqueued] {
        let bytes = jobs.reduce(0) { $0 + $1.payloadBytes }
        let isLarge = bytes > Store.tripBytesMax
        let (answers, due) = try await StoreError.translating {
            guard jobs.contains(where: { !$0.isPlain }) else {
                return try await enqueue(jobs, asker: asker, isLarge: isLarge, in: database.waiting(.asSet))
            }
            return try await onRows(jobs.flatMap(\.lockedRows), naming: { Store.locked($0, in: jobs) }) {
                try await enqueue(jobs, asker: asker, isLarge: isLarge, in: $0)
            }
        }
        bell.ringSoon(due)
        return answers
    }

    /// What a failed enqueue waited for, by the statement that failed.
    static func locked(_ error: ServerError, in jobs: [NewJob]) -> LockedRow? {
        let isBulk = jobs.count >= Store.bulkMin
        let special = Store.special(jobs, isBulk: isBulk)
        let plain = jobs.indices.filter { isBulk && jobs[$0].isPlain }
        // In several round trips the index of the statement counts anew in each.
        guard jobs.reduce(0, { $0 + $1.payloadBytes }) <= Store.tripBytesMax else { return nil }
        let checks = (jobs.contains { $0.runAt != nil } ? 1 : 0) + (plain.isEmpty ? 0 : 1)
        let before = checks + (plain.count + Bounds.batchJobsMax - 1) / Bounds.batchJobsMax
        guard let index = error.statementIndex, special.indices.contains(index - before) else { return nil }
        let job = jobs[special[index - before]]
        // The subject stands for both: its row is the one that another producer meets.
        return job.lockedRows.last
    }

    /// Those that touch ledgers, sorted, so that two enqueues take the rows of keys and subjects in one order and can't
    /// deadlock.
    private static func special(_ jobs: [NewJob], isBulk: Bool) -> [Int] {
        jobs.indices.filter { !isBulk || !jobs[$0].isPlain }.sorted {
            jobs[$0].lockOrder < jobs[$1].lockOrder
        }
    }

    /// In one round trip, or a large one in several and one transaction.
    private func enqueue(
        _ jobs: [NewJob], asker: Asker?, isLarge: Bool, in database: LockWaitingDatabase
    ) async throws -> (answers: [Enqueued], queues: Set<String>) {
        guard isLarge else { return try await enqueue(jobs, asker: asker, in: database) }
        return try await database.transaction(within: Store.limit(for: jobs)) {
            try await enqueue(jobs, asker: asker, in: $0)
        }
    }

    /// How long a transaction may take that enqueues these: as over a way of 10 Mbit/s.
    static func limit(for jobs: [NewJob]) -> Duration {
        statementLimit + .seconds(jobs.reduce(0) { $0 + $1.payloadBytes } >> 20)
    }

    /// The same inside a transaction of the caller's. The caller rings `queues` after its commit.
    package func enqueue(
        _ jobs: [NewJob], parent: JobID? = nil, asker: Asker? = nil, in runner: any SQLRunner
    ) async throws -> (answers: [Enqueued], queues: Set<String>) {
        guard !jobs.isEmpty else { return ([], []) }
        guard jobs.count <= Store.enqueueJobsMax else {
            throw StoreError.badRequest(
                "\(jobs.count) jobs at once, and at most \(Store.enqueueJobsMax) are taken")
        }
        for (index, job) in jobs.enumerated() {
            if let fault = job.fault { throw StoreError.badJob(index: index, count: jobs.count, fault) }
        }
        let bytes = jobs.reduce(0) { $0 + $1.payloadBytes }
        guard bytes <= Store.enqueueBytesMax else {
            throw StoreError.badRequest(
                "the jobs have \(bytes) bytes together, and at most \(Store.enqueueBytesMax) are taken at once"
            )
        }
        // A few are cheaper one by one; the bulk statement and its two companions pay from some eight on.
        let isBulk = parent == nil && jobs.count >= Store.bulkMin
        let plain = jobs.indices.filter { isBulk && jobs[$0].isPlain }
        let special = Store.special(jobs, isBulk: isBulk)
        var statements: [SQL] = []
        let timed = jobs.indices.filter { jobs[$0].runAt != nil }
        if !timed.isEmpty { statements.append(requireNear(timed.map { jobs[$0].runAt?.text })) }
        if !plain.isEmpty {
            statements.append("SELECT motorpool.require_kinds(\(Array(Set(jobs.map(\.kind)))))")
        }
        let batches = plain.batches(of: Bounds.batchJobsMax, weighing: Store.tripBytesMax) {
            jobs[$0].payloadBytes
        }
        statements += batches.map { enqueuePlain($0.map { jobs[$0] }, asker) }
        statements += special.map { enqueueSpecial(jobs[$0], parent: parent, asker) }
        if !plain.isEmpty {
            statements.append(
                "SELECT motorpool.admit(kind) FROM motorpool.kinds WHERE limited AND kind = ANY (\(Array(Set(jobs.map(\.kind)))))"
            )
        }
        var rows: [Rows] = []
        do {
            for trip in statements.batches(of: .max, weighing: Store.tripBytesMax, \.payloadBytes) {
                rows += try await runner.run(all: trip, within: statementLimit)
            }
        } catch PostgresError.server(let error) where error.sqlstate == "MP002" {
            // The detail is the place among those that name an instant.
            guard let place = error.detail.flatMap({ Int($0) }), timed.indices.contains(place - 1) else {
                throw PostgresError.server(error)
            }
            throw StoreError.badJob(
                index: timed[place - 1], count: jobs.count,
                FieldFault(field: "run_at", message: error.message))
        } catch PostgresError.server(let error) where error.sqlstate == "MP001" {
            guard let index = jobs.firstIndex(where: { error.message.contains("“\($0.kind)”") }) else {
                throw PostgresError.server(error)
            }
            throw StoreError.unknownKind(
                error.message, hint: error.hint ?? "", index: jobs.count == 1 ? nil : index)
        }
        var answers = [Enqueued?](repeating: nil, count: jobs.count)
        var due = Set<String>()
        var next = (timed.isEmpty ? 0 : 1) + (plain.isEmpty ? 0 : 1)
        for batch in batches {
            for (row, index) in zip(rows[next], batch) {
                answers[index] = Enqueued(verdict: .created, job: JobID(try row.get(0)))
                if let queue = try row.get(1, as: String?.self) { due.insert(queue) }
            }
            next += 1
        }
        for (offset, index) in special.enumerated() {
            guard let row = rows[next + offset].first else {
                throw PostgresError.decoding("put answered no row")
            }
            answers[index] = try Enqueued(row)
            if let queue = try row.get(3, as: String?.self) { due.insert(queue) }
        }
        return (answers.compactMap { $0 }, due)
    }

    /// Refuses instants that lie too far from the database's now.
    private func requireNear(_ instants: [String?]) -> SQL {
        """
        SELECT motorpool.require_near(t::timestamptz, n)
        FROM unnest(\(instants)) WITH ORDINALITY AS a(t, n) ORDER BY n
        """
    }

    /// Many jobs that touch no ledger, by one statement of one shape whatever their number.
    private func enqueuePlain(_ jobs: [NewJob], _ asker: Asker?) -> SQL {
        let insert = insertPlain(jobs)
        guard let asker, let caller = asker.caller else {
            return "\(insert.lead) \(insert.rest)"
        }
        return """
            \(insert.lead), made AS (\(insert.rest)), asked_for AS (
                INSERT INTO motorpool.askers (job, caller, made) SELECT id, \(caller), \(asker.owns) FROM made)
            SELECT id, due FROM made
            """
    }

    private func insertPlain(_ jobs: [NewJob]) -> (lead: SQL, rest: SQL) {
        let lead: SQL = """
            WITH asked AS (
                SELECT a.*, k.queue AS kind_queue, k.priority AS kind_priority, k.keep AS kind_keep,
                    motorpool.limited_by(k, a.limit_key) AS limited_by
                FROM unnest(\(jobs.map(\.kind)), \(jobs.map { $0.queue }), \(jobs.map { $0.priority.map { Int64($0.rawValue) } }),
                            \(jobs.map { $0.delay?.inSeconds }), \(jobs.map { $0.runAt?.text }), \(jobs.map { $0.attemptsMax.map(Int64.init) }),
                            \(jobs.map(\.keep)), \(jobs.map(\.limitKey)), \(PostgresValue.jsonArray(jobs.map { $0.args.bytes })),
                            \(PostgresValue.jsonArray(jobs.map { $0.meta?.bytes })))
                     WITH ORDINALITY AS a(kind, queue, priority, delay, instant, attempts_max, keep, limit_key, args, meta, n)
                JOIN motorpool.kinds k ON k.kind = a.kind
                ORDER BY n
            ), named AS (
                SELECT nextval('motorpool.seq') AS id, motorpool.due(delay, instant::timestamptz) AS due, * FROM asked
            )
            """
        let rest: SQL = """
            INSERT INTO motorpool.jobs (id, seq, patient_from, run_at, state, held, level, priority, attempts_max, keep, queue, kind,
                                        limit_key, args, meta)
            SELECT id, id, coalesce(due, now()), due,
                CASE WHEN due > now() THEN 2 WHEN limited_by IS NOT NULL THEN 3 ELSE 0 END,
                CASE WHEN limited_by IS NOT NULL AND (due > now()) IS NOT TRUE THEN 1 END,
                coalesce(priority, kind_priority) * 2 + 1, coalesce(priority, kind_priority), attempts_max,
                keep OR kind_keep, coalesce(queue, kind_queue), kind,
                limited_by, args, meta
            FROM named RETURNING id, CASE WHEN state <> 2 THEN queue END AS due
            """
        return (lead, rest)
    }

    private func enqueueSpecial(_ job: NewJob, parent: JobID?, _ asker: Asker?) -> SQL {
        let put = put(job, parent: parent)
        guard let asker, let caller = asker.caller else { return put }
        return """
            WITH answer AS (\(put)), asked_for AS (
                INSERT INTO motorpool.askers (job, caller, made) SELECT job, \(caller), \(asker.owns) AND verdict = 'created'
                FROM answer WHERE verdict IN ('created', 'joined', 'again', 'duplicate') ON CONFLICT (job, caller) DO NOTHING)
            SELECT job, verdict, cools_for, ring FROM answer
            """
    }

    private func put(_ job: NewJob, parent: JobID?) -> SQL {
        """
        SELECT job, verdict, cools_for, ring FROM motorpool.put(\(job.kind), \(PostgresValue.json(job.args.bytes)),
            \(job.subject), \(job.keyScope), \(job.key), \(job.delay?.inSeconds), \(job.priority?.rawValue), \(job.queue),
            \(job.limitKey), \(parent?.number), \(job.attemptsMax.map { Int16(clamping: $0) }), \(job.keep),
            \(job.meta.map { PostgresValue.json($0.bytes) } ?? .null), false, true, (\(job.runAt?.text)::text)::timestamptz)
        """
    }
}

extension NewJob {
    /// Touches neither the subjects nor the keys.
    var isPlain: Bool { subject == nil && key == nil }

    /// What the job is heavy with.
    package var payloadBytes: Int { args.bytes.count + (meta?.bytes.count ?? 0) }

    var lockOrder: (String, String, String, String) { (keyScope, key ?? "", kind, subject ?? "") }
}

extension Enqueued {
    init(_ row: Row) throws {
        let word: String = try row.get(1)
        guard let verdict = Verdict(rawValue: word) else {
            throw PostgresError.decoding("unknown verdict \(word)")
        }
        let cools: Double? = try row.get(2)
        self.init(verdict: verdict, job: JobID(try row.get(0)), coolsFor: cools.map { .seconds($0) })
    }
}

extension Array {
    /// Consecutive slices of at most `size` elements that weigh at most `weightMax` together, or have one element.
    func batches(of size: Int, weighing weightMax: Int, _ weight: (Element) -> Int) -> [[Element]] {
        var batches: [[Element]] = []
        var batch: [Element] = []
        var together = 0
        for element in self {
            let own = weight(element)
            if !batch.isEmpty, batch.count == size || together + own > weightMax {
                batches.append(batch)
                (batch, together) = ([], 0)
            }
            batch.append(element)
            together += own
        }
        if !batch.isEmpty { batches.append(batch) }
        return batches
    }
}

extension SQL {
    /// Bytes of the JSON among its parameters.
    fileprivate var payloadBytes: Int {
        values.reduce(0) { sum, value in
            switch value {
            case .json(let bytes): sum + bytes.count
            case .jsonArray(let parts): sum + parts.reduce(0) { $0 + ($1?.count ?? 0) }
            default: sum
            }
        }
    }
}
