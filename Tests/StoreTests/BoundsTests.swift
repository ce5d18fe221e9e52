import FoundationEssentials
import Jobs
import Postgres
import Store
import TestSupport
import Testing

/// The args of R1: jsonb keeps each number in 12 bytes, and writes it out in 131,072 digits.
private func bomb(_ count: Int = 8300, of number: String = "1e131071") -> JSON {
    JSON(text: "[" + [String](repeating: number, count: count).joined(separator: ",") + "]")
}

@Suite("R1: a bound counts what a value becomes")
struct BoundsTests {
    private static let digits = ["0", "7", "10", "120045", "99999999999999999999"]
    private static let fractions = ["", "", ".0", ".5", ".000", ".0450"]
    private static let exponents = [
        "", "", "e0", "e3", "E-3", "e+17", "e-40", "e131000", "e131068", "e131071", "e-16380", "e-16383",
        "e-17000", "e140000",
    ]
    private static let characters = [
        "a", "ü", "😀", #"\u00fc"#, #"\ud83d\ude00"#, #"\/"#, #"\""#, #"\n"#, #"\u001f"#, "\u{7f}", #"\u007f"#,
        #"\\"#,
    ]

    /// A document at random, with everything that changes its length on the way through jsonb.
    private func document(_ dice: inout SplitMix, depth: Int = 0) -> String {
        let count = Int.random(in: 0...4, using: &dice)
        var parts: [String] = []
        switch Int.random(in: 0..<(depth > 4 ? 3 : 5), using: &dice) {
        case 0:
            let number: String =
                dice.pick(Self.digits) + dice.pick(Self.fractions) + dice.pick(Self.exponents)
            return dice.pick(["", "-"]) + number
        case 1: return dice.pick(["true", "false", "null"])
        case 2:
            for _ in 0..<count { parts.append(dice.pick(Self.characters)) }
            return "\"\(parts.joined())\""
        case 3:
            for _ in 0..<count { parts.append(document(&dice, depth: depth + 1)) }
            return "[\(parts.joined(separator: dice.pick([",", " , "])))]"
        default:
            for index in 0..<count {
                let value: String = document(&dice, depth: depth + 1)
                parts.append("\"n\\u00e4\(index)\": \(value)")
            }
            return "{\(parts.joined(separator: ","))}"
        }
    }

    @Test("what Swift measures is what PostgreSQL writes out, and what its own judge finds")
    func oracle() async throws {
        try await withDesk { desk async throws in
            var dice = SplitMix(state: 8)
            var compared = 0
            for _ in 0..<600 {
                let text = document(&dice)
                let measure = try JSON(text: text).measure()
                let rows: Rows
                do {
                    rows = try await desk.store.database.run(
                        """
                        SELECT octet_length(d::text), s.bytes, s.is_exact, (pg_column_size(d) - 16) / 4
                        FROM (SELECT (\(text)::text)::jsonb AS d) t, motorpool.text_bytes(d, 1000000000) s
                        """)
                } catch PostgresError.server(let error) where error.sqlstate.hasPrefix("22") {
                    #expect(measure.hasNumberBeyondNumeric, "\(text) \(error.message)")
                    continue
                }
                #expect(!measure.hasNumberBeyondNumeric, "\(text)")
                let row = rows[0]
                let written = Int(try row.get(0, as: Int32.self))
                #expect(measure.bytes == written, "\(text)")
                #expect(try row.get(1, as: Int64.self) == Int64(written), "\(text)")
                #expect(try row.get(2, as: Bool.self))
                #expect(Int(try row.get(3, as: Int32.self)) <= written, "\(text)")
                compared += 1
            }
            #expect(compared > 300)
        }
    }

