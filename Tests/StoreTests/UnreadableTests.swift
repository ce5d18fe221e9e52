import Jobs
import Postgres
import Store
import TestSupport
import Testing

/// Rows that a program put into the table by SQL, past every bound.
@Suite("A row that can't be read")
struct UnreadableTests {
    /// What stands in the table, by the SQL that makes its args.
    private static let bombs = [
        // R1: 1.1 GB when it is written out.
        array(of: "1e131071", 8300),
        // R1: 131 MB each.
        array(of: "1e131071", 1000), array(of: "-1e131071", 1000), array(of: "1e-16383", 1000),
        // 39 MB each, compressed to 160 bytes.
        "jsonb_build_object('a', jsonb_build_array(jsonb_build_object('b', \(array(of: "1e131071", 300)))))",
        "to_jsonb(repeat('x', 5000000))",
    ]

    /// A literal: built from numbers it would take the server seconds.
    private static func array(of number: String, _ count: Int) -> String {
        "('[' || repeat('\(number),', \(count - 1)) || '\(number)]')::jsonb"
    }

    private static func insert(_ args: String, meta: String = "NULL", times: Int = 1, into desk: Desk)
        async throws -> [JobID]
    {
        let rows = try await desk.store.database.run(
            """
            INSERT INTO motorpool.jobs (id, seq, state, level, priority, keep, queue, kind, args, meta)
            SELECT s, s, 0, 5, 2, true, 'default', 'note', \(pasting: args), \(pasting: meta)
            FROM (SELECT nextval('motorpool.seq') AS s FROM generate_series(1, \(times))) n RETURNING id
            """)
        return try rows.map { JobID(try $0.get(0)) }
    }

    private static func isMade(_ desk: Desk, _ job: JobID) async throws -> Bool {
        let faults = try await desk.store.faults(of: [job])
        return faults[job]?.contains("args: ") == true
    }

