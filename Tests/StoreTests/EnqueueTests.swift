import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("An enqueue")
struct EnqueueTests {
    @Test("of an unknown kind puts nothing in line, however many others came along, and names the kinds")
    func unknownKind() async throws {
        try await withDesk([Definition(kind: "note"), Definition(kind: "mod")]) { desk async throws in
            for job in [NewJob("nope"), NewJob("nope", subject: "s"), NewJob("nope", key: "k")] {
                let jobs = [NewJob("note"), NewJob("note", subject: "x"), job, NewJob("mod")]
                let error = await caught { _ = try await desk.store.enqueue(jobs) }
                guard case StoreError.unknownKind(let message, let hint, _)? = error else {
                    Issue.record("\(String(describing: error))")
                    continue
                }
                #expect(message.contains("“nope”") && hint.contains("mod, note"))
            }
            #expect(try await desk.count("jobs") == 0)
            #expect(try await desk.count("subjects") == 0)
            #expect(try await desk.count("keys") == 0)
        }
    }

    static let tooMuch: [(String, NewJob)] = [
        ("kind", NewJob("No Name")), ("kind", NewJob("")), ("queue", NewJob("note", queue: "no queue")),
        ("subject", NewJob("note", subject: "")),
        ("subject", NewJob("note", subject: String(repeating: "s", count: Bounds.subjectBytesMax + 1))),
        ("key", NewJob("note", key: "")),
        ("key", NewJob("note", key: String(repeating: "k", count: Bounds.keyBytesMax + 1))),
        ("limit_key", NewJob("note", limitKey: String(repeating: "l", count: Bounds.subjectBytesMax + 1))),
        ("delay", NewJob("note", delay: .seconds(-1))),
        ("delay", NewJob("note", delay: .seconds(315_576_001))),
        ("attempts", NewJob("note", attemptsMax: 0)), ("attempts", NewJob("note", attemptsMax: 1001)),
        (
            "args",
            NewJob("note", args: JSON([UInt8](repeating: UInt8(ascii: "1"), count: Bounds.argsBytesMax + 1)))
        ),
        ("subject", NewJob("note", subject: "a\0b")), ("key", NewJob("note", key: "a\0b")),
        ("key", NewJob("note", key: "k", keyScope: "a\0b")), ("limit_key", NewJob("note", limitKey: "a\0b")),
    ]

    @Test(
        "beyond a bound is refused with a sentence about it, and nothing of its batch is taken",
        arguments: 0..<tooMuch.count)
    func bounds(index: Int) async throws {
        let (what, job) = Self.tooMuch[index]
        try await withDesk { desk async throws in
            let error = await caught { _ = try await desk.store.enqueue([NewJob("note"), job]) }
            #expect(badRequest(error)?.contains(what) == true, "\(String(describing: error))")
            #expect(try await desk.count("jobs") == 0)
        }
    }

    @Test(
        "of args that are no JSON, or hold a NUL, is refused and nothing of its batch is taken",
        arguments: ["", "{", "nope", "{\"a\":\"\\u0000\"}", "NUL", "{} {}"])
    func brokenArgs(text: String) async throws {
        try await withDesk { desk async throws in
            for subject in [nil, "s"] {
                let broken = NewJob("note", args: JSON(text: text == "NUL" ? "\0" : text), subject: subject)
                let error = await caught { _ = try await desk.store.enqueue([NewJob("note"), broken]) }
                #expect(badRequest(error) != nil, "\(String(describing: error))")
            }
            #expect(try await desk.count("jobs") == 0)
            #expect(try await desk.count("subjects") == 0)
        }
    }

    @Test("takes 10,000 in one go and refuses one more")
    func many() async throws {
        try await withDesk { desk in
            let tooMany = [NewJob](repeating: NewJob("note"), count: Store.enqueueJobsMax + 1)
            let error = await caught { _ = try await desk.store.enqueue(tooMany) }
            #expect(badRequest(error)?.contains("10001") == true)
            let jobs = (0..<Store.enqueueJobsMax).map { NewJob("note", args: JSON(text: "\($0)")) }
            let answers = try await desk.store.enqueue(jobs)
            #expect(answers.count == jobs.count)
            #expect(Set(answers.map(\.job)).count == jobs.count)
            let args: [Int64] = try await desk.column(
                "SELECT (args #>> '{}')::bigint FROM motorpool.jobs ORDER BY id")
            #expect(args == (0..<Int64(jobs.count)).map { $0 })
            #expect(answers.map(\.job) == answers.map(\.job).sorted())
        }
    }

