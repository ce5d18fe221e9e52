import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("A queue")
struct QueueTests {
    @Test("R5: that no live worker takes from is counted, named as the reason, and told as unworked")
    func nobodyWorks() async throws {
        try await withDesk { desk in
            _ = try await desk.worker()
            let job = try await desk.store.enqueue([
                NewJob("note", queue: "trail"), NewJob("note", queue: "trail"),
                NewJob("note", delay: .seconds(60), queue: "later"), NewJob("note"),
            ])[0].job
            let depths = try await desk.store.depths().depths.map { "\($0.queue) \($0.state) \($0.count)" }
            #expect(depths == ["default ready 1", "later scheduled 1", "trail ready 2"])
            #expect(try await desk.store.job(job)?.reason == "no live worker takes jobs from queue trail")
            let (unworked, more) = try await desk.store.unworked(most: 20)
            #expect(unworked.map(words) == ["trail: 2 of any kind", "later: 1 of any kind"])
            #expect(more == 0)
            #expect(try await desk.store.queueNames() == ["default", "trail"])
            let standing = try #require(try await desk.store.queue(named: "trail"))
            #expect(standing.ready == BoundedCount(2) && standing.workers == 0)
            #expect(try await desk.store.queue(named: "nowhere") == nil)
        }
    }

