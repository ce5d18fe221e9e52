import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("A claim")
struct ClaimTests {
    @Test("by a worker without a lease gives nothing: unknown, ended, or rescued")
    func noLease() async throws {
        try await withDesk { desk in
            _ = try await desk.store.enqueue(NewJob("note"))
            let ended = try await desk.worker(lease: -1)
            #expect(try await desk.claim(by: ended).isEmpty)
            #expect(try await desk.claim(by: WorkerID(999_999)).isEmpty)
            _ = try await desk.store.rescue()
            #expect(try await desk.claim(by: ended).isEmpty)
            let live = try await desk.worker()
            #expect(try await desk.claim(by: live).count == 1)
        }
    }

    @Test("from a paused queue gives nothing, from the others everything, and after the pause as well")
    func paused() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            _ = try await desk.store.enqueue([NewJob("note"), NewJob("note", queue: "side")])
            try await desk.store.pause(queue: "default", by: ann)
            #expect(try await desk.claim(by: worker).isEmpty)
            #expect(try await desk.claim(by: worker, queue: "side").count == 1)
            #expect(try await desk.store.resume(queue: "default", by: ann))
            #expect(try await desk.claim(by: worker).count == 1)
        }
    }

    @Test("leaves kinds alone that its worker does not know")
    func unknownKinds() async throws {
        try await withDesk([Definition(kind: "note"), Definition(kind: "newer")]) { desk in
            let worker = try await desk.worker()
            _ = try await desk.store.enqueue([NewJob("newer"), NewJob("note"), NewJob("newer")])
            #expect(try await desk.claim(by: worker, kinds: ["note"]).map(\.kind) == ["note"])
            #expect(try await desk.claim(by: worker, kinds: []).isEmpty)
            #expect(try await desk.claim(by: worker, kinds: ["newer"]).count == 2)
        }
    }

    @Test("takes at most its limit, over all levels together, and locks no more")
    func limit() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            _ = try await desk.store.enqueue(
                Priority.allCases.flatMap { [NewJob](repeating: NewJob("note", priority: $0), count: 5) })
            #expect(try await desk.claim(7, by: worker).map(\.level.rawValue) == [1, 1, 1, 1, 1, 3, 3])
            #expect(try await desk.claim(100, by: worker).count == 13)
        }
    }

    @Test("takes the urgent first, and returning ones before fresh ones of their priority")
    func order() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            var retried: [JobID: String] = [:]
            for priority in [Priority.low, .normal, .urgent] {
                let job = try await desk.running(NewJob("note", priority: priority), by: worker)
                #expect(try await desk.settle(job, .retry(after: .zero, error: "x")))
                retried[job.id] = "returning \(priority)"
            }
            try await desk.comeDue()
            var names = retried
            for priority in [Priority.low, .normal, .high, .urgent] {
                names[try await desk.store.enqueue(NewJob("note", priority: priority)).job] =
                    "fresh \(priority)"
            }
            let order = try await desk.claim(by: worker).map { names[$0.id] ?? "?" }
            #expect(
                order == [
                    "returning urgent", "fresh urgent", "fresh high", "returning normal", "fresh normal",
                    "returning low",
                    "fresh low",
                ])
        }
    }

    @Test("takes equals in the order in which they came")
    func fifo() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let ids = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 300)).map(\.job)
            var claimed: [JobID] = []
            for _ in 0..<3 { claimed += try await desk.claim(100, by: worker).map(\.id) }
            #expect(claimed == ids)
        }
    }

    @Test("by two workers at once never gives both the same")
    func disjoint() async throws {
        try await withDesk { desk in
            _ = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 2000))
            let workers = [try await desk.worker(), try await desk.worker()]
            let claimed = try await withThrowingTaskGroup(of: [JobID].self) { group in
                for worker in workers {
                    group.addTask {
                        var mine: [JobID] = []
                        while true {
                            let jobs = try await desk.claim(37, by: worker)
                            if jobs.isEmpty { return mine }
                            mine += jobs.map(\.id)
                        }
                    }
                }
                return try await group.reduce(into: [[JobID]]()) { $0.append($1) }
            }
            // A claim may come back empty while the other holds the last ones locked; none is ever given twice.
            #expect(Set(claimed.joined()).count == claimed.joined().count)
            #expect(claimed.joined().count == 2000)
        }
    }

    @Test("grows the run with every claim, and says what the run has behind it")
    func facts() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let request = NewJob("note", args: "[1]", subject: "s", attemptsMax: 7, meta: "{}")
            let first = try await desk.running(request, by: worker)
            #expect(first.token.run == 1 && first.failures == 0 && first.step == 0 && first.attemptsMax == 7)
            #expect(first.subject == "s" && first.args == "[1]" && first.meta == "{}")
            #expect(!first.isPlain && first.isKept)
            #expect(first.age >= .zero && first.age < .seconds(30) && first.waited <= first.age)
            #expect(try await desk.settle(first, .retry(after: .zero, error: "x")))
            try await desk.comeDue()
            let second = try await desk.claim(by: worker)[0]
            #expect(second.token.run == 2 && second.failures == 1)
            #expect(second.level == .returning(.normal))
        }
    }

    @Test("counts the age of a delayed job from its due time, and of a retried one from its retry")
    func age() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let delayed = try await desk.store.enqueue(NewJob("note", delay: .seconds(3600))).job
            try await desk.store.database.run(
                "UPDATE motorpool.jobs SET created_at = now() - interval '1 hour', patient_from = now(), run_at = now() WHERE id = \(delayed.number)"
            )
            _ = try await desk.store.moveDue(batch: 10)
            let job = try await desk.claim(by: worker)[0]
            // A budget of less than the delay ends the job at its first failure.
            #expect(job.age < .seconds(60))
            #expect(try await desk.settle(job, .die(reason: .attempts, error: "x")))
            try await desk.store.database.run(
                "UPDATE motorpool.dead SET created_at = now() - interval '1 day'")
            #expect(try await desk.store.retry(delayed, by: ann) == .retried)
            let retried = try await desk.claim(by: worker)[0]
            #expect(retried.age < .seconds(60))
        }
    }

    @Test("begins behind its watermark; a sweep finds what was committed late")
    func lateCommit() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            var marks = Watermarks()
            let late = try await desk.store.database.transaction { tx in
                let (answers, _) = try await desk.store.enqueue([NewJob("note")], in: tx)
                _ = try await desk.store.enqueue([NewJob("note"), NewJob("note")])
                let jobs = try await desk.claim(10, by: worker, behind: marks)
                #expect(jobs.count == 2)
                for job in jobs { marks.advance(over: job) }
                return answers[0].job
            }
            #expect(try await desk.claim(10, by: worker, behind: marks).isEmpty)
            let newest = try await desk.store.enqueue(NewJob("note")).job
            let beyond = try await desk.claim(10, by: worker, behind: marks)
            #expect(beyond.map(\.id) == [newest])
            marks.sweep()
            #expect(try await desk.claim(10, by: worker, behind: marks).map(\.id) == [late])
        }
    }

    @Test("goes by the index from the watermark on, with 100,000 rows in line")
    func plan() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            try await desk.store.database.run(
                """
                INSERT INTO motorpool.jobs (id, seq, state, level, priority, keep, queue, kind, args)
                SELECT n, n, 0, 5, 2, true, 'default', 'note', '{}' FROM generate_series(1, 100000) n
                """)
            try await desk.store.database.run("ANALYZE motorpool.jobs")
            // What the claim reads is what the index was asked for: counted by the server, not read out of a plan.
            var marks = Watermarks()
            for job in try await desk.claim(1000, by: worker, behind: marks) { marks.advance(over: job) }
            let lines: [String] = try await explain(desk, worker, behind: marks)
            let scan = try #require(lines.firstIndex { $0.contains("jobs_ready") }, "\(lines)")
            let condition = try #require(lines[scan...].first { $0.contains("Index Cond") })
            for column in ["queue =", "level =", "seq >"] { #expect(condition.contains(column)) }
            #expect(!lines.contains { $0.contains("Seq Scan on jobs") })
            let removed = lines.filter { $0.contains("Rows Removed by Filter") }
            #expect(removed.isEmpty, "\(removed)")
        }
    }

    /// The plan of the very statement that the store sends, as the server logged it for a session with the store's
    /// settings.
    private func explain(_ desk: Desk, _ worker: WorkerID, behind marks: Watermarks) async throws -> [String]
    {
        var settings = desk.database.settings
        settings.sessionSetup = [
            "SET enable_seqscan = off", "SET enable_hashjoin = off", "SET enable_mergejoin = off",
            "SET enable_bitmapscan = off", "SET plan_cache_mode = force_generic_plan", "SET jit = off",
        ]
        let database = Database(settings, connectionsMax: 1)
        let store = Store(settings)
        let claim = Claim(queue: "default", kinds: ["note"], worker: worker, limit: 10, watermarks: marks)
        let rows = try await database.run("EXPLAIN (ANALYZE, COSTS OFF) \(store.claimReady(claim))")
        await database.close()
        await store.close()
        return try rows.map { try $0.get(0) }
    }

    @Test("of nothing with nothing to settle asks nothing")
    func nothing() async throws {
        try await withDesk { desk in
            let answer = try await desk.store.settle(plain: [], andClaim: nil)
            #expect(answer.jobs.isEmpty && answer.stale == 0)
        }
    }
}