    @Test("R1 is claimed without being written out, beside the others, and says why", arguments: bombs)
    func claimed(args: String) async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let before = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 5)).map(
                \.job)
            let bad = try await Self.insert(args, times: 3, into: desk)
            let after = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 5)).map(\.job)
            let claim = Claim(
                queue: "default", kinds: ["note"], worker: worker, limit: 100, bytes: 64 << 20,
                watermarks: Watermarks())
            let began = ContinuousClock.now
            let claimed = try await desk.store.settle(plain: [], andClaim: claim)
            #expect(ContinuousClock.now - began < .seconds(3))
            #expect(claimed.jobs.map(\.id) == before + after)
            #expect(Set(claimed.unreadable.map(\.job)) == Set(bad))
            for job in bad { #expect(try await Self.isMade(desk, job)) }
            // Its token settles it like any other.
            for token in claimed.unreadable {
                #expect(
                    try await desk.store.settle([(token, .die(reason: .forGood, error: "unreadable"))]) == [
                        true
                    ])
            }
            #expect(try await desk.told(bad[0]) == .dead)
        }
    }

    @Test("R1 in its meta costs itself only as well")
    func meta() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let bad = try await Self.insert("'{}'", meta: Self.bombs[0], into: desk)
            let good = try await desk.store.enqueue(NewJob("note")).job
            let claimed = try await desk.store.settle(plain: [], andClaim: desk.wish(by: worker))
            #expect(claimed.jobs.map(\.id) == [good] && claimed.unreadable.map(\.job) == bad)
        }
    }

    @Test(
        "among many small ones ends the claim before the memory, and a careful claim finds them",
        arguments: [
            // 2 MB each in 200 bytes: too small to be looked at, too many to be read.
            array(of: "1e131071", 14),
            // Zeros with 16,383 digits behind the point.
            array(of: "0e-16383", 250),
        ])
    func small(args: String) async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let bad = try await Self.insert(args, times: 100, into: desk)
            let good = try await desk.store.enqueue(NewJob("note")).job
            await #expect(throws: PostgresError.self) {
                try await desk.store.settle(plain: [], andClaim: desk.wish(by: worker))
            }
            let claimed = try await desk.careful(by: worker)
            #expect(claimed.jobs.map(\.id) == [good] && claimed.unreadable.count == bad.count)
        }
    }

    @Test("for its times is none: infinite times, which only SQL writes, are far away")
    func infinite() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            _ = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 4))
            for (n, change) in [
                "patient_from = '-infinity'", "patient_from = 'infinity'", "run_at = '-infinity'",
                "run_at = 'infinity'",
            ].enumerated() {
                try await desk.store.database.run(
                    "UPDATE motorpool.jobs SET \(pasting: change) WHERE id = (SELECT min(id) + \(n) FROM motorpool.jobs)"
                )
            }
            let claimed = try await desk.store.settle(plain: [], andClaim: desk.wish(by: worker))
            #expect(claimed.jobs.count == 4)
            #expect(claimed.jobs.allSatisfy { $0.age >= .zero && $0.waited >= .zero })
        }
    }

    @Test("is told with a sentence in its place, wherever it stands; the others are told as ever")
    func lists() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let good = try await desk.store.enqueue(NewJob("note", args: #"{"n":1e30}"#)).job
            let bad = try await Self.insert(Self.bombs[0], meta: Self.bombs[1], into: desk)[0]
            try await desk.store.database.run(
                "UPDATE motorpool.jobs SET errors = \(pasting: Self.bombs[1]) WHERE id = \(bad.number)")
            func look(_ state: ToldState, _ places: [JobSearch.Place]) async throws {
                let began = ContinuousClock.now
                let reports = try await desk.store.jobs(JobFilter())
                #expect(Set(reports.map(\.id)).isSuperset(of: [bad]))
                let report = try #require(try await desk.store.job(bad))
                #expect(report.state == state)
                #expect(report.args.description.contains(#""unreadable": "its numbers"#))
                #expect(report.meta?.description.contains("unreadable") == true)
                for place in places {
                    #expect(
                        try await desk.store.search(JobSearch(place)).jobs.contains { $0.id == bad },
                        "\(place)")
                }
                _ = try await desk.store.pulses(of: [bad])
                _ = try await desk.store.deadGroups()
                #expect(ContinuousClock.now - began < .seconds(5))
            }
            try await look(.waiting, [.live, .waiting, .ready])
            #expect(try await desk.store.job(good)?.args.description.contains("1000000000") == true)
            let claimed = try await desk.store.settle(plain: [], andClaim: desk.wish(by: worker))
            try await look(.running, [.live, .running])
            let token = try #require(claimed.unreadable.first)
            _ = try await desk.store.settle([(token, .die(reason: .forGood, error: "x"))])
            try await look(.dead, [.dead])
            #expect(try await desk.store.retry(bad, by: ann) == .retried)
            #expect(
                try await desk.store.cancel(bad, reason: "enough", by: ann)
                    == .cancelled(mayHaveStarted: true))
            try await look(.cancelled, [.cancelled])
            #expect(try await desk.store.retry(bad, by: ann) == .retried)
            let again = try await desk.store.settle(plain: [], andClaim: desk.wish(by: worker))
            let second = try #require(again.unreadable.first)
            _ = try await desk.store.settle([(second, .die(reason: .forGood, error: "x"))])
            #expect(try await desk.store.act(.discard, on: [bad], target: "job", by: ann) == 1)
            #expect(try await desk.store.job(bad)?.args.description.contains("unreadable") == true)
        }
    }

    @Test("is rescued like any other when its worker dies")
    func rescued() async throws {
        try await withDesk { desk in
            let first = try await desk.worker()
            let bad = try await Self.insert(Self.bombs[0], into: desk)
            #expect(
                try await desk.store.settle(plain: [], andClaim: desk.wish(by: first)).unreadable.count == 1)
            try await desk.expire(first)
            #expect(try await desk.store.rescue().map(\.recovered) == [1])
            #expect(try await desk.told(bad[0]) == .waiting)
        }
    }
}

