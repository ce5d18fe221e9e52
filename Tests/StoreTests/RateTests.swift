import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("A rate in the database")
struct RateTests {
    /// When the jobs of the kind that were let go may start, in seconds from the first.
    private func starts(_ desk: Desk) async throws -> [Double] {
        try await desk.column(
            """
            SELECT extract(epoch FROM run_at - min(run_at) OVER ())::double precision FROM motorpool.jobs
            WHERE state IN (0, 1, 2) ORDER BY 1
            """)
    }

    private func spacings(_ starts: [Double]) -> [Double] {
        zip(starts, starts.dropFirst()).map { (($1 - $0) * 1000).rounded() / 1000 }
    }

    @Test("spaces what it lets go evenly, and looks no more than a second ahead")
    func spacing() async throws {
        try await withDesk([Definition { $0.rate = Rate(count: 5, per: .seconds(1)) }]) { desk in
            _ = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 50))
            let starts = try await starts(desk)
            #expect(starts.count == 6)
            #expect(spacings(starts) == [0.2, 0.2, 0.2, 0.2, 0.2])
        }
    }

    @Test("with a burst lets so many go at once")
    func burst() async throws {
        try await withDesk([Definition { $0.rate = Rate(count: 2, per: .seconds(1), burst: 4) }]) { desk in
            _ = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 50))
            let starts = try await starts(desk)
            #expect(spacings(starts) == [0, 0, 0, 0.5, 0.5])
            #expect(try await desk.value("SELECT count(*) FROM motorpool.jobs WHERE state = 0") as Int == 4)
        }
    }

    @Test("per key runs for each key alone")
    func perKey() async throws {
        try await withDesk([Definition { $0.ratePerKey = Rate(count: 1, per: .seconds(1)) }]) { desk in
            _ = try await desk.store.enqueue((0..<30).map { NewJob("note", limitKey: "k\($0 % 3)") })
            let rows = try await desk.store.database.run(
                "SELECT limit_key, count(*) FROM motorpool.jobs WHERE state <> 3 GROUP BY 1 ORDER BY 1")
            #expect(try rows.map { try $0.get(1, as: Int.self) } == [2, 2, 2])
        }
    }

    @Test("holds over many turns: never more than the rate and its burst")
    func overTurns() async throws {
        try await withDesk([Definition { $0.rate = Rate(count: 20, per: .seconds(1), burst: 3) }]) { desk in
            let began = ContinuousClock.now
            _ = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 100))
            for _ in 0..<5 { _ = try await desk.store.admit() }
            let took = (ContinuousClock.now - began).inSeconds
            let starts = try await starts(desk)
            for (index, start) in starts.enumerated() {
                #expect(start + 0.0005 >= Double(index - 2) * 0.05)
            }
            // Up to a second ahead of the time that has passed.
            #expect(Double(starts.count) <= 20 * (took + 1) + 4)
        }
    }

    @Test("of a host promises the whole cluster no more than it says, asked over many connections")
    func reserve() async throws {
        try await withDesk { desk in
            let rate = Rate(count: 100, per: .seconds(1))
            let began = ContinuousClock.now
            let times = try await withThrowingTaskGroup(of: [Duration].self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        var mine: [Duration] = []
                        for _ in 0..<5 {
                            let asked = ContinuousClock.now - began
                            mine += try await desk.store.reserve(host: "h", wanted: 3, rate: rate).granted.map
                            {
                                asked + $0
                            }
                        }
                        return mine
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            let seconds = times.map(\.inSeconds).sorted()
            #expect(seconds.count == 60)
            // Sixty requests at 10 ms each: the last is promised no sooner than the rate allows.
            #expect(try #require(seconds.last) - seconds[0] >= 59 * 0.01 - 0.25)
            let promised: Double = try await desk.value(
                "SELECT extract(epoch FROM arrival - clock_timestamp())::double precision FROM motorpool.hosts"
            )
            #expect(promised > 60 * 0.01 - (ContinuousClock.now - began).inSeconds - 0.1)
        }
    }

    @Test("of a host grants at most a second's worth at once, and nothing while a whole second is promised")
    func reserveBounds() async throws {
        try await withDesk { desk in
            let slow = Rate(count: 1, per: .seconds(10))
            #expect(try await desk.store.reserve(host: "slow", wanted: 100, rate: slow).granted.count == 1)
            let next = try await desk.store.reserve(host: "slow", wanted: 100, rate: slow)
            #expect(next.granted.isEmpty)
            #expect(next.askAgainIn > .seconds(7) && next.askAgainIn <= .seconds(9))
            let quick = Rate(count: 10, per: .seconds(1))
            #expect(try await desk.store.reserve(host: "quick", wanted: 100, rate: quick).granted.count == 10)
            #expect(try await desk.store.reserve(host: "other", wanted: 0, rate: quick).granted.count == 1)
        }
    }

    @Test("a key gives each of 5,000 keys its start, although those before it always have more")
    func manyKeys() async throws {
        try await withDesk([Definition { $0.ratePerKey = Rate(count: 1, per: .seconds(3600)) }]) { desk in
            try await desk.store.database.run(
                """
                INSERT INTO motorpool.jobs (id, seq, state, held, level, priority, keep, queue, kind, limit_key, args)
                SELECT nextval('motorpool.seq'), n * 5000 + k, 3, 1, 5, 2, false, 'default', 'note', 'k' || lpad(k::text, 5, '0'), '{}'
                FROM generate_series(1, 5000) k, generate_series(1, 2) n
                """)
            try await desk.store.database.run("ANALYZE motorpool.jobs")
            // 1,000 a turn and three windows: two rounds and a half give every key its first start.
            for _ in 0..<12 { _ = try await desk.store.admit() }
            let keys: Int = try await desk.value(
                "SELECT count(DISTINCT limit_key) FROM motorpool.jobs WHERE admitted")
            #expect(keys == 5000)
            #expect(try await desk.value("SELECT count(*) FROM motorpool.jobs WHERE admitted") as Int == 5000)
        }
    }
}