    @Test("R5: whose workers know other kinds is told by kind")
    func otherKinds() async throws {
        try await withDesk([Definition(kind: "note"), Definition(kind: "other")]) { desk in
            _ = try await desk.worker()
            _ = try await desk.store.enqueue([NewJob("note"), NewJob("other")])
            #expect(
                try await desk.store.unworked(most: 20).jobs.map(words) == ["default: 1 of other"])
        }
    }

    @Test("is one of 5,000: the largest are told, the others are counted, within seconds")
    func thousands() async throws {
        try await withDesk { desk in
            _ = try await desk.worker()
            try await fill(desk, queues: 5000)
            // Paused queues without a job, and one that is large.
            try await desk.store.database.run(
                "INSERT INTO motorpool.queues (name, paused_at) SELECT 'p' || n, now() FROM generate_series(1, 300) n"
            )
            try await fill(desk, queues: 1, jobs: 500, called: "z")
            let began = ContinuousClock.now
            let (depths, more) = try await desk.store.depths(most: 100)
            #expect(Set(depths.map(\.queue)).count == 100 && more == 4901)
            #expect(depths.contains { $0.queue == "z1" && $0.count == 399 && $0.isMore })
            let (queues, left) = try await desk.store.queues(most: 100)
            #expect(queues.count == 100 && left == 4901 + 300 + 1)
            let (unworked, others) = try await desk.store.unworked(most: 20)
            #expect(unworked.count == 20 && unworked[0].queue == "z1" && others == 4981)
            let (paused, pausedMore) = try await desk.store.pausedQueues(most: 20)
            #expect(paused.count == 20 && pausedMore == 280)
            #expect(try await desk.store.takeSample())
            #expect(try await desk.store.samples().count == 200)
            #expect(ContinuousClock.now - began < .seconds(5))
        }
    }

    @Test("that is paused without a job is told before queues without anything")
    func pausedFirst() async throws {
        try await withDesk((1...5).map { index in Definition("k\(index)") { $0.queue = "a\(index)" } }) {
            desk in
            try await desk.store.pause(queue: "zero", by: ann)
            let (queues, more) = try await desk.store.queues(most: 3)
            #expect(queues.map(\.name) == ["a1", "a2", "zero"] && more == 3)
        }
    }

    @Test("whose next job is locked by another session says so, in line, held and overdue", arguments: 0...2)
    func locked(place: Int) async throws {
        let limited = Definition("note") { $0.limit = place == 1 ? 5 : nil }
        try await withDesk([limited]) { desk in
            _ = try await desk.worker()
            let job = try await desk.store.enqueue(
                NewJob("note", delay: place == 2 ? .seconds(60) : nil)
            ).job
            if place == 1 {
                try await desk.store.database.run(
                    "UPDATE motorpool.jobs SET state = 3, held = 1, admitted = false WHERE id = \(job.number)"
                )
            } else if place == 2 {
                try await desk.store.database.run(
                    "UPDATE motorpool.jobs SET run_at = now() - interval '5 seconds' WHERE id = \(job.number)"
                )
            }
            let free = try #require(try await desk.store.job(job)?.reason)
            #expect(!free.contains("locked"))
            try await desk.store.database.transaction { tx in
                let pid: Int32 = try await tx.run(
                    "SELECT pg_backend_pid() FROM motorpool.jobs WHERE id = \(job.number) FOR UPDATE")[0].get(
                        0)
                #expect(
                    try await desk.store.job(job)?.reason
                        == "its row is locked by another session (process \(pid)); it can start when that transaction has ended"
                )
            }
            #expect(try await desk.store.job(job)?.reason == free)
            // The same behind a savepoint, whose transaction has a number of its own.
            try await desk.store.database.transaction { tx in
                try await tx.run("SAVEPOINT s")
                try await tx.run("UPDATE motorpool.jobs SET meta = '{}' WHERE id = \(job.number)")
                #expect(try await desk.store.job(job)?.reason?.contains("locked by another session") == true)
            }
            #expect(try await desk.store.job(job)?.reason == free)
        }
    }

    @Test("R8: takes every command under a publication for all tables")
    func publication() async throws {
        try await withDesk([Definition("note") { $0.keepsHistory = true }]) { desk in
            try await desk.store.database.run("CREATE PUBLICATION p FOR ALL TABLES")
            let without: [String] = try await desk.column(
                """
                SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'motorpool'::regnamespace
                    AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND (c.relreplident = 'n' OR c.relreplident = 'd'
                    AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary))
                """)
            #expect(without == [])
            let worker = try await desk.worker()
            let job = try await desk.store.enqueue(NewJob("note", subject: "s", key: "k")).job
            _ = try await desk.store.cancel(job, reason: "x", by: ann)
            #expect(try await desk.store.retry(job, by: ann) == .retried)
            let running = try #require(try await desk.claim(by: worker).first)
            #expect(try await desk.settle(running, .die(reason: .forGood, error: "x")))
            #expect(try await desk.store.retry(job, by: ann) == .retried)
            let again = try #require(try await desk.claim(by: worker).first)
            #expect(try await desk.settle(again, .die(reason: .forGood, error: "x")))
            #expect(
                try await desk.store.act(.discard, on: [job], target: "job \(job)", by: ann) == 1)
            let retained = try await desk.store.retain(historyDays: 1, keyHours: 24, deadDays: 1)
            #expect(retained.failures.isEmpty)
            #expect(try await desk.store.takeSample())
        }
    }

    @Test("is known on a migrated database before any farm has run, and a newer policy is not overwritten")
    func publishMissing() async throws {
        try await withDesk([Definition("note") { $0.queue = "newer" }]) { desk in
            let older = Definitions([Definition(kind: "note"), Definition(kind: "fresh")])
            #expect(try await desk.store.publishMissing(older) == ["fresh"])
            #expect(try await desk.store.publishMissing(older) == [])
            let queues: [String] = try await desk.column("SELECT queue FROM motorpool.kinds ORDER BY kind")
            #expect(queues == ["default", "newer"])
            _ = try await desk.store.enqueue(NewJob("fresh"))
        }
    }

    private func words(_ jobs: UnworkedJobs) -> String {
        "\(jobs.queue): \(jobs.count) of \(jobs.kind ?? "any kind")"
    }

    private func fill(_ desk: Desk, queues: Int, jobs: Int = 1, called name: String = "q") async throws {
        try await desk.store.database.run(
            """
            INSERT INTO motorpool.jobs (id, seq, state, level, priority, keep, queue, kind, args)
            SELECT nextval('motorpool.seq'), n, 0, 5, 2, false, \(name) || q, 'note', '{}'
            FROM generate_series(1, \(Int64(queues))) q, generate_series(1, \(Int64(jobs))) n
            """)
    }
}
