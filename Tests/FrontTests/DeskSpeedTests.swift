import Front
import Glibc
import Jobs
import Postgres
import Store
import TestSupport
import Testing

/// What `./test desk-speed` runs: every page over a million waiting jobs. The server's log tells the time of each statement.
@Suite("The desk over a million waiting jobs", .enabled(if: getenv("MOTORPOOL_DESK_SPEED") != nil))
struct DeskSpeedTests {
    @Test("answers every page") func pages() async throws {
        let definitions = ["note", "mail", "rare"].map { Definition(kind: $0) }
        try await withDeskHouse(definitions) { house in
            let jobs = try await house.crowd()
            let sql = house.store.database
            try await sql.run(
                """
                INSERT INTO motorpool.jobs (id, seq, run_at, state, level, priority, keep, queue, kind, subject, args)
                SELECT n, n, NULL, 0, 5, 2, false, CASE n % 4 WHEN 0 THEN 'mail' ELSE 'default' END,
                    CASE n % 4 WHEN 0 THEN 'mail' ELSE 'note' END, 'subject ' || n, '{"title": "one of a million"}'
                FROM (SELECT nextval('motorpool.seq') AS n FROM generate_series(1, 1000000)) s
                """, within: .seconds(300))
            try await sql.run(
                """
                INSERT INTO motorpool.dead (id, created_at, run, priority, failures, recoveries, keep, queue, kind, args, errors, reason)
                SELECT nextval('motorpool.seq'), now(), 5, 2, 5, 0, true, 'default', 'note', '{}',
                    jsonb_build_array(jsonb_build_object('run', 5, 'at', now(), 'error', repeat('line of an error' || n % 50 || chr(10), 60))), 'attempts'
                FROM generate_series(1, 20000) n
                """, within: .seconds(300))
            try await sql.run("ANALYZE motorpool.jobs", within: .seconds(60))
            try await sql.run("SELECT motorpool.take_sample()")
            var settings = house.database.settings
            settings.sessionSetup.append("SET log_min_duration_statement = 0")
            try await measure(DeskHouse.over(Store(settings), house.database), jobs)
        }
    }

    private func measure(_ house: DeskHouse, _ jobs: [JobSearch.Place: JobID]) async throws {
        var paths = DeskHouse.pages + ["/admin/queues/default"]
        paths += JobSearch.Place.allCases.map { "/admin/jobs?place=\($0.rawValue)" }
        paths += [
            "/admin/jobs?place=ready&queue=mail", "/admin/jobs?place=live&kind=rare",
            "/admin/jobs?place=waiting&subject=nobody",
            "/admin/jobs?place=live&older=1h", "/admin/jobs?place=held&kind=rare&key=plain",
            "/admin/jobs?place=dead&kind=mail",
        ]
        paths += jobs.values.sorted().map { "/admin/jobs/\($0)" }
        for path in paths {
            for turn in 0..<4 {
                // The server's log tells by this what the statements behind it belong to.
                let mark = "SELECT 'page \(path) \(turn)'"
                try await house.store.database.run(SQL(mark))
                let answer = await house.page(path)
                #expect(answer.status == 200, "\(path): \(answer.status)")
            }
        }
        try await house.store.database.run("SELECT 'page end 0'")
        await house.store.close()
    }
}