/// How much is claimed and enqueued at once.
@Suite("A batch")
struct BatchBytesTests {
    /// Incompressible args of about so many bytes.
    private func insert(_ count: Int, numbers: Int, into desk: Desk) async throws {
        try await desk.store.database.run(
            """
            WITH a AS (SELECT jsonb_build_object('ids', jsonb_agg((random() * 1e15)::bigint)) AS j FROM generate_series(1, \(numbers)))
            SELECT count(motorpool.enqueue('note', j, ring => false)) FROM a, generate_series(1, \(count))
            """)
    }

    @Test("R2 that is claimed ends at its bytes, says so, and the next goes on there")
    func claimed() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            try await insert(60, numbers: 12_000, into: desk)
            let all: [Int64] = try await desk.column("SELECT id FROM motorpool.jobs ORDER BY seq")
            var marks = Watermarks()
            var claimed: [Int64] = []
            var claims = 0
            while claimed.count < all.count, claims < 60 {
                let part = try await desk.store.settle(
                    plain: [], andClaim: desk.wish(by: worker, behind: marks))
                #expect(part.bytes < 8 << 20 && !part.jobs.isEmpty)
                #expect(part.isCut == (claimed.count + part.count < all.count))
                claimed += part.jobs.map(\.id.number)
                for job in part.jobs { marks.advance(over: job) }
                claims += 1
            }
            #expect(claimed == all && claims > 1)
        }
    }

    @Test("of small jobs behind and before a large one is claimed whole as far as the bytes go")
    func mixed() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            _ = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 100))
            try await insert(1, numbers: 12_000, into: desk)
            _ = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 100))
            let part = try await desk.store.settle(plain: [], andClaim: desk.wish(by: worker, limit: 300))
            #expect(part.count == 201 && !part.isCut)
            // One job is claimed however large it is.
            try await insert(3, numbers: 12_000, into: desk)
            let one = try await desk.store.settle(plain: [], andClaim: desk.wish(by: worker, bytes: 1))
            #expect(one.count == 1 && one.isCut)
        }
    }

    @Test("R2 that is enqueued goes in several trips, and all of it or nothing")
    func enqueued() async throws {
        try await withDesk { desk in
            let text = "\"" + String(repeating: "0123456789abcdef", count: 15_500) + "\""
            var jobs = (0..<60).map {
                NewJob("note", args: JSON(text: text), subject: $0 % 7 == 0 ? "s\($0)" : nil)
            }
            let answers = try await desk.store.enqueue(jobs)
            #expect(answers.count == 60 && answers.allSatisfy { $0.verdict == .created })
            #expect(Set(answers.map(\.job)).count == 60)
            for (index, answer) in answers.enumerated() where index % 7 == 0 {
                #expect(try await desk.store.job(answer.job)?.subject == "s\(index)")
            }
            jobs[59].key = nil
            jobs[59] = NewJob("nobody-knows-it", args: JSON(text: text), subject: "last")
            await #expect(throws: StoreError.self) {
                try await desk.store.enqueue(
                    jobs.map { job in
                        NewJob(job.kind, args: job.args)
                    })
            }
            #expect(try await desk.column("SELECT count(*) FROM motorpool.jobs") == [Int64(60)])
        }
    }
}

extension Desk {
    fileprivate func wish(
        by worker: WorkerID, limit: Int = 100, bytes: Int = Claim.bytesDefault,
        behind marks: Watermarks = Watermarks()
    ) -> Claim {
        Claim(
            queue: "default", kinds: ["note"], worker: worker, limit: limit, bytes: bytes, watermarks: marks)
    }

    /// A careful claim; again while another session still holds the rows of a claim that it has not given up yet.
    fileprivate func careful(by worker: WorkerID) async throws -> Claimed {
        let claim = Claim(
            queue: "default", kinds: ["note"], worker: worker, limit: 200, bytes: 64 << 20, care: .careful,
            watermarks: Watermarks())
        var claimed = Claimed()
        try await eventually("the rows are free", within: .seconds(20)) {
            let more = try await store.settle(plain: [], andClaim: claim)
            claimed.jobs += more.jobs
            claimed.unreadable += more.unreadable
            let left: [Int64] = try await column("SELECT count(*) FROM motorpool.jobs WHERE state = 0")
            return left == [0]
        }
        return claimed
    }
}