    @Test("one of 1, 8 and 1,000 is refused by name before anything is written out", arguments: [1, 8, 1000])
    func bulk(count: Int) async throws {
        try await withDesk { desk async throws in
            let jobs = (0..<count).map { NewJob("note", args: $0 == count / 2 ? bomb() : .emptyObject) }
            let error = await caught { _ = try await desk.store.enqueue(jobs) }
            guard case StoreError.badJob(count / 2, count, let fault)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(fault.field == "args")
            #expect(
                fault.message == "args: found 1087914200 bytes as jsonb writes them, expected at most 262144")
            let told = String(describing: error ?? StoreError.stale)
            let place = count == 1 ? "args: " : "job \(count / 2 + 1) of \(count): args: "
            #expect(told.hasPrefix(place))
            #expect(try await desk.count("jobs") == 0)
        }
    }

    @Test("forty of 9 kB are refused together, and an unknown kind among many is named by its place")
    func forty() async throws {
        try await withDesk { desk async throws in
            let jobs = [NewJob](repeating: NewJob("note", args: bomb(1000)), count: 40)
            #expect(
                badRequest(await caught { _ = try await desk.store.enqueue(jobs) })?.hasPrefix("args: ")
                    == true)
            let others = (0..<20).map { NewJob($0 == 17 ? "nope" : "note") }
            let error = await caught { _ = try await desk.store.enqueue(others) }
            guard case StoreError.unknownKind(_, _, 17)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test("one bound has one answer: alone, among eight and by SQL", arguments: [87_381, 87_382])
    func edge(ones: Int) async throws {
        try await withDesk { desk async throws in
            // 3 bytes each: 262,143 and 262,146.
            let job = NewJob("note", args: bomb(ones, of: "1"))
            let alone = badRequest(await caught { _ = try await desk.store.enqueue(job) })
            let among = badRequest(
                await caught { _ = try await desk.store.enqueue([NewJob](repeating: job, count: 8)) })
            let text = job.args.description
            let bySQL = await caught {
                try await desk.store.database.run("SELECT motorpool.enqueue('note', (\(text)::text)::jsonb)")
            }
            if ones == 87_381 {
                #expect(alone == nil && among == nil && bySQL == nil)
            } else {
                #expect(alone == "args: found 262146 bytes as jsonb writes them, expected at most 262144")
                #expect(among == alone)
                #expect(sentence(bySQL)?.replacing("at least ", with: "") == alone)
            }
        }
    }

    @Test(
        "the SQL function refuses without writing it out: time and memory of the server stay flat",
        arguments: [
            ("1e131071", 8300), ("1e131071", 87_000), ("-3.5e-16000", 8300), ("0e-16000", 60_000),
            ("12e131060", 1000),
        ])
    func bySQL(number: String, count: Int) async throws {
        try await withDesk { desk async throws in
            try await desk.store.database.transaction { tx in
                // Parsed before the clock starts.
                try await tx.run(
                    "CREATE TEMP TABLE bombs AS SELECT (\(bomb(count, of: number).description)::text)::jsonb AS doc"
                )
                let process: Int32 = try await tx.run("SELECT pg_backend_pid()")[0].get(0)
                let before = try peak(of: process)
                let rows = try await tx.run(
                    """
                    WITH judged AS MATERIALIZED (SELECT clock_timestamp() AS began, s.* FROM bombs, motorpool.text_bytes(doc, 262144) s)
                    SELECT bytes, is_exact, extract(epoch FROM clock_timestamp() - began)::double precision FROM judged
                    """)
                #expect(try rows[0].get(0, as: Int64.self) > 262_144)
                #expect(try rows[0].get(1, as: Bool.self) == false)
                // 5 to 45 ms on a machine of its own; this one may be busy.
                #expect(try rows[0].get(2, as: Double.self) < 1)
                let grown = try peak(of: process) - before
                #expect(grown < 24_000, "the server's process grew by \(grown) kB")
            }
            for call in ["args => doc", "meta => doc"] {
                let error = await caught {
                    try await desk.store.database.run(
                        """
                        SELECT motorpool.enqueue('note', \(pasting: call))
                        FROM (SELECT (\(bomb(count, of: number).description)::text)::jsonb AS doc) b
                        """)
                }
                #expect((error as? PostgresError)?.sqlstate == "MP002")
                let name = call.prefix(4)
                #expect(sentence(error)?.hasPrefix("\(name): found at least ") == true)
            }
            #expect(try await desk.count("jobs") == 0)
        }
    }

    /// The most memory that a process ever held, in kB.
    private func peak(of process: Int32) throws -> Int {
        let line = try String(contentsOf: URL(filePath: "/proc/\(process)/status"), encoding: .utf8).split(
            separator: "\n"
        ).first {
            $0.hasPrefix("VmHWM")
        }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }

    @Test("a document that could not be read again for its depth is refused by SQL as well")
    func depth() async throws {
        try await withDesk { desk async throws in
            for (depth, isTaken) in [(128, true), (129, false), (4000, false)] {
                let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
                let bySwift = await caught {
                    _ = try await desk.store.enqueue(NewJob("note", args: JSON(text: text)))
                }
                let bySQL = await caught {
                    try await desk.store.database.run(
                        "SELECT motorpool.enqueue('note', (\(text)::text)::jsonb)")
                }
                #expect((bySwift == nil) == isTaken)
                #expect((bySQL == nil) == isTaken)
            }
            let inside =
                "{\"a\": " + String(repeating: "[", count: 127) + "1" + String(repeating: "]", count: 127)
                + "}"
            try await desk.store.database.run("SELECT motorpool.enqueue('note', (\(inside)::text)::jsonb)")
            _ = try await desk.store.enqueue(NewJob("note", args: JSON(text: inside)))
        }
    }

    @Test(
        "the SQL function says the same of the other members as every other way",
        arguments: [
            ("subject => ''", NewJob("note", subject: "")),
            ("subject => repeat('s', 513)", NewJob("note", subject: String(repeating: "s", count: 513))),
            ("key => ''", NewJob("note", key: "")),
            ("key => repeat('k', 257)", NewJob("note", key: String(repeating: "k", count: 257))),
            ("limit_key => repeat('l', 513)", NewJob("note", limitKey: String(repeating: "l", count: 513))),
            ("key_scope => repeat('s', 257)", NewJob("note", keyScope: String(repeating: "s", count: 257))),
            ("queue => 'No Queue'", NewJob("note", queue: "No Queue")),
            ("attempts_max => 0", NewJob("note", attemptsMax: 0)),
            ("attempts_max => 1001", NewJob("note", attemptsMax: 1001)),
            ("attempts_max => 100000", NewJob("note", attemptsMax: 100_000)),
            ("delay => interval '-1 second'", NewJob("note", delay: .seconds(-1))),
            (
                "delay => interval '1 hour', run_at => '2027-01-01T00:00:00Z'",
                NewJob("note", delay: .seconds(3600), runAt: Timestamp(rfc3339: "2027-01-01T00:00:00Z"))
            ),
            (
                "run_at => '9999-12-31T23:59:59Z'",
                NewJob("note", runAt: Timestamp(rfc3339: "9999-12-31T23:59:59Z"))
            ),
            (
                "args => to_jsonb(repeat('x', 262143))",
                NewJob("note", args: JSON(text: "\"" + String(repeating: "x", count: 262_143) + "\""))
            ),
            (
                "meta => to_jsonb(repeat('x', 16383))",
                NewJob("note", meta: JSON(text: "\"" + String(repeating: "x", count: 16_383) + "\""))
            ),
        ])
    func words(call: String, job: NewJob) async throws {
        try await withDesk { desk async throws in
            let bySwift = badRequest(await caught { _ = try await desk.store.enqueue(job) })
            let bySQL = await caught {
                try await desk.store.database.run("SELECT motorpool.enqueue('note', \(pasting: call))")
            }
            #expect(bySwift != nil)
            #expect(sentence(bySQL) == bySwift)
            #expect(try await desk.count("jobs") == 0)
        }
    }

    @Test("a result and new jobs of a run are judged before anything is sent")
    func outcomes() async throws {
        try await withDesk { desk async throws in
            let worker = try await desk.worker()
            let job = try await desk.running(by: worker)
            let settled = Patience().settlement(of: .done(result: bomb()), failures: 0, age: .zero, random: 0)
            guard case .die(.forGood, let error)? = settled else {
                Issue.record("\(String(describing: settled))")
                return
            }
            #expect(error == "result: found 1087914200 bytes as jsonb writes them, expected at most 65536")
            let committed = await caught {
                _ = try await desk.store.commit(job.token) { _ in (1, result: bomb(), followUps: []) }
            }
            #expect(badRequest(committed) == error)
            let followed = await caught {
                try await desk.store.settle(
                    job.token, as: .finish(result: nil),
                    enqueueing: [NewJob("note"), NewJob("note", args: bomb())])
            }
            #expect(badRequest(followed)?.hasPrefix("args: ") == true)
            let awaited = await caught {
                try await desk.store.settle(
                    job.token, as: .wait(step: 1), enqueueing: [NewJob("note", args: bomb(1000))])
            }
            #expect(badRequest(awaited)?.hasPrefix("args: ") == true)
            #expect(try await desk.state(of: job.id) == .running)
        }
    }
}

private func sentence(_ error: (any Error)?) -> String? {
    if case PostgresError.server(let error)? = error { error.message } else { nil }
}

/// A generator whose runs can be repeated.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func pick(_ words: [String]) -> String { words[Int.random(in: 0..<words.count, using: &self)] }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
