import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("A report")
struct LookTests {
    private func reason(_ desk: Desk, _ job: JobID) async throws -> String? {
        try await desk.store.job(job)?.reason
    }

    private func told(_ desk: Desk, _ instant: SQL) async throws -> String {
        try await desk.value("SELECT motorpool.told(\(instant))")
    }

    @Test("of a job that never was is none")
    func unknown() async throws {
        try await withDesk { desk in
            let report = try await desk.store.job(JobID(4711))
            #expect(report?.id == nil)
        }
    }

    @Test("says when a job is due, and which attempt that is")
    func due() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let job = try await desk.store.enqueue(NewJob("note", delay: .seconds(100))).job
            let at = try await told(desk, "(SELECT run_at FROM motorpool.jobs WHERE id = \(job.number))")
            #expect(try await reason(desk, job) == "due at \(at)")
            let failed = try await desk.running(by: worker)
            #expect(try await reason(desk, failed.id) == nil)
            #expect(try await desk.settle(failed, .retry(after: .seconds(50), error: "x")))
            let again = try await told(
                desk, "(SELECT run_at FROM motorpool.jobs WHERE id = \(failed.id.number))")
            #expect(try await reason(desk, failed.id) == "attempt 2 due at \(again)")
        }
    }

    @Test("says who paused the queue, and since when")
    func paused() async throws {
        try await withDesk { desk in
            let job = try await desk.store.enqueue(NewJob("note")).job
            try await desk.store.pause(queue: "default", by: ann)
            let since = try await told(desk, "(SELECT paused_at FROM motorpool.queues)")
            #expect(try await reason(desk, job) == "queue default paused by ann since \(since)")
        }
    }

    @Test(
        "says that no live worker takes it: no worker, a dead one, a draining one, one of another kind or queue"
    )
    func noWorker() async throws {
        try await withDesk { desk in
            let job = try await desk.store.enqueue(NewJob("note")).job
            let unknown = "no live worker knows this kind"
            #expect(try await reason(desk, job) == unknown)
            _ = try await desk.worker(lease: -1)
            _ = try await desk.worker(queues: ["other"], kinds: ["other"])
            let draining = try await desk.worker()
            try await desk.store.database.run(Lease.renew(draining, seconds: 60, draining: true, stats: "{}"))
            #expect(try await reason(desk, job) == unknown)
            _ = try await desk.worker(queues: ["side"])
            #expect(try await reason(desk, job) == "no live worker takes jobs from queue default")
            _ = try await desk.worker(kinds: ["other"])
            #expect(
                try await reason(desk, job)
                    == "no live worker that takes jobs from queue default knows this kind")
            _ = try await desk.worker()
            #expect(try await reason(desk, job) == "next in line of queue default")
        }
    }

    @Test("says who holds the places under a limit", arguments: [true, false])
    func limited(isPerKey: Bool) async throws {
        let kind = Definition {
            $0.limitPerKey = isPerKey ? 2 : nil
            $0.limit = isPerKey ? nil : 2
        }
        try await withDesk([kind]) { desk in
            _ = try await desk.worker()
            let jobs = try await desk.store.enqueue(
                [NewJob](repeating: NewJob("note", limitKey: "X"), count: 3)
            )
            .map(\.job)
            let what = isPerKey ? "key X" : "kind note"
            #expect(
                try await reason(desk, jobs[2])
                    == "limit 2 of 2 on \(what) held by jobs \(jobs[0]) and \(jobs[1])")
        }
    }

    @Test("names at most five of the holders")
    func manyHolders() async throws {
        try await withDesk([Definition { $0.limit = 7 }]) { desk in
            _ = try await desk.worker()
            let jobs = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 8)).map(\.job)
            let named = jobs[..<4].map { "\($0)" }.joined(separator: ", ") + " and \(jobs[4])"
            #expect(try await reason(desk, jobs[7]) == "limit 7 of 7 on kind note held by jobs \(named)")
        }
    }

    @Test("says until when a rate holds a job back, admitted or not")
    func rate() async throws {
        try await withDesk([Definition { $0.rate = Rate(count: 2, per: .seconds(3)) }]) { desk in
            _ = try await desk.worker()
            let jobs = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 2)).map(\.job)
            #expect(try await desk.state(of: jobs[1]) == .held)
            #expect(try await reason(desk, jobs[1])?.hasPrefix("rate limit until 2") == true)
        }
        try await withDesk([Definition { $0.rate = Rate(count: 2, per: .seconds(1)) }]) { desk in
            let jobs = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 2)).map(\.job)
            #expect(try await desk.state(of: jobs[1]) == .scheduled)
            let at = try await told(desk, "(SELECT run_at FROM motorpool.jobs WHERE id = \(jobs[1].number))")
            #expect(try await reason(desk, jobs[1]) == "rate limit until \(at)")
        }
    }

    @Test("says for how many children a parent waits")
    func children() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let parent = try await desk.running(by: worker)
            try await desk.store.settle(
                parent.token, as: .wait(step: 1), enqueueing: [NewJob](repeating: NewJob("note"), count: 3))
            #expect(try await reason(desk, parent.id) == "waiting for 3 children")
            let children = try await desk.claim(by: worker)
            #expect(try await desk.store.job(children[0].id)?.parent == parent.id)
            for child in children[..<2] { try await desk.finish(child) }
            #expect(try await reason(desk, parent.id) == "waiting for 1 child")
        }
    }

    @Test("says how many stand in front, up to 10,000")
    func inLine() async throws {
        try await withDesk { desk in
            _ = try await desk.worker()
            let first = try await desk.store.enqueue(NewJob("note")).job
            let second = try await desk.store.enqueue(NewJob("note")).job
            let third = try await desk.store.enqueue(NewJob("note")).job
            _ = try await desk.store.enqueue(NewJob("note", priority: .low))
            _ = try await desk.store.enqueue(NewJob("note", queue: "side"))
            #expect(try await reason(desk, first) == "next in line of queue default")
            #expect(try await reason(desk, second) == "in line behind 1 job of queue default")
            #expect(try await reason(desk, third) == "in line behind 2 jobs of queue default")
            try await desk.store.database.run(
                """
                INSERT INTO motorpool.jobs (id, seq, state, level, priority, keep, queue, kind, args)
                SELECT 100000 + n, n, 0, 1, 0, true, 'default', 'note', '{}' FROM generate_series(1, 10001) n
                """)
            #expect(try await reason(desk, third) == "in line behind 10,000+ jobs of queue default")
        }
    }

    @Test("says of a suspect how many crashes it met and how many run before it, of its queue alone")
    func suspect() async throws {
        try await withDesk { desk in
            let ids = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 5)).map(\.job)
            let ordinary = ids[4]
            let elsewhere = try await desk.store.enqueue(NewJob("note", queue: "other")).job
            let worker = try await desk.worker(queues: ["default", "other"])
            try await desk.becomesSuspect(Array(ids[0..<4]))
            try await desk.store.database.run("UPDATE motorpool.jobs SET seq = id WHERE level = -1")
            try await desk.store.database.run(
                """
                UPDATE motorpool.jobs SET level = -1, deaths = '{7,8,9}', seq = 0 WHERE id = \(elsewhere.number)
                """)
            let live = "recovered after 2 worker crashes; waiting to run alone"
            #expect(try await reason(desk, ids[0]) == "\(live) (next)")
            #expect(try await reason(desk, ids[3]) == "\(live) (3 ahead)")
            #expect(
                try await reason(desk, elsewhere)
                    == "recovered after 3 worker crashes; waiting to run alone (next)")
            // One that runs is ahead of those that wait.
            #expect(try await desk.claim(1, by: worker, levels: [.suspect]).map(\.id) == [ids[0]])
            #expect(try await reason(desk, ids[1]) == "\(live) (1 ahead)")
            #expect(try await reason(desk, ordinary) == "next in line of queue default")
            try await desk.store.database.run(
                "UPDATE motorpool.jobs SET level = -2 WHERE id = \(ids[3].number)")
            #expect(
                try await reason(desk, ids[3])
                    == "recovered after 2 worker crashes; waiting to run as the only recovered job of its process (1 ahead)"
            )
        }
    }

    @Test("drops the progress of a run whose worker died as soon as the job waits again")
    func oldProgress() async throws {
        try await withDesk { desk in
            let dead = try await desk.worker()
            let job = try await desk.running(by: dead)
            try await desk.store.report(job.token, phase: "sleeping", done: 2, total: 10)
            try await desk.expire(dead)
            _ = try await desk.store.rescue()
            let report = try #require(try await desk.store.job(job.id))
            #expect(report.state == .waiting && report.phase == nil && report.done == nil)
            let line = try #require(try await desk.store.search(JobSearch()).jobs.first)
            #expect(line.phase == nil && line.reason != nil)
        }
    }

    @Test("tells a running job's progress and worker, and drops the progress of a run that is over")
    func progress() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let job = try await desk.running(by: worker)
            try await desk.store.report(job.token, phase: "unpacking", done: 3, total: 10)
            try await desk.store.report(job.token, phase: "packing", done: 4, total: 10)
            let report = try #require(try await desk.store.job(job.id))
            #expect(report.state == .running && report.worker == "tester")
            #expect(report.phase == "packing" && report.done == 4 && report.total == 10)
            _ = try await desk.store.handBack([job.token], of: worker)
            try await desk.store.report(job.token, phase: "late", done: 9, total: 10)
            _ = try await desk.claim(by: worker)
            #expect(try await desk.store.job(job.id)?.phase == nil)
        }
    }

    @Test("of many jobs is newest first, filtered, paged and bounded")
    func lists() async throws {
        try await withDesk([Definition(kind: "note"), Definition(kind: "mod")]) { desk in
            let worker = try await desk.worker()
            let done = try await desk.running(NewJob("note", subject: "done"), by: worker)
            try await desk.finish(done)
            let dead = try await desk.running(NewJob("mod"), by: worker)
            #expect(try await desk.settle(dead, .die(reason: .forGood, error: "x")))
            let cancelled = try await desk.store.enqueue(NewJob("note")).job
            _ = try await desk.store.cancel(cancelled, reason: "x")
            let running = try await desk.running(NewJob("note", queue: "side"), by: worker).id
            let waiting = try await desk.store.enqueue(NewJob("mod")).job
            let filters: [(JobFilter, [JobID])] = [
                (JobFilter(), [waiting, running, cancelled, dead.id, done.id]),
                (JobFilter { $0.state = .waiting }, [waiting]),
                (JobFilter { $0.state = .running }, [running]),
                (JobFilter { $0.state = .cancelled }, [cancelled]),
                (JobFilter { $0.state = .dead }, [dead.id]),
                (JobFilter { $0.state = .done }, [done.id]),
                (JobFilter { $0.kind = "mod" }, [waiting, dead.id]),
                (JobFilter { $0.queue = "side" }, [running]), (JobFilter { $0.subject = "done" }, [done.id]),
                (JobFilter { $0.limit = 2 }, [waiting, running]),
                (JobFilter { ($0.limit, $0.before) = (2, running) }, [cancelled, dead.id]),
                (JobFilter { $0.kind = "nope" }, []),
            ]
            for (filter, jobs) in filters {
                let found = try await desk.store.jobs(filter).map(\.id)
                #expect(found == jobs, "\(filter)")
            }
        }
    }

    @Test("of depths counts each state of each queue, exactly up to 10,000")
    func depths() async throws {
        try await withDesk([Definition { $0.limitPerKey = 1 }]) { desk in
            let worker = try await desk.worker()
            _ = try await desk.running(by: worker)
            _ = try await desk.store.enqueue([
                NewJob("note"), NewJob("note"), NewJob("note", delay: .seconds(60)),
                NewJob("note", limitKey: "k"),
                NewJob("note", limitKey: "k"),
            ])
            let (depths, more) = try await desk.store.depths()
            #expect(more == 0)
            let words = depths.map { "\($0.queue) \($0.state) \($0.count) \($0.isMore)" }
            #expect(
                words == [
                    "default held 1 false", "default ready 3 false", "default running 1 false",
                    "default scheduled 1 false",
                ])
            try await desk.store.database.run(
                """
                INSERT INTO motorpool.jobs (id, seq, state, level, priority, keep, queue, kind, args)
                SELECT 100000 + n, n, 0, 5, 2, true, 'default', 'note', '{}' FROM generate_series(1, 10001) n
                """)
            let ready = try #require(try await desk.store.depths().depths.first { $0.state == "ready" })
            #expect(ready.count == 10_000 && ready.isMore)
        }
    }
}

extension JobFilter {
    /// A filter in one expression.
    fileprivate init(_ set: (inout JobFilter) -> Void) {
        self.init()
        set(&self)
    }
}
