import Platform
import Postgres
import TestSupport
import Testing

@Suite("Commands about queues")
struct QueueCommandsTests {
    private let home = ["MOTORPOOL_JOBS": Checkout.path + "/jobs"]

    @Test("R5: a queue that no worker takes from is told by enqueue, jobs, job and doctor, and can be paused")
    func nobodyWorks() async throws {
        try await withWorker { program, _ in
            let many = try await program("enqueue", "noop", "--queue", "trail", "--count", "3")
            #expect(many.code == 0)
            #expect(many.text.contains("no live worker takes jobs from queue trail"), "\(many.text)")
            let one = try await program("enqueue", "noop", "--queue", "trail")
            #expect(one.code == 0 && one.text.contains("no live worker takes jobs from queue trail"))
            #expect(try await !program("enqueue", "noop", "--queue", "trial").text.contains("no live worker"))
            let jobs = try await program("jobs").text
            #expect(jobs.contains("trail") && !jobs.contains("the queues are empty"))
            #expect(jobs.contains("no live worker takes jobs from queue trail"))
            let doctor = try await program("doctor", variables: home)
            #expect(doctor.code == 0)
            #expect(
                flat(doctor).contains("no live worker takes jobs from queue trail, where 4 or more jobs wait")
            )
            #expect(try await program("pause", "trail").code == 0)
            #expect(try await program("jobs").text.contains("queue trail paused by"))
            #expect(try await program("resume", "trail").code == 0)
        }
    }

    @Test(
        "producers come first: after migrate, jobs are taken by command, SQL and HTTP before any worker has run"
    )
    func producersFirst() async throws {
        try await withDatabase { database in
            let program = Program(database: database.settings.url, variables: home)
            #expect(try await program("migrate").text.contains("kinds published: "))
            #expect(try await program("enqueue", "noop").code == 0)
            let sql = try await Connection.open(database.settings)
            #expect(try await sql.run("SELECT motorpool.enqueue('noop')").count == 1)
            // As after a migration by a program that knew no kinds: the front publishes what is missing, and nothing else.
            try await sql.run("DELETE FROM motorpool.kinds WHERE kind = 'noop'")
            try await sql.run("UPDATE motorpool.kinds SET queue = 'newer' WHERE kind = 'sleep'")
            let front = try program.start(["serve", "--port", "0"])
            try await front.says("kinds_published")
            #expect(try await program("enqueue", "noop").code == 0)
            #expect(
                try await sql.run("SELECT 1 FROM motorpool.kinds WHERE kind = 'sleep' AND queue = 'newer'")
                    .count == 1)
            #expect(try await program("migrate").text == "nothing to do\n")
            front.child.kill()
            let worker = try await program.work()
            try await eventually("three jobs are done", within: .seconds(20)) {
                try await sql.run("SELECT 1 FROM motorpool.jobs").count == 0
            }
            worker.child.kill()
            await sql.close()
        }
    }

    @Test("migrate without policies migrates, says that it published nothing, and succeeds")
    func noPolicies() async throws {
        try await withDatabase { database in
            let program = Program(
                database: database.settings.url, variables: ["MOTORPOOL_JOBS": "/nonexistent/jobs"])
            let answer = try await program("migrate")
            #expect(answer.code == 0)
            #expect(answer.text.contains("no kinds published: /nonexistent/jobs"))
            #expect(answer.text.contains("motorpool 13 applied"))
        }
    }

    @Test("5,000 queues make neither doctor nor jobs long")
    func thousands() async throws {
        try await withProgram { program in
            let sql = try await Connection.open(try connection(program))
            try await sql.run(
                """
                INSERT INTO motorpool.jobs (id, seq, state, level, priority, keep, queue, kind, args)
                SELECT nextval('motorpool.seq'), n, 0, 5, 2, false, 'q' || n, 'noop', '{}' FROM generate_series(1, 5000) n
                """)
            try await sql.run(
                "INSERT INTO motorpool.queues (name, paused_at) SELECT 'p' || n, now() FROM generate_series(1, 5000) n"
            )
            try await sql.run(
                """
                INSERT INTO motorpool.workers (name, lease_until, queues, kinds)
                SELECT 'w' || n, now() + interval '1 hour', ARRAY['other'], ARRAY['noop'] FROM generate_series(1, 200) n
                """)
            try await sql.run(
                "INSERT INTO motorpool.subjects (kind, subject, job, live) SELECT 'noop', 's' || n, -n, true FROM generate_series(1, 5000) n"
            )
            let doctor = try await program("doctor", variables: home)
            #expect(doctor.text.utf8.count < 20_000, "\(doctor.text.utf8.count)")
            let words = flat(doctor)
            #expect(words.contains("and 4980 more queues and kinds without a live worker"))
            #expect(words.contains("and 4980 more paused queues"))
            #expect(words.contains("and 180 more workers"))
            #expect(words.contains("live subjects whose jobs were removed by hand: noop s1 (job -1)"))
            let jobs = try await program("jobs", "--limit", "1").text
            #expect(jobs.utf8.count < 5000 && jobs.contains("and 4980 more queues"))
            #expect(try await program("resume", "nope").text.contains("and 980 more"))
            await sql.close()
        }
    }

    @Test("a role that may not do all of a worker's work is told which GRANT it lacks")
    func grants() async throws {
        try await withProgram { program in
            let settings = try connection(program)
            let sql = try await Connection.open(settings)
            let role = "reader_\(UInt32.random(in: 0 ... .max))"
            try await sql.run("CREATE ROLE \(pasting: role)")
            try await sql.run("GRANT USAGE ON SCHEMA motorpool, trial, workshop TO \(pasting: role)")
            for schema in ["motorpool", "trial", "workshop"] {
                try await sql.run(
                    "GRANT SELECT ON ALL TABLES IN SCHEMA \(pasting: schema) TO \(pasting: role)")
            }
            let name: String = try await sql.run("SELECT current_database()::text")[0].get(0)
            // Sessions that begin from now on have the role's privileges.
            try await sql.run("ALTER DATABASE \(pasting: name) SET role = \(pasting: role)")
            let doctor = try await program("doctor", variables: home)
            try await sql.run("ALTER DATABASE \(pasting: name) RESET role")
            let words = flat(doctor)
            #expect(doctor.code == 1)
            #expect(
                words.contains(
                    "a worker needs: GRANT DELETE, INSERT, UPDATE ON TABLE motorpool.admission_cursors, "),
                "\(words)")
            #expect(words.contains("motorpool.jobs, ") && words.contains(" TO \(role)"))
            #expect(words.contains("GRANT TRUNCATE ON ALL TABLES IN SCHEMA motorpool TO \(role)"))
            try await sql.run("DROP OWNED BY \(pasting: role)")
            try await sql.run("DROP ROLE \(pasting: role)")
            await sql.close()
        }
    }

    /// Without the folding of a terminal.
    private func flat(_ answer: Program.Answer) -> String {
        answer.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    private func connection(_ program: Program) throws -> ConnectionSettings {
        guard let url = program.database else { throw Broken(description: "no database") }
        return ConnectionSettings(url: url)
    }
}
