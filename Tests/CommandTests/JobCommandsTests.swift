import FoundationEssentials
import Platform
import Postgres
import TestSupport
import Testing

@Suite("Commands about jobs")
struct JobCommandsTests {
    private struct Told: Decodable {
        let id: Int
        let state: String
        let reason: String?
        let kind: String
        let failures: Int
        let run: Int
        let result: Slept?

        struct Slept: Decodable { let slept: Double }
    }

    private struct Accepted: Decodable {
        let id: Int
        let verdict: String
        let accepted: Bool
    }

    @Test("migrate says what it applied, and the second time that there is nothing to do")
    func migrate() async throws {
        try await withDatabase { database in
            let program = Program(database: database.settings.url)
            let early = try await program("jobs")
            #expect(early.code == 2)
            #expect(early.text.contains("run motorpool migrate"))
            let behind = try await program("work", "--jobs", Checkout.path + "/jobs")
            #expect(behind.code == 2)
            #expect(behind.text.contains("run motorpool migrate"))
            let dry = try await program("migrate", "--dry-run")
            #expect(dry.text.contains("motorpool 1 is missing"))
            let first = try await program("migrate", "--jobs", Checkout.path + "/jobs")
            #expect(first.text.contains("motorpool 1 applied"))
            #expect(first.text.contains("trial 1 applied"))
            #expect(first.text.contains("kinds published: "))
            let second = try await program("migrate", "--jobs", Checkout.path + "/jobs")
            #expect(second.text == "nothing to do\n")
            let isDone = first.code == 0 && second.code == 0
            #expect(isDone)
        }
    }

    @Test("enqueue --wait prints how the job ended and its result")
    func wait() async throws {
        try await withWorker { program, _ in
            let slept = try await program(
                "enqueue", "sleep", "--args", "{\"seconds\": 0.05}", "--wait", "--json")
            #expect(slept.code == 0)
            let told = try #require(try slept.decoded(Told.self).first)
            #expect(told.state == "done")
            #expect(told.result?.slept == 0.05)
            let failed = try await program(
                "enqueue", "fail", "--args", "{\"for_good\":true,\"message\":\"so it is\"}", "--wait")
            #expect(failed.code == 1)
            #expect(failed.text.contains("dead"))
            let list = try await program("jobs", "--state", "dead")
            #expect(list.text.contains("for_good: so it is"), "\(list.text)")
            #expect(failed.text.contains("so it is"))
            let late = try await program(
                "enqueue", "sleep", "--args", "{\"seconds\": 60}", "--wait", "--timeout", "100ms")
            #expect(late.code == 75)
        }
    }

