import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("The retention")
struct RetentionTests {
    /// As if the day were another from now on.
    private func stand(_ desk: Desk, at day: Int) async throws {
        try await desk.store.database.run(
            """
            CREATE OR REPLACE FUNCTION motorpool.today() RETURNS integer LANGUAGE sql STABLE AS $$
                SELECT \(pasting: "\(day)")
            $$
            """)
    }

    private func finishOne(_ desk: Desk, _ worker: WorkerID, plain: Bool) async throws -> JobID {
        let job = try await desk.running(NewJob("note", subject: plain ? nil : "s"), by: worker)
        if plain {
            let settlement = PlainSettlement(token: job.token, isKept: true, result: nil)
            #expect(try await desk.store.settle(plain: [settlement], andClaim: nil).stale == 0)
        } else {
            try await desk.finish(job)
        }
        return job.id
    }

    @Test(
        "empties the days of the history that are over, and no others, over the turn of the 32 partitions",
        arguments: [true, false])
    func history(plain: Bool) async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            var jobs: [Int: JobID] = [:]
            for day in 20_000..<20_040 {
                try await stand(desk, at: day)
                _ = try await desk.store.retain(historyDays: 3, keyHours: 24, deadDays: 1)
                jobs[day] = try await finishOne(desk, worker, plain: plain)
                let kept: [Int64] = try await desk.column("SELECT id FROM motorpool.history ORDER BY id")
                #expect(kept == ((day - 3)...day).compactMap { jobs[$0]?.number })
            }
        }
    }

    @Test("of the longest time never empties the day that is being written")
    func longest() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            for day in 20_000..<20_070 {
                try await stand(desk, at: day)
                let emptied = try await desk.store.retain(historyDays: 30, keyHours: 24, deadDays: 1)
                    .partitionsEmptied
                #expect(emptied == (day > 20_030 ? 1 : 0))
                _ = try await finishOne(desk, worker, plain: true)
            }
            #expect(try await desk.count("history") == 31)
        }
    }

    @Test("leaves a partition that is being read for the next turn, and keeps nobody waiting")
    func beingRead() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            try await stand(desk, at: 20_000)
            let job = try await finishOne(desk, worker, plain: true)
            try await stand(desk, at: 20_010)
            try await desk.store.database.transaction { tx in
                #expect(
                    try await tx.run("SELECT id FROM motorpool.history WHERE id = \(job.number)").count == 1)
                let began = ContinuousClock.now
                let retained = try await desk.store.retain(historyDays: 1, keyHours: 24, deadDays: 1)
                #expect(retained.partitionsEmptied == 0)
                #expect(ContinuousClock.now - began < .seconds(5))
            }
            let retained = try await desk.store.retain(historyDays: 1, keyHours: 24, deadDays: 1)
            #expect(retained.partitionsEmptied == 1)
        }
    }

    @Test("does not disturb what is being finished meanwhile")
    func undisturbed() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            for day in 20_000..<20_005 {
                try await stand(desk, at: day)
                _ = try await finishOne(desk, worker, plain: true)
            }
            try await stand(desk, at: 20_020)
            // A settlement that has written its history and is not yet committed.
            let job = try await desk.running(by: worker)
            try await desk.store.commit(job.token) { tx in
                _ = try await tx.run(
                    "SELECT count(*) FROM motorpool.history WHERE slot = motorpool.today() % 32")
                let retained = try await desk.store.retain(historyDays: 1, keyHours: 24, deadDays: 1)
                #expect(retained.partitionsEmptied == 5)
                return ((), result: nil, followUps: [])
            }
            #expect(try await desk.count("history") == 1)
        }
    }

    @Test("removes keys, dead jobs and settled subjects after their time, in batches until all are gone")
    func ledgers() async throws {
        try await withDesk { desk in
            try await desk.store.database.run(
                """
                INSERT INTO motorpool.keys (scope, key, body, job, created_at)
                SELECT '', n::text, '', n, now() - make_interval(hours => CASE WHEN n > 2500 THEN 23 ELSE 25 END)
                FROM generate_series(1, 2510) n
                """)
            try await desk.store.database.run(
                """
                INSERT INTO motorpool.subjects (kind, subject, job, live, ending, settled_at)
                SELECT 'note', n::text, n, n = 1, CASE WHEN n > 1 THEN 'done' END,
                    CASE WHEN n > 1 THEN now() - make_interval(days => CASE n WHEN 2 THEN 1 ELSE 8 END) END
                FROM generate_series(1, 5) n
                """)
            try await desk.store.database.run(
                """
                INSERT INTO motorpool.dead (id, created_at, died_at, run, priority, failures, recoveries, keep, queue, kind,
                    args, reason)
                SELECT n, now(), now() - make_interval(days => n), 1, 2, 1, 0, true, 'default', 'note', '{}', 'attempts'
                FROM generate_series(5, 9) n
                """)
            let retained = try await desk.store.retain(historyDays: 1, keyHours: 24, deadDays: 7)
            #expect(
                retained.keysRemoved == 2500 && retained.subjectsRemoved == 3 && retained.deadRemoved == 3)
            #expect(try await desk.count("keys") == 10)
            #expect(try await desk.count("subjects") == 2)
            #expect(try await desk.column("SELECT id FROM motorpool.dead ORDER BY id") as [Int64] == [5, 6])
        }
    }

    @Test("makes a key that is gone free for another request")
    func keyGone() async throws {
        try await withDesk { desk in
            let first = try await desk.store.enqueue(NewJob("note", args: "1", key: "k"))
            try await desk.store.database.run(
                "UPDATE motorpool.keys SET created_at = now() - interval '25 hours'")
            _ = try await desk.store.retain(historyDays: 1, keyHours: 24, deadDays: 1)
            // Old as it is, the key is known for as long as its job lives.
            #expect(try await desk.store.enqueue(NewJob("note", args: "1", key: "k")).verdict == .duplicate)
            _ = try await desk.store.cancel(first.job, reason: "x")
            _ = try await desk.store.retain(historyDays: 1, keyHours: 24, deadDays: 1)
            let second = try await desk.store.enqueue(NewJob("note", args: "2", key: "k"))
            #expect(second.verdict == .created && second.job != first.job)
        }
    }

    @Test("goes on where one step is refused, and deletes history where the role may not TRUNCATE")
    func leastPrivilege() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            try await stand(desk, at: 20_000)
            for _ in 0..<3 { _ = try await finishOne(desk, worker, plain: true) }
            _ = try await desk.store.enqueue(NewJob("note", key: "k"))
            try await desk.store.database.run(
                "UPDATE motorpool.keys SET created_at = now() - interval '3 days', job = 0")
            try await stand(desk, at: 20_010)
            let role = "retention_\(desk.database.name)"
            try await desk.store.database.run("CREATE ROLE \(pasting: role) LOGIN")
            let result: Result<Void, any Error>
            do { result = .success(try await retainAs(role, desk)) } catch { result = .failure(error) }
            try await desk.store.database.run("DROP OWNED BY \(pasting: role)")
            try await desk.store.database.run("DROP ROLE \(pasting: role)")
            try result.get()
        }
    }

    @Test("deletes a partition that the server does not truncate for another reason")
    func refusedTruncate() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            try await stand(desk, at: 20_000)
            for _ in 0..<3 { _ = try await finishOne(desk, worker, plain: true) }
            try await desk.store.database.run(
                """
                CREATE FUNCTION public.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'kept'; END $$
                """)
            try await desk.store.database.run(
                "CREATE TRIGGER keep BEFORE TRUNCATE ON motorpool.history_00 FOR EACH STATEMENT EXECUTE FUNCTION public.keep()"
            )
            try await stand(desk, at: 20_010)
            let retained = try await desk.store.retain(historyDays: 3, keyHours: 24, deadDays: 1)
            #expect(
                retained.partitionsEmptied == 0 && retained.historyRemoved == 3 && retained.failures.isEmpty)
            #expect(try await desk.count("history") == 0)
        }
    }

    private func retainAs(_ role: String, _ desk: Desk) async throws {
        for grant in [
            "USAGE ON SCHEMA motorpool", "SELECT, DELETE, UPDATE ON ALL TABLES IN SCHEMA motorpool",
            "INSERT ON motorpool.guests_left",
        ] {
            try await desk.store.database.run("GRANT \(pasting: grant) TO \(pasting: role)")
        }
        try await desk.store.database.run(
            "REVOKE DELETE ON motorpool.dead, motorpool.rates FROM \(pasting: role)")
        var settings = desk.database.settings
        settings.sessionSetup.append("SET ROLE \(role)")
        let store = Store(settings)
        let retained = try await store.retain(historyDays: 3, keyHours: 24, deadDays: 1)
        #expect(retained.partitionsEmptied == 0 && retained.historyRemoved == 3)
        #expect(retained.keysRemoved == 1)
        #expect(retained.failures.map(\.step) == [.dead, .rates])
        let (name, missing) = try await store.missingPrivileges()
        await store.close()
        #expect(name == role)
        #expect(
            missing.map { "\($0.privileges) ON \($0.objects)" }.filter { !$0.hasPrefix("INSERT ON TABLE") }
                == [
                    "SELECT, USAGE ON SEQUENCE motorpool.seq",
                    "DELETE, INSERT ON TABLE motorpool.dead, motorpool.rates",
                    "TRUNCATE ON ALL TABLES IN SCHEMA motorpool",
                ])
        #expect(missing.contains { $0.privileges == "INSERT" && $0.objects.contains("motorpool.history, ") })
        #expect(missing.filter(\.isOptional).map(\.privileges) == ["TRUNCATE"])
        #expect(try await desk.store.missingPrivileges().missing.isEmpty)
    }
}
