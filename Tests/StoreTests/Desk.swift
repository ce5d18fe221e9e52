import Jobs
import Postgres
import Store
import TestSupport
import Testing

/// Who acts by hand in these tests, unless it matters.
let ann = Operator(name: "ann")

/// A store on a database of its own, and the hands of a worker that has no farm around it.
struct Desk: Sendable {
    let database: TestDatabase
    let store: Store

    /// Enters a worker whose lease ends in so many seconds; a negative number is one that has ended.
    func worker(
        lease: Double = 60, queues: [String] = ["default"], kinds: [String] = ["note"]
    ) async throws -> WorkerID {
        let rows = try await store.database.run(
            Lease.register(name: "tester", queues: queues, kinds: kinds, seconds: lease))
        return WorkerID(try rows[0].get(0))
    }

    func claim(
        _ limit: Int = 100, by worker: WorkerID, queue: String = "default", kinds: [String]? = nil,
        levels: [Level] = Level.ordinary
    ) async throws -> [ClaimedJob] {
        try await claim(limit, by: worker, queue: queue, kinds: kinds, behind: Watermarks(levels: levels))
    }

    func claim(
        _ limit: Int, by worker: WorkerID, queue: String = "default", kinds: [String]? = nil,
        behind watermarks: Watermarks
    ) async throws -> [ClaimedJob] {
        let all: [String] = try await column("SELECT kind FROM motorpool.kinds ORDER BY kind")
        let claim = Claim(
            queue: queue, kinds: kinds ?? all, worker: worker, limit: limit, watermarks: watermarks)
        return try await store.settle(plain: [], andClaim: claim).jobs
    }

    /// Enqueues and claims one job.
    func running(_ job: NewJob = NewJob("note"), by worker: WorkerID) async throws -> ClaimedJob {
        let id = try await store.enqueue(job).job
        let jobs = try await claim(by: worker, queue: job.queue ?? "default")
        guard let claimed = jobs.first(where: { $0.id == id }) else {
            throw Missing(description: "job \(id) was not claimed")
        }
        return claimed
    }

    func settle(_ job: ClaimedJob, _ settlement: Settlement) async throws -> Bool {
        try await store.settle([(job.token, settlement)])[0]
    }

    func finish(_ job: ClaimedJob) async throws {
        guard try await settle(job, .finish(result: nil)) else {
            throw Missing(description: "job \(job.id) could not be finished")
        }
    }

    /// As if the time of everything scheduled had come.
    func comeDue() async throws {
        try await store.database.run(
            "UPDATE motorpool.jobs SET run_at = now() - interval '1 second' WHERE state = 2")
        _ = try await store.moveDue(batch: 1000)
    }

    func expire(_ worker: WorkerID) async throws {
        try await store.database.run(
            "UPDATE motorpool.workers SET lease_until = now() - interval '1 second' WHERE id = \(worker.number)"
        )
    }

    /// Claims these by a worker of its own, which dies and is rescued.
    /// - Parameter begun: those that its lanes had begun and noted.
    /// - Returns: those that it held.
    @discardableResult
    func dies(holding ids: [JobID], begun: Set<JobID> = []) async throws -> [JobID] {
        let worker = try await worker()
        let levels = [Level.loneSuspect, .suspect] + Level.ordinary
        var held = try await claim(1000, by: worker, levels: levels)
        let others = held.filter { !ids.contains($0.id) }
        _ = try await store.handBack(others.map(\.token), of: worker)
        held.removeAll { !ids.contains($0.id) }
        for job in held where begun.contains(job.id) { try await store.begin(job.token) }
        try await expire(worker)
        #expect(try await store.rescue().count == 1)
        return held.map(\.id)
    }

    /// Two workers die while they run these.
    func becomesSuspect(_ ids: [JobID]) async throws {
        try await dies(holding: ids)
        try await dies(holding: ids, begun: Set(ids))
    }

    /// As a lane begins what runs.
    func begin(_ job: JobID) async throws {
        try await store.begin(
            RunToken(
                job: job, run: try await value("SELECT run FROM motorpool.jobs WHERE id = \(job.number)")))
    }

    /// How often live jobs are charged with the death of a worker.
    func charges() async throws -> Int {
        try await value("SELECT coalesce(sum(recoveries), 0)::bigint FROM motorpool.jobs")
    }

    func state(of job: JobID) async throws -> JobState? {
        let raw: [Int16] = try await column("SELECT state FROM motorpool.jobs WHERE id = \(job.number)")
        return raw.first.flatMap(JobState.init(rawValue:))
    }

    func told(_ job: JobID) async throws -> ToldState? { try await store.job(job)?.state }

    /// The first column of an answer.
    func column<T: PostgresDecodable>(_ sql: SQL) async throws -> [T] {
        try await store.database.run(sql).map { try $0.get(0) }
    }

    func value<T: PostgresDecodable>(_ sql: SQL) async throws -> T {
        guard let row = try await store.database.run(sql).first else {
            throw Missing(description: "no row: \(sql.text)")
        }
        return try row.get(0)
    }

    func count(_ table: String) async throws -> Int {
        try await value("SELECT count(*) FROM motorpool.\(pasting: table)")
    }

    /// Everything the queue holds, as text: what must not change when a statement refuses.
    func everything() async throws -> String {
        try await value(
            """
            SELECT concat((SELECT json_agg(j ORDER BY id) FROM motorpool.jobs j), (SELECT json_agg(d ORDER BY id) FROM motorpool.dead d),
                (SELECT json_agg(h ORDER BY id) FROM motorpool.history h),
                (SELECT json_agg(s ORDER BY kind, subject) FROM motorpool.subjects s),
                (SELECT json_agg(k ORDER BY scope, key) FROM motorpool.keys k))
            """)
    }
}

struct Missing: Error, CustomStringConvertible {
    let description: String
}

private let turnstile = Turnstile(8)

/// Lends a desk on which `definitions` are published; without any, a kind `note` with nothing special.
func withDesk(
    _ definitions: [Definition] = [Definition(kind: "note")], pooled: Bool = false,
    _ body: (Desk) async throws -> Void
) async throws {
    try await turnstile.pass {
        try await withMigratedDatabase {
            try await migrate($0)
        } _: { database in
            var settings = database.settings
            settings.pooled = pooled
            let store = Store(settings)
            do {
                try await store.publish(Definitions(definitions))
                try await body(Desk(database: database, store: store))
            } catch {
                await store.close()
                throw error
            }
            await store.close()
        }
    }
}

private func migrate(_ settings: ConnectionSettings) async throws {
    _ = try await Schema.migrator.migrate(settings)
}

/// What `body` throws; `nil` when it does not.
func caught(_ body: () async throws -> Void) async -> (any Error)? {
    do {
        try await body()
        return nil
    } catch {
        return error
    }
}

/// The sentence of a refusal that a stranger can act on.
func badRequest(_ error: (any Error)?) -> String? {
    switch error {
    case StoreError.badRequest(let sentence)?: sentence
    case StoreError.badJob(_, _, let fault)?: fault.message
    default: nil
    }
}

extension Definition {
    /// A definition in one expression.
    init(_ kind: String = "note", _ set: (inout Definition) -> Void) {
        self.init(kind: kind)
        set(&self)
    }
}
