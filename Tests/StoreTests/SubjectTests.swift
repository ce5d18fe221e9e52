import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("A subject")
struct SubjectTests {
    @Test("that is asked for while its job is alive joins it, wherever the job stands")
    func joins() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let request = NewJob("note", args: "1", subject: "s")
            let job = try await desk.running(request, by: worker)
            let whileRunning = try await desk.store.enqueue(NewJob("note", args: "2", subject: "s"))
            #expect(whileRunning.verdict == .joined && whileRunning.job == job.id)
            #expect(try await desk.settle(job, .retry(after: .seconds(60), error: "x")))
            #expect(try await desk.store.enqueue(request).verdict == .joined)
            #expect(try await desk.count("jobs") == 1)
        }
    }

    @Test("is another one for another kind")
    func kinds() async throws {
        try await withDesk([Definition(kind: "note"), Definition(kind: "mod")]) { desk in
            let answers = try await desk.store.enqueue([
                NewJob("note", subject: "s"), NewJob("mod", subject: "s"),
            ])
            #expect(answers.map(\.verdict) == [.created, .created])
        }
    }

    @Test("that 64 callers ask for at once has one job")
    func storm() async throws {
        try await withDesk { desk in
            let answers = try await withThrowingTaskGroup(of: Enqueued.self) { group in
                for _ in 0..<64 {
                    group.addTask { try await desk.store.enqueue(NewJob("note", subject: "s")) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count { $0.verdict == .created } == 1)
            #expect(answers.count { $0.verdict == .joined } == 63)
            #expect(Set(answers.map(\.job)).count == 1)
        }
    }

    @Test("refuses while its job is alive, and not afterwards")
    func refuses() async throws {
        try await withDesk([Definition { $0.unique = .refuse }]) { desk in
            let worker = try await desk.worker()
            let job = try await desk.running(NewJob("note", subject: "s"), by: worker)
            let refused = try await desk.store.enqueue(NewJob("note", subject: "s"))
            #expect(refused.verdict == .refused && refused.job == job.id)
            try await desk.finish(job)
            #expect(try await desk.store.enqueue(NewJob("note", subject: "s")).verdict == .created)
        }
    }

    @Test(
        "that is asked for again while running runs once more with the newest args",
        arguments: [Settlement.finish(result: nil), .die(reason: .forGood, error: "x")])
    func again(ending: Settlement) async throws {
        let kind = Definition {
            $0.unique = .again
            $0.cooldown = .seconds(1000)
            $0.cooldownAfterFailure = .seconds(1000)
        }
        try await withDesk([kind]) { desk in
            let worker = try await desk.worker()
            let first = try await desk.store.enqueue(NewJob("note", args: "1", subject: "s"))
            #expect(try await desk.store.enqueue(NewJob("note", args: "2", subject: "s")).verdict == .joined)
            let job = try await desk.claim(by: worker)[0]
            #expect(job.id == first.job && job.args == "1")
            for args: JSON in ["3", "4", "5"] {
                let answer = try await desk.store.enqueue(NewJob("note", args: args, subject: "s"))
                #expect(answer.verdict == .again && answer.job == job.id)
            }
            #expect(try await desk.settle(job, ending))
            let second = try await desk.claim(by: worker)
            #expect(second.map(\.args) == ["5"])
            #expect(second[0].subject == "s" && second[0].id != job.id)
            #expect(try await desk.settle(second[0], ending))
            #expect(try await desk.count("jobs") == 0)
        }
    }

    @Test("that is cancelled does not run once more")
    func againCancelled() async throws {
        try await withDesk([Definition { $0.unique = .again }]) { desk in
            let worker = try await desk.worker()
            let job = try await desk.running(NewJob("note", subject: "s"), by: worker)
            #expect(try await desk.store.enqueue(NewJob("note", subject: "s")).verdict == .again)
            #expect(try await desk.store.cancel(job.id, reason: "enough") == .cancelled(mayHaveStarted: true))
            #expect(try await desk.count("jobs") == 0)
        }
    }

    @Test("that is asked for again in the moment of its settlement is not forgotten")
    func againRace() async throws {
        try await withDesk([Definition { $0.unique = .again }]) { desk in
            let worker = try await desk.worker()
            let job = try await desk.running(NewJob("note", args: "1", subject: "s"), by: worker)
            let settling = try await desk.store.database.transaction { tx in
                let (answers, _) = try await desk.store.enqueue(
                    [NewJob("note", args: "2", subject: "s")], in: tx)
                #expect(answers[0].verdict == .again)
                let settling = Task { try await desk.settle(job, .finish(result: nil)) }
                try await eventually("the settlement waits for the subject") {
                    try await desk.value("SELECT count(*) FROM pg_locks WHERE NOT granted") as Int > 0
                }
                return settling
            }
            #expect(try await settling.value)
            #expect(try await desk.claim(by: worker).map(\.args) == ["2"])
        }
    }

    @Test("cools down after a success, then may be asked for again")
    func cooldown() async throws {
        try await withDesk([Definition { $0.cooldown = .seconds(600) }]) { desk in
            let worker = try await desk.worker()
            let job = try await desk.running(NewJob("note", subject: "s"), by: worker)
            try await desk.finish(job)
            let cooling = try await desk.store.enqueue(NewJob("note", subject: "s"))
            #expect(cooling.verdict == .cooling && cooling.job == job.id)
            let rest = try #require(cooling.coolsFor)
            #expect(rest > .seconds(590) && rest <= .seconds(600))
            try await desk.store.database.run(
                "UPDATE motorpool.subjects SET settled_at = now() - interval '601 seconds'")
            #expect(try await desk.store.enqueue(NewJob("note", subject: "s")).verdict == .created)
        }
    }

    @Test("cools down after a death by another time, and not after a cancel")
    func cooldownAfterFailure() async throws {
        try await withDesk([Definition { $0.cooldownAfterFailure = .seconds(60) }]) { desk in
            let worker = try await desk.worker()
            let job = try await desk.running(NewJob("note", subject: "dead"), by: worker)
            #expect(try await desk.settle(job, .die(reason: .attempts, error: "x")))
            let cooling = try await desk.store.enqueue(NewJob("note", subject: "dead"))
            let rest = try #require(cooling.coolsFor)
            #expect(cooling.verdict == .cooling && rest <= .seconds(60))
            let cancelled = try await desk.store.enqueue(NewJob("note", subject: "cancelled"))
            _ = try await desk.store.cancel(cancelled.job, reason: "x")
            #expect(try await desk.store.enqueue(NewJob("note", subject: "cancelled")).verdict == .created)
            let done = try await desk.running(NewJob("note", subject: "done"), by: worker)
            try await desk.finish(done)
            #expect(try await desk.store.enqueue(NewJob("note", subject: "done")).verdict == .created)
        }
    }

    @Test("counts its deaths in a row, and a success ends the row")
    func failuresInARow() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            func run(_ settlement: Settlement) async throws -> (Int32, String?) {
                let job = try await desk.running(NewJob("note", subject: "s"), by: worker)
                #expect(try await desk.settle(job, settlement))
                let row = try await desk.store.database.run(
                    "SELECT failures_in_a_row, last_error FROM motorpool.conditions")[0]
                return (try row.get(0), try row.get(1))
            }
            #expect(try await run(.die(reason: .forGood, error: "one")) == (1, "one"))
            #expect(try await run(.die(reason: .forGood, error: "two")) == (2, "two"))
            #expect(try await run(.cancel(reason: "enough")) == (2, "enough"))
            #expect(try await run(.finish(result: nil)) == (0, nil))
            #expect(try await run(.die(reason: .forGood, error: "three")) == (1, "three"))
        }
    }

    @Test("has a condition and its number from queued to ready")
    func conditions() async throws {
        try await withDesk { desk in
            func condition() async throws -> [String] {
                let found = try await desk.store.condition(kind: "note", subject: "s")
                return found.map { [$0.condition, $0.number.map(String.init) ?? "-"] } ?? []
            }
            #expect(try await condition() == [])
            let worker = try await desk.worker()
            let id = try await desk.store.enqueue(NewJob("note", subject: "s")).job
            #expect(try await condition() == ["queued", "3"])
            var job = try await desk.claim(by: worker)[0]
            #expect(try await condition() == ["working", "2"])
            try await desk.store.report(job.token, phase: "usable", done: 1, total: 2)
            #expect(try await condition() == ["working", "1"])
            #expect(try await desk.settle(job, .retry(after: .zero, error: "x")))
            #expect(try await condition() == ["queued", "3"])
            try await desk.comeDue()
            job = try await desk.claim(by: worker)[0]
            #expect(try await condition() == ["working", "2"])
            #expect(try await desk.settle(job, .wait(step: 1)))
            #expect(try await condition() == ["working", "2"])
            _ = try await desk.store.moveDue(batch: 10)
            _ = try await desk.store.admit()
            job = try await desk.claim(by: worker)[0]
            try await desk.finish(job)
            #expect(try await condition() == ["ready", "0"])
            #expect(try await desk.store.condition(kind: "note", subject: "s")?.job == id)
        }
    }

    @Test(
        "that did not end well is failed or cancelled, without a number",
        arguments: [
            (Settlement.die(reason: .attempts, error: "x"), "failed"), (.cancel(reason: "x"), "cancelled"),
        ])
    func badEndings(settlement: Settlement, word: String) async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let job = try await desk.running(NewJob("note", subject: "s"), by: worker)
            #expect(try await desk.settle(job, settlement))
            let found = try #require(try await desk.store.condition(kind: "note", subject: "s"))
            #expect(found.condition == word && found.number == nil)
        }
    }
}
