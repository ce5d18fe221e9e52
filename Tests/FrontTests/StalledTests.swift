import Front
import HTTPServer
import Jobs
import Postgres
import Store
import TestSupport
import Testing

/// R1, R2: what nobody can claim from is told, and what can't be read hides nothing else.
@Suite("A queue that stands still")
struct StalledTests {
    /// A worker that has free lanes and has claimed nothing for `claimedAgo` seconds.
    private func worker(_ store: Store, claimedAgo: Int, busy: Int = 0, kinds: [String] = ["note"])
        async throws -> WorkerID
    {
        let rows = try await store.database.run(
            Lease.register(name: "tester", queues: ["default"], kinds: kinds, seconds: 600))
        let worker = WorkerID(try rows[0].get(0))
        let stats =
            #"{"pools":{"default":{"lanes":8,"busy":\#(busy),"buffered":0,"done":0,"failed":0,"claimed_ago":\#(claimedAgo)}}}"#
        try await store.database.run(
            Lease.renew(worker, seconds: 600, draining: false, stats: JSON(text: stats)))
        try await store.database.run(
            "UPDATE motorpool.workers SET started_at = now() - interval '1 hour' WHERE id = \(worker.number)")
        return worker
    }

    private func oldJob(_ store: Store) async throws -> JobID {
        let job = try await store.enqueue(NewJob("note")).job
        try await store.database.run(
            "UPDATE motorpool.jobs SET created_at = now() - interval '5 minutes' WHERE id = \(job.number)")
        return job
    }

    @Test("is told by the metrics, by the readiness without names, and by the desk")
    func told() async throws {
        try await withHouse { house in
            let job = try await oldJob(house.store)
            _ = try await worker(house.store, claimedAgo: 300)
            let stalled = try await house.store.stalledQueues()
            #expect(stalled.map(\.name) == ["default"] && stalled.first?.head == job)
            #expect(stalled.first?.sentence.contains("ready for 5 minutes") == true)
            #expect(
                await house.ask(.get, "/metrics").text.contains(
                    "motorpool_queue_stalled{queue=\"default\"} 1\n"))
            let ready = await house.ask(.get, "/health/ready")
            #expect(ready.status == 200 && ready.text.contains("1 queue stands still"))
            #expect(!ready.text.contains("default"))
        }
        try await withDeskHouse { house in
            _ = try await oldJob(house.store)
            _ = try await worker(house.store, claimedAgo: 300)
            let page = await house.page("/admin")
            #expect(
                page.status == 200 && page.text.contains("Stalled:") && !page.text.contains("All is well"))
        }
    }

    @Test(
        "is none that is claimed from, paused, resumed just now, without free lanes or without a worker for its kind",
        arguments: [
            "claimed", "running", "paused", "resumed", "busy", "homeless", "young job", "young worker",
            "empty",
        ])
    func well(because: String) async throws {
        try await withHouse { house in
            let store = house.store
            let ann = Operator(name: "ann")
            let job = try await oldJob(store)
            let worker = try await worker(
                store, claimedAgo: because == "claimed" ? 5 : 300, busy: because == "busy" ? 8 : 0,
                kinds: because == "homeless" ? ["other"] : ["note"])
            #expect(
                because == "claimed" || because == "busy" || because == "homeless"
                    ? true : try await !store.stalledQueues().isEmpty)
            switch because {
            case "running":
                _ = try await store.enqueue(NewJob("note"))
                _ = try await house.claim(1, by: worker)
                _ = try await oldJob(store)
            case "paused", "resumed":
                try await store.pause(queue: "default", by: ann)
                if because == "resumed" { try await store.resume(queue: "default", by: ann) }
            case "young job":
                try await store.database.run("UPDATE motorpool.jobs SET created_at = now()")
            case "young worker":
                try await store.database.run("UPDATE motorpool.workers SET started_at = now()")
            case "empty": _ = try await store.cancel(job, reason: "a test")
            default: break
            }
            #expect(try await store.stalledQueues().isEmpty)
            #expect(
                !(await house.ask(.get, "/metrics").text.contains(
                    "motorpool_queue_stalled{queue=\"default\"} 1\n")))
        }
    }

    @Test(
        "R1 or not, shows every job in its lists: the one that can't be read with its number and a sentence")
    func lists() async throws {
        func spoil(_ store: Store) async throws -> JobID {
            let rows = try await store.database.run(
                """
                INSERT INTO motorpool.jobs (id, seq, state, level, priority, keep, queue, kind, args)
                SELECT s, s, 0, 5, 2, true, 'default', 'note', ('[' || repeat('1e131071,', 8299) || '1e131071]')::jsonb
                FROM (SELECT nextval('motorpool.seq') AS s) n RETURNING id
                """)
            return JobID(try rows[0].get(0))
        }
        try await withHouse { house in
            let good = try await house.put()
            let bad = try await spoil(house.store)
            let list = await house.ask(.get, "/jobs", as: .reader)
            #expect(
                list.status == 200 && list.text.contains("\"id\":\(good)")
                    && list.text.contains("\"id\":\(bad)"))
            #expect(list.text.contains("so many digits"))
            let one = await house.ask(.get, "/jobs/\(bad)", as: .reader)
            #expect(one.status == 200 && one.text.contains("so many digits"))
        }
        try await withDeskHouse { house in
            let good = try await house.store.enqueue(NewJob("note")).job
            let bad = try await spoil(house.store)
            for path in [
                "/admin", "/admin/jobs", "/admin/jobs?place=ready", "/admin/jobs/\(bad)", "/admin/queues",
                "/admin/dead", "/admin/api/queues",
            ] {
                let page = await house.page(path)
                #expect(page.status == 200, "\(path)")
                if path.hasPrefix("/admin/jobs") { #expect(page.text.contains("\(bad)"), "\(path)") }
                if path.hasPrefix("/admin/jobs?") { #expect(page.text.contains("\(good)"), "\(path)") }
            }
            #expect(try await house.store.cancel(bad, reason: "a test") == .cancelled(mayHaveStarted: false))
            let page = await house.page("/admin/jobs?place=cancelled")
            #expect(page.status == 200 && page.text.contains("\(bad)"))
        }
    }
}
