import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("A limit")
struct LimitTests {
    private static let perKey = Definition { $0.limitPerKey = 2 }
    private static let whole = Definition { $0.limit = 3 }

    @Test("per key lets so many of each key go and holds the rest", arguments: [true, false])
    func perKey(isSubject: Bool) async throws {
        try await withDesk([Self.perKey]) { desk in
            let worker = try await desk.worker()
            var jobs: [NewJob] = []
            for key in ["a", "b"] {
                for number in 0..<5 {
                    jobs.append(NewJob("note", subject: isSubject ? "\(key)\(number)" : nil, limitKey: key))
                }
            }
            _ = try await desk.store.enqueue(jobs)
            let claimed = try await desk.claim(by: worker)
            #expect(claimed.count == 4)
            #expect(try await running(desk) == ["a": 2, "b": 2])
        }
    }

    @Test("per key does not limit a job without a key")
    func noKey() async throws {
        try await withDesk([Self.perKey]) { desk in
            let worker = try await desk.worker()
            _ = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 9))
            #expect(try await desk.claim(by: worker).count == 9)
        }
    }

    @Test("of the whole kind counts all keys together")
    func whole() async throws {
        try await withDesk([Self.whole]) { desk in
            let worker = try await desk.worker()
            _ = try await desk.store.enqueue(
                (0..<9).map { NewJob("note", limitKey: $0 % 2 == 0 ? nil : "k\($0)") })
            #expect(try await desk.claim(by: worker).count == 3)
        }
    }

    @Test(
        "gives a freed place on at once, however it became free",
        arguments: [
            Settlement.finish(result: nil), .die(reason: .forGood, error: "x"), .cancel(reason: "x"),
            .retry(after: .seconds(100), error: "x"), .snooze(for: .seconds(100)),
        ])
    func freed(settlement: Settlement) async throws {
        try await withDesk([Self.whole]) { desk in
            let worker = try await desk.worker()
            _ = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 5))
            let jobs = try await desk.claim(by: worker)
            #expect(jobs.count == 3)
            #expect(try await desk.settle(jobs[0], settlement))
            #expect(try await desk.claim(by: worker).count == 1)
            _ = try await desk.store.cancel(jobs[1].id, reason: "x")
            #expect(try await desk.claim(by: worker).count == 1)
        }
    }

    @Test("holds again what comes back when the places are taken")
    func returning() async throws {
        try await withDesk([Self.whole]) { desk in
            let worker = try await desk.worker()
            _ = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 4))
            let jobs = try await desk.claim(by: worker)
            #expect(try await desk.settle(jobs[0], .retry(after: .zero, error: "x")))
            #expect(try await desk.claim(by: worker).count == 1)
            try await desk.comeDue()
            _ = try await desk.store.admit()
            #expect(try await desk.state(of: jobs[0].id) == .held)
            try await desk.finish(jobs[1])
            #expect(try await desk.claim(by: worker).map(\.id) == [jobs[0].id])
        }
    }

    @Test("keeps the place of a job that is handed back or rescued")
    func keptPlace() async throws {
        try await withDesk([Self.whole]) { desk in
            let (worker, dead) = (try await desk.worker(), try await desk.worker())
            _ = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 6))
            let handed = try await desk.claim(1, by: worker)
            _ = try await desk.claim(1, by: dead)
            _ = try await desk.store.handBack(handed.map(\.token), of: worker)
            try await desk.expire(dead)
            _ = try await desk.store.rescue()
            _ = try await desk.store.admit()
            #expect(try await desk.claim(by: worker, levels: [.suspect] + Level.ordinary).count == 3)
        }
    }

    @Test("holds although many admit at the same time")
    func concurrentAdmits() async throws {
        try await withDesk([Self.perKey]) { desk in
            let worker = try await desk.worker()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<40 {
                    group.addTask {
                        let job = NewJob(
                            "note", subject: index % 3 == 0 ? "s\(index)" : nil, limitKey: "k\(index % 4)")
                        _ = try await desk.store.enqueue(job)
                    }
                    if index % 4 == 0 { group.addTask { _ = try await desk.store.admit() } }
                }
                try await group.waitForAll()
            }
            var done = 0
            while done < 40 {
                _ = try await desk.store.admit()
                let jobs = try await desk.claim(by: worker)
                #expect(try await running(desk).values.allSatisfy { $0 <= 2 })
                // All at once, from two sides.
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for job in jobs { group.addTask { try await desk.finish(job) } }
                    try await group.waitForAll()
                }
                done += jobs.count
                try #require(!jobs.isEmpty)
            }
        }
    }

    @Test("is counted over what is scheduled by a rate, too")
    func rateAndLimit() async throws {
        let kind = Definition {
            $0.limit = 2
            $0.rate = Rate(count: 2, per: .seconds(1))
        }
        try await withDesk([kind]) { desk in
            _ = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 5))
            #expect(try await desk.value("SELECT count(*) FROM motorpool.jobs WHERE state <> 3") as Int == 2)
        }
    }

    @Test("gives its places in the order of the line, whatever the keys are called")
    func fairness() async throws {
        try await withDesk([Definition { $0.limit = 1 }]) { desk in
            let worker = try await desk.worker()
            let running = try await desk.running(NewJob("note", limitKey: "a"), by: worker)
            let urgent = try await desk.store.enqueue(
                NewJob("note", priority: .urgent, limitKey: "b")
            ).job
            _ = try await desk.store.enqueue([NewJob](repeating: NewJob("note", limitKey: "a"), count: 3))
            try await desk.finish(running)
            let next = try await desk.claim(by: worker).map(\.id)
            // Places are given key by key in the order of the keys' names: a key that is never empty starves those
            // behind it, whatever their priority.
            #expect(next == [urgent])
        }
    }

    @Test("gives each of 20,000 keys its turn, although the first keys of the alphabet never run dry")
    func manyKeys() async throws {
        try await withDesk([Definition { $0.limitPerKey = 1 }]) { desk in
            // Three jobs of each of 20,000 keys; what is admitted is settled at once and asked for again.
            try await desk.store.database.run(
                """
                INSERT INTO motorpool.jobs (id, seq, state, held, level, priority, keep, queue, kind, limit_key, args)
                SELECT nextval('motorpool.seq'), n * 20000 + k, 3, 1, 5, 2, false, 'default', 'note', 'k' || lpad(k::text, 5, '0'), '{}'
                FROM generate_series(1, 20000) k, generate_series(1, 3) n
                """)
            try await desk.store.database.run("ANALYZE motorpool.jobs")
            try await desk.store.database.run("CREATE TABLE seen (key text PRIMARY KEY)")
            var turns = 0
            var slowest = Duration.zero
            while try await desk.value("SELECT count(*) < 20000 FROM seen") {
                let began = ContinuousClock.now
                let admitted: Int32 = try await desk.value("SELECT motorpool.admit('note')")
                slowest = max(slowest, ContinuousClock.now - began)
                #expect(admitted > 0 && admitted <= 1000)
                try await desk.store.database.run(
                    """
                    WITH back AS (UPDATE motorpool.jobs SET state = 3, held = 1, admitted = false, seq = nextval('motorpool.seq') + 1000000
                        WHERE kind = 'note' AND admitted RETURNING limit_key)
                    INSERT INTO seen SELECT limit_key FROM back ON CONFLICT DO NOTHING
                    """)
                turns += 1
                try #require(turns < 100)
            }
            // Ten windows of 2,000 keys, each of which is met at least twice before it has let 2,000 jobs go.
            #expect(turns <= 40)
            print("20,000 keys: \(turns) turns, the slowest \(slowest)")
            #expect(slowest < .seconds(2))
        }
    }

    @Test("leaves no cursor behind where the keys fit into one turn")
    func fewKeys() async throws {
        try await withDesk([Self.perKey]) { desk in
            _ = try await desk.store.enqueue((0..<20).map { NewJob("note", limitKey: "k\($0 % 5)") })
            _ = try await desk.store.admit()
            #expect(try await desk.count("admission_cursors") == 0)
            #expect(try await desk.value("SELECT count(*) FROM motorpool.jobs WHERE admitted") as Int == 10)
        }
    }

    @Test("of a kind whose turn fails leaves the other kinds theirs")
    func failingKind() async throws {
        let kinds = [
            Definition("bad") { $0.rate = Rate(count: 1, per: .seconds(1)) },
            Definition("good") { $0.limit = 1 },
        ]
        try await withDesk(kinds) { desk in
            for kind in ["bad", "good"] {
                try await desk.store.database.run(
                    """
                    INSERT INTO motorpool.jobs (id, seq, state, held, level, priority, keep, queue, kind, limit_key, args)
                    VALUES (nextval('motorpool.seq'), 1, 3, 1, 5, 2, false, 'default', \(kind), '', '{}')
                    """)
            }
            try await desk.store.database.run(
                "UPDATE motorpool.kinds SET rate_whole_interval = 1e300 WHERE kind = 'bad'")
            try await desk.store.database.run(
                "INSERT INTO motorpool.rates (kind, key, arrival) VALUES ('bad', '', now())")
            let (queues, failures) = try await desk.store.admit()
            #expect(queues == ["default"] && failures.map(\.kind) == ["bad"])
        }
    }

    private func running(_ desk: Desk) async throws -> [String: Int] {
        let rows = try await desk.store.database.run(
            "SELECT limit_key, count(*) FROM motorpool.jobs WHERE state = 1 GROUP BY 1")
        return Dictionary(uniqueKeysWithValues: try rows.map { (try $0.get(0), try $0.get(1)) })
    }
}
