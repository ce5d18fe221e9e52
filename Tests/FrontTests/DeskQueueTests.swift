import Front
import HTTPServer
import Jobs
import Postgres
import Store
import Testing

@Suite("Of queues")
struct DeskQueueTests {
    private func worker(_ house: DeskHouse) async throws {
        _ = try await house.store.database.run(
            Lease.register(name: "tester", queues: ["default"], kinds: ["note"], seconds: 60))
    }

    private func fill(_ house: DeskHouse, queues: Int) async throws {
        try await house.store.database.run(
            """
            INSERT INTO motorpool.jobs (id, seq, state, level, priority, keep, queue, kind, args)
            SELECT nextval('motorpool.seq'), n, 0, 5, 2, false, 'q' || n, 'note', '{}'
            FROM generate_series(1, \(Int64(queues))) n
            """)
    }

    @Test("R5: one that no worker takes from stands on the overview, has its page, and is in metrics and API")
    func nobodyWorks() async throws {
        try await withDeskHouse { house in
            try await worker(house)
            for _ in 0..<3 { _ = try await house.store.enqueue(NewJob("note", queue: "trail")) }
            let overview = await house.page("/admin").text
            #expect(overview.contains("no live worker takes jobs from queue"))
            #expect(overview.contains("/admin/queues/trail"))
            #expect(!overview.contains("All is well"))
            let page = await house.page("/admin/queues/trail")
            #expect(page.status == 200 && page.text.contains("no worker"))
            #expect(await house.page("/admin/jobs?place=ready").text.contains("<option value=\"trail\">"))
            let metrics = await house.page("/metrics").text
            #expect(metrics.contains("motorpool_queue_jobs{queue=\"trail\",state=\"ready\"} 3\n"))
            #expect(metrics.contains("motorpool_unworked_jobs{queue=\"trail\",kind=\"\"} 3\n"))
            #expect(metrics.contains("motorpool_queues_untold 0\n"))
            let told = await house.ask(.get, "/admin/api/queues", bearer: house.secret)
            #expect(told.text.contains("\"name\":\"trail\""))
        }
    }

    @Test("5,000 make no answer long: the largest are told, and how many more there are")
    func thousands() async throws {
        try await withDeskHouse { house in
            try await worker(house)
            try await fill(house, queues: 5000)
            for _ in 0..<9 { _ = try await house.store.enqueue(NewJob("note", queue: "large")) }
            try await house.store.database.run(
                "INSERT INTO motorpool.queues (name, paused_at) SELECT 'p' || n, now() FROM generate_series(1, 5000) n"
            )
            let overview = await house.page("/admin")
            #expect(overview.status == 200 && overview.text.utf8.count < 100_000)
            #expect(overview.text.contains("/admin/queues/large"))
            #expect(overview.text.contains("and 9,977 more, with fewer jobs than these"))
            #expect(overview.text.contains("and 4,990 more paused queues"))
            #expect(overview.text.contains("and 4,991 more queues and kinds without a worker"))
            let queues = await house.page("/admin/queues")
            #expect(queues.status == 200 && queues.text.utf8.count < 600_000)
            #expect(queues.text.contains("and 9,802 more"))
            let metrics = await house.page("/metrics").text
            #expect(metrics.split(separator: "\n").count < 1000)
            #expect(metrics.contains("motorpool_queues_untold 4801\n"))
            #expect(metrics.contains("motorpool_queue_jobs{queue=\"large\",state=\"ready\"} 9\n"))
            let told = try await house.ask(.get, "/admin/api/queues", bearer: house.secret).json()
            #expect(told["queues_more"]?.json.description == "9802")
            for path in ["/admin/jobs?place=ready", "/admin/queues/q77"] {
                let page = await house.page(path)
                #expect(page.status == 200 && page.text.utf8.count < 300_000, "\(path)")
            }
        }
    }

    @Test("thousands of kinds and lines of the schedule make no page long")
    func kindsAndLines() async throws {
        try await withDeskHouse { house in
            try await house.store.publish(
                Definitions((1...3000).map { Definition(kind: "kind-\($0)") }))
            try await house.store.database.run(
                """
                INSERT INTO motorpool.schedules (name, expression, zone, kind, args, overlap, missed, jitter_seconds, decided_to)
                SELECT 'line-' || n, '* * * * *', 'UTC', 'note', '{}', 'skip', 'skip', 0, now() FROM generate_series(1, 3000) n
                """)
            let jobs = await house.page("/admin/jobs?place=ready&kind=kind-2999").text
            #expect(jobs.utf8.count < 200_000 && jobs.contains("<option value=\"kind-2999\" selected"))
            let schedules = await house.page("/admin/schedules")
            #expect(schedules.status == 200 && schedules.text.contains("and 2,500 more."))
            #expect(await house.page("/admin/schedules/line-999").status == 200)
        }
    }
}
