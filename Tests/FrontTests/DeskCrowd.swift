import Front
import Jobs
import Postgres
import Store

extension DeskHouse {
    /// Every page that needs no number or name, and those of what `crowd` makes.
    static let pages = [
        "/admin", "/admin/queues", "/admin/jobs", "/admin/dead", "/admin/workers", "/admin/limits",
        "/admin/audit",
        "/admin/database", "/admin/schedules",
    ]

    /// One of everything that a page can show, each text that comes from outside being `text`.
    /// - Returns: jobs by where they stand.
    func crowd(_ text: String = "plain") async throws -> [JobSearch.Place: JobID] {
        let sql = store.database
        let key = String(text.prefix(100))
        let rows = try await sql.run(
            Lease.register(name: text, queues: ["default"], kinds: ["note", "rare"], seconds: 600))
        let worker = WorkerID(try rows[0].get(0))
        try await sql.run(
            Lease.renew(
                worker, seconds: 600, draining: false,
                stats: JSON(
                    text:
                        #"{"done":5,"failed":1,"pools":{"default":{"lanes":4,"busy":1,"buffered":0,"done":5,"failed":1}}}"#
                )))
        try await sql.run("UPDATE motorpool.kinds SET limit_key = 1, limited = true WHERE kind = 'rare'")
        func put(
            _ kind: String = "note", delay: Duration? = nil, key limitKey: String? = nil,
            subject: String = text
        )
            async throws -> JobID
        {
            try await store.enqueue(
                NewJob(
                    kind, args: JSON(text: "{\"title\":\(JSON.quoted(text))}"), subject: subject,
                    delay: delay,
                    limitKey: limitKey)
            ).job
        }
        var jobs: [JobSearch.Place: JobID] = [:]
        jobs[.running] = try await put(subject: text + "r")
        try await sql.run(
            "UPDATE motorpool.jobs SET state = 1, worker = \(worker.number), run = 1, started_at = now() WHERE id = \(jobs[.running]?.number)"
        )
        try await sql.run(
            "INSERT INTO motorpool.progress (job, run, phase, done, total) VALUES (\(jobs[.running]?.number), 1, \(text), 3, 10)"
        )
        jobs[.ready] = try await put(subject: text + "w")
        jobs[.scheduled] = try await put(delay: .seconds(3600), subject: text + "s")
        let holder = try await put("rare", key: key, subject: text + "h")
        jobs[.held] = try await put("rare", key: key, subject: text + "i")
        jobs[.dead] = try await put(subject: text + "d")
        jobs[.cancelled] = try await put(subject: text + "c")
        _ = try await store.cancel(jobs[.cancelled] ?? holder, reason: text)
        jobs[.children] = try await put(subject: text + "p")
        try await sql.run(
            "UPDATE motorpool.jobs SET state = 3, held = 3, children_left = 1 WHERE id = \(jobs[.children]?.number)"
        )
        let child = try await put(subject: text + "k")
        try await sql.run(
            "UPDATE motorpool.jobs SET parent = \(jobs[.children]?.number) WHERE id = \(child.number)")
        try await sql.run(
            "SELECT motorpool.depart(j, 'dead', NULL, \(text), \(text)) FROM motorpool.jobs j WHERE id = \(jobs[.dead]?.number)"
        )
        try await sql.run("DELETE FROM motorpool.jobs WHERE id = \(jobs[.dead]?.number)")
        try await sql.run(
            """
            INSERT INTO motorpool.schedules (name, expression, zone, kind, subject, args, overlap, missed, jitter_seconds,
                decided_to, paused_at, paused_by)
            VALUES (\(key), '* * * * *', \(text), \(key), \(text), '{}', 'skip', \(text), 3, now(), now(), \(text))
            """)
        try await sql.run(
            "INSERT INTO motorpool.slots (schedule, slot, planned, outcome, why) VALUES (\(key), now(), now(), 'skipped', \(text))"
        )
        try await sql.run(
            """
            INSERT INTO motorpool.samples (minute, queue, depth, more, running, oldest, done, failed, span)
            SELECT date_trunc('minute', now()) - make_interval(mins => n), 'default', 7, true, 1, 3, 5, 2, 60
            FROM generate_series(2, 4) n ON CONFLICT DO NOTHING
            """)
        _ = try await store.takeSample()
        _ = try await store.pause(queue: "default", by: Operator(name: text, address: text))
        return jobs
    }
}