    @Test("a job is told wherever it stands, and an unknown one is refused")
    func job() async throws {
        try await withWorker { program, _ in
            try await program("pause", "trial", "--by", "me")
            let accepted = try #require(
                try await program("enqueue", "noop", "--json").decoded(Accepted.self).first)
            #expect(accepted.verdict == "created")
            let waiting = try #require(
                try await program("job", "\(accepted.id)", "--json").decoded(Told.self).first)
            #expect(waiting.state == "waiting")
            #expect(waiting.reason?.hasPrefix("queue trial paused by me since") == true)
            let page = try await program("job", "\(accepted.id)")
            #expect(page.text.contains("kind      noop"))
            let unknown = try await program("job", "987654321")
            #expect(unknown.code == 1)
            #expect(unknown.text.contains("no job 987654321: never there, or its retention has passed"))
        }
    }

    @Test("a list tells depths, pages and filters")
    func jobs() async throws {
        try await withWorker { program, _ in
            try await program("pause", "trial")
            let many = try await program("enqueue", "noop", "--count", "7")
            #expect(many.text.hasPrefix("7 jobs wait, "))
            let list = try await program("jobs")
            #expect(list.text.contains("trial"))
            #expect(list.text.contains("ready"))
            let isNarrow = list.text.split(separator: "\n").allSatisfy { $0.count <= 100 }
            #expect(isNarrow)
            let page = try await program("jobs", "--limit", "3", "--json").text.split(separator: "\n").prefix(
                3)
            let ids = try page.map { try JSONDecoder().decode(Told.self, from: Data($0.utf8)).id }
            #expect(ids == ids.sorted(by: >))
            let next = try await program("jobs", "--before", "\(ids[2])", "--json").decoded(Told.self)
            #expect(next.count == 4)
            #expect(try await program("jobs", "--state", "dead", "--json").text == "")
            #expect(try await program("jobs", "--kind", "noop", "--json").decoded(Told.self).count == 7)
        }
    }

    @Test("release says what happened, twice is once, and job tells the deaths until then")
    func release() async throws {
        try await withWorker { program, _ in
            try await program("pause", "trial")
            let id = try #require(try await program("enqueue", "noop", "--json").decoded(Accepted.self).first)
                .id
            let fresh = try await program("release", "\(id)")
            #expect(fresh.code == 1 && fresh.text.contains("met no worker crash"), "\(fresh.text)")
            let connection = try await Connection.open(
                ConnectionSettings(url: try #require(program.database)))
            try await connection.run(
                "UPDATE motorpool.jobs SET level = -1, deaths = '{7,8}' WHERE id = \(id)")
            await connection.close()
            #expect(try await program("job", "\(id)").text.contains("2 of its workers died"))
            #expect(try await program("job", "\(id)", "--json").text.contains("\"worker_deaths\":2"))
            let released = try await program("release", "\(id)")
            #expect(released.text == "job \(id) is released: it waits at its ordinary level\n")
            #expect(try await program("release", "\(id)").code == 1)
            #expect(try await program("job", "\(id)", "--json").text.contains("\"worker_deaths\":0"))
            #expect(try await program("release", "987654321").code == 1)
        }
    }

    @Test("cancel and retry say what happened, and twice is once")
    func cancelAndRetry() async throws {
        try await withWorker { program, _ in
            try await program("pause", "trial")
            let id = try #require(try await program("enqueue", "noop", "--json").decoded(Accepted.self).first)
                .id
            let cancelled = try await program("cancel", "\(id)", "--reason", "no need")
            #expect(cancelled.text == "job \(id) is cancelled; it had not started\n")
            #expect(try await program("cancel", "\(id)").text == "job \(id) was cancelled before\n")
            #expect(try await program("job", "\(id)").text.contains("no need (cancelled by tester)"))
            #expect(try await program("retry", "\(id)").text.hasPrefix("job \(id) waits again"))
            let early = try await program("retry", "\(id)")
            #expect(early.code == 1)
            #expect(early.text.contains("is waiting: only dead and cancelled jobs"))
            #expect(try await program("cancel", "987654321").code == 1)
            #expect(try await program("retry", "987654321").code == 1)
        }
    }

    @Test("the cancel of a running job says that it may have started")
    func cancelRunning() async throws {
        try await withWorker { program, _ in
            let id = try await running(program)
            let answer = try await program("cancel", "\(id)")
            #expect(answer.text.contains("it may have started"))
        }
    }

    @Test(
        "R5: pause takes what enqueue takes and says when no kind names the queue; resume tells what it found"
    )
    func pause() async throws {
        try await withWorker { program, _ in
            let refused = try await program("resume", "nope")
            #expect(refused.code == 1)
            #expect(refused.text.contains("the queues are effects, sleepers, steam, "))
            #expect(try await program("pause", "No name").code == 1)
            let early = try await program("pause", "nope")
            #expect(early.code == 0)
            #expect(early.text.contains("no kind and no waiting job names the queue nope so far"))
            #expect(try await program("pause", "nope", "--force").code == 0)
            let known = try await program("pause", "trial")
            #expect(known.code == 0 && !known.text.contains("so far"))
            #expect(try await program("resume", "trial").text == "queue trial goes on\n")
            #expect(try await program("resume", "trial").text == "queue trial was not paused\n")
        }
    }

    @Test("the same key with another body is refused, with the same body it answers")
    func key() async throws {
        try await withWorker { program, _ in
            #expect(try await program("enqueue", "noop", "--key", "k").code == 0)
            let same = try await program("enqueue", "noop", "--key", "k")
            #expect(same.code == 0)
            #expect(same.text.contains("the same key came before"))
            let other = try await program("enqueue", "noop", "--key", "k", "--args", "{\"a\":1}")
            #expect(other.code == 1)
            #expect(other.text.contains("with another body"))
            #expect(try await program("enqueue", "nope").text.contains("The kinds are: abort"))
        }
    }

    @Test("many jobs come in from a file, and a fault is told with its line")
    func many() async throws {
        let files = [
            "good":
                "{\"kind\":\"noop\"}\n\n{\"kind\":\"noop\",\"args\":{\"n\":1},\"subject\":\"s\"}\n{\"kind\":\"noop\",\"subject\":\"s\"}",
            "bad": "{\"kind\":\"noop\"}\n{\"kind\":\"noop\",\"delai\":\"1s\"}\n",
        ]
        try await withFolder(files) { folder in
            try await withWorker { program, _ in
                try await program("pause", "trial")
                let good = try await program("enqueue", "--many", folder + "/good", "--json")
                #expect(try good.decoded(Accepted.self).map(\.verdict) == ["created", "created", "joined"])
                let bad = try await program("enqueue", "--many", folder + "/bad")
                #expect(bad.code == 64)
                #expect(bad.text.contains("bad:2: unknown “delai”"))
            }
        }
    }

    @Test("the doctor finds a farm that is well, and a kind without a worker")
    func doctor() async throws {
        let home = ["MOTORPOOL_JOBS": Checkout.path + "/jobs"]
        try await withWorker { program, worker in
            let well = try await program("doctor", variables: home)
            #expect(well.code == 0, "\(well.text)")
            #expect(well.text.contains("the schema motorpool is current"))
            #expect(well.text.contains("a notification takes"))
            worker.signal(15)
            #expect(try await worker.end() == .exited(0))
            try await program("enqueue", "noop")
            let lonely = try await program("doctor", variables: home)
            #expect(lonely.text.contains("no worker lives"))
            #expect(lonely.text.contains("no live worker takes jobs from queue trial, where 1 job waits"))
            #expect(
                try await program("doctor", "--json", variables: home).decoded(Diagnosis.self).first?.ok
                    == true)
        }
    }

    @Test(
        "R1 the doctor tells of a queue that nobody claims from, and ends with 1; a row that can't be read stops no list"
    )
    func stalled() async throws {
        try await withProgram { program in
            let database = Database(ConnectionSettings(url: program.database ?? ""), connectionsMax: 1)
            defer { Task { await database.close() } }
            try await database.run(
                """
                INSERT INTO motorpool.kinds (kind, queue, priority, unique_policy, cooldown_seconds, cooldown_failed_seconds, keep, limited)
                VALUES ('noop', 'trial', 2, 'join', 0, 0, true, false) ON CONFLICT (kind) DO NOTHING
                """)
            let bad: Int64 = try await database.run(
                """
                INSERT INTO motorpool.jobs (id, seq, state, level, priority, keep, queue, kind, created_at, args)
                SELECT s, s, 0, 5, 2, true, 'trial', 'noop', now() - interval '5 minutes',
                    ('[' || repeat('1e131071,', 8299) || '1e131071]')::jsonb
                FROM (SELECT nextval('motorpool.seq') AS s) n RETURNING id
                """)[0].get(0)
            try await database.run(
                """
                INSERT INTO motorpool.workers (name, started_at, lease_until, queues, kinds, stats)
                VALUES ('still', now() - interval '1 hour', now() + interval '1 hour', '{trial}', '{noop}',
                    '{"pools":{"trial":{"lanes":8,"busy":0,"claimed_ago":300}}}')
                """)
            let home = ["MOTORPOOL_JOBS": Checkout.path + "/jobs"]
            let ill = try await program("doctor", variables: home)
            #expect(ill.code == 1, "\(ill.text)")
            #expect(ill.text.contains("nothing has been claimed from the queue trial"))
            let enqueued = try await program("enqueue", "noop", "--json")
            let good = try #require(try enqueued.decoded(Accepted.self).first).id
            let list = try await program("jobs")
            #expect(
                list.code == 0 && list.text.contains("\(bad)") && list.text.contains("\(good)"),
                "\(list.text)")
            let one = try await program("job", "\(bad)")
            #expect(one.code == 0 && one.text.contains("so many digits"), "\(one.text)")
            #expect(try await program("cancel", "\(bad)").code == 0)
            #expect(try await program("jobs", "--state", "cancelled").text.contains("\(bad)"))
        }
    }

    private struct Diagnosis: Decodable { let ok: Bool }
}

/// Enqueues a sleep of a minute and returns its number when it runs.
func running(_ program: Program, block: Bool = false) async throws -> Int {
    struct Accepted: Decodable { let id: Int }
    let answer = try await program(
        "enqueue", "sleep", "--args", "{\"seconds\": 60, \"block\": \(block)}", "--json")
    let id = try #require(try answer.decoded(Accepted.self).first).id
    try await eventually("the job runs", within: .seconds(20)) {
        try await program("job", "\(id)", "--json").text.contains("\"state\":\"running\"")
    }
    return id
}
