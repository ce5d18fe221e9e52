import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("An idempotency key")
struct KeyTests {
    @Test("with another body is a mismatch that names the first job, and changes nothing")
    func mismatch() async throws {
        try await withDesk { desk in
            let first = try await desk.store.enqueue(NewJob("note", args: "1", key: "k"))
            let before = try await desk.everything()
            let others = [
                NewJob("note", args: "2", key: "k"), NewJob("note", args: "1", subject: "s", key: "k"),
                NewJob("note", args: "1", key: "k", delay: .seconds(1)),
                NewJob("note", args: "1", key: "k", priority: .low),
                NewJob("note", args: "1", key: "k", queue: "other"),
                NewJob("note", args: "1", key: "k", attemptsMax: 9),
            ]
            for other in others {
                let answer = try await desk.store.enqueue(other)
                #expect(answer.verdict == .mismatch && answer.job == first.job)
            }
            #expect(try await desk.everything() == before)
        }
    }

    @Test("with the same body is the same job, however the body is written")
    func duplicate() async throws {
        try await withDesk { desk in
            let first = try await desk.store.enqueue(NewJob("note", args: "{\"a\": 1, \"b\": 2}", key: "k"))
            let twice = try await desk.store.enqueue(NewJob("note", args: "{\"b\":2,\"a\":1}", key: "k"))
            #expect(first.verdict == .created && twice.verdict == .duplicate && first.job == twice.job)
            #expect(try await desk.count("jobs") == 1)
        }
    }

    @Test("of another scope is another key")
    func scopes() async throws {
        try await withDesk { desk in
            let one = try await desk.store.enqueue(NewJob("note", key: "k", keyScope: "one"))
            let two = try await desk.store.enqueue(NewJob("note", key: "k", keyScope: "two"))
            #expect(two.verdict == .created && one.job != two.job)
        }
    }

    @Test("that 64 callers use at once makes one job, and all are told the same one")
    func storm() async throws {
        try await withDesk { desk in
            let answers = try await withThrowingTaskGroup(of: Enqueued.self) { group in
                for _ in 0..<64 {
                    group.addTask { try await desk.store.enqueue(NewJob("note", args: "7", key: "storm")) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count { $0.verdict == .created } == 1)
            #expect(answers.count { $0.verdict == .duplicate } == 63)
            #expect(Set(answers.map(\.job)).count == 1)
            #expect(try await desk.count("jobs") == 1)
        }
    }

    @Test("answers with the job after the job is done, cancelled or dead, and the job can be asked for")
    func afterwards() async throws {
        try await withDesk([Definition { $0.keepsHistory = false }]) { desk in
            let worker = try await desk.worker()
            let endings: [(Settlement, ToldState)] = [
                (.finish(result: "42"), .done), (.die(reason: .forGood, error: "x"), .dead),
                (.cancel(reason: "y"), .cancelled),
            ]
            for (settlement, state) in endings {
                let request = NewJob("note", key: state.rawValue)
                let job = try await desk.running(request, by: worker)
                #expect(try await desk.settle(job, settlement))
                let again = try await desk.store.enqueue(request)
                #expect(again.verdict == .duplicate && again.job == job.id)
                #expect(try await desk.told(job.id) == state)
            }
            #expect(try await desk.count("jobs") == 0)
        }
    }

    @Test("of a refused request is free again")
    func refused() async throws {
        try await withDesk([Definition { $0.unique = .refuse }]) { desk in
            _ = try await desk.store.enqueue(NewJob("note", subject: "s"))
            #expect(try await desk.store.enqueue(NewJob("note", subject: "s", key: "k")).verdict == .refused)
            #expect(try await desk.store.enqueue(NewJob("note", key: "k")).verdict == .created)
        }
    }

    @Test("of a request that joined names the job it joined")
    func joined() async throws {
        try await withDesk { desk in
            let live = try await desk.store.enqueue(NewJob("note", subject: "s")).job
            let request = NewJob("note", subject: "s", key: "k")
            #expect(try await desk.store.enqueue(request).verdict == .joined)
            let twice = try await desk.store.enqueue(request)
            #expect(twice.verdict == .duplicate && twice.job == live)
        }
    }

    @Test("waits for the transaction that used it first, and is free when that is rolled back")
    func concurrentRollback() async throws {
        struct Fault: Error {}
        try await withDesk { desk in
            let (entered, enter) = AsyncStream.makeStream(of: Void.self)
            let first = Task {
                try await desk.store.database.transaction { tx in
                    _ = try await desk.store.enqueue([NewJob("note", args: "1", key: "k")], in: tx)
                    enter.yield()
                    try await eventually("the second asks") {
                        try await desk.value("SELECT count(*) FROM pg_locks WHERE NOT granted") as Int > 0
                    }
                    throw Fault()
                }
            }
            for await _ in entered { break }
            let second = try await desk.store.enqueue(NewJob("note", args: "2", key: "k"))
            #expect(second.verdict == .created)
            await #expect(throws: Fault.self) { try await first.value }
            #expect(try await desk.count("jobs") == 1)
        }
    }
}