    @Test("of nothing answers nothing")
    func none() async throws {
        try await withDesk { desk async throws in #expect(try await desk.store.enqueue([]).isEmpty) }
    }

    @Test("answers in the order of the requests, whatever they are")
    func mixed() async throws {
        try await withDesk([Definition(kind: "note"), Definition("strict") { $0.unique = .refuse }]) { desk in
            let first = try await desk.store.enqueue(NewJob("note", subject: "old")).job
            let jobs = [
                NewJob("note", args: "0"), NewJob("note", args: "1", subject: "zoo"),
                NewJob("note", args: "2"),
                NewJob("note", args: "3", key: "k"), NewJob("note", args: "4", subject: "old"),
                NewJob("note", args: "3", key: "k"), NewJob("note", args: "6", key: "k"),
                NewJob("strict", args: "7", subject: "a"), NewJob("strict", args: "8", subject: "a"),
                NewJob("note", args: "9"),
            ]
            let answers = try await desk.store.enqueue(jobs)
            #expect(
                answers.map(\.verdict) == [
                    .created, .created, .created, .created, .joined, .duplicate, .mismatch, .created,
                    .refused, .created,
                ])
            #expect(answers[4].job == first)
            #expect(answers[5].job == answers[3].job)
            #expect(answers[8].job == answers[7].job)
            for (index, answer) in answers.enumerated() where answer.verdict == .created {
                let args: String = try await desk.value(
                    "SELECT args FROM motorpool.jobs WHERE id = \(answer.job.number)")
                #expect(args == "\(index)")
            }
        }
    }

    @Test("keeps every word of the request")
    func words() async throws {
        try await withDesk { desk in
            let id = try await desk.store.enqueue(
                NewJob(
                    "note", args: "{\"ä\": [1, \"😀\"]}", subject: "S", delay: .seconds(100), priority: .low,
                    queue: "side",
                    limitKey: "ignored", attemptsMax: 7, meta: "{\"traceparent\":\"00-1\"}")
            ).job
            let report = try #require(try await desk.store.job(id))
            #expect(report.args.description == "{\"ä\": [1, \"😀\"]}")
            #expect(report.subject == "S" && report.priority == .low && report.queue == "side")
            #expect(report.limitKey == nil)
            #expect(report.meta?.description.contains("traceparent") == true)
            #expect(report.state == .waiting)
            let attempts: Int16 = try await desk.value("SELECT attempts_max FROM motorpool.jobs")
            #expect(attempts == 7)
        }
    }

    @Test(
        "takes what is left out from the kind's definition, alone and in a batch",
        arguments: [nil, "subject"])
    func defaults(subject: String?) async throws {
        let kind = Definition {
            $0.queue = "own"
            $0.priority = .high
            $0.keepsHistory = false
        }
        try await withDesk([kind]) { desk in
            _ = try await desk.store.enqueue(NewJob("note", subject: subject))
            let row = try await desk.store.database.run(
                "SELECT queue, priority, level, keep, run_at FROM motorpool.jobs")[0]
            #expect(try row.get(0, as: String.self) == "own")
            #expect(try row.get(1, as: Int16.self) == Priority.high.rawValue)
            #expect(try row.get(2, as: Int16.self) == Level.fresh(.high).rawValue)
            #expect(try row.get(3, as: Bool.self) == false)
            #expect(row.isNull(4))
        }
    }

    @Test("inside a transaction that is rolled back never was")
    func rolledBack() async throws {
        struct Fault: Error {}
        try await withDesk { desk in
            let worker = try await desk.worker()
            await #expect(throws: Fault.self) {
                try await desk.store.database.transaction { tx in
                    _ = try await desk.store.enqueue(
                        [NewJob("note"), NewJob("note", subject: "s", key: "k")], in: tx)
                    throw Fault()
                }
            }
            #expect(try await desk.claim(by: worker).isEmpty)
            #expect(try await desk.count("subjects") == 0)
            // The key is free again.
            #expect(try await desk.store.enqueue(NewJob("note", args: "1", key: "k")).verdict == .created)
        }
    }
}
