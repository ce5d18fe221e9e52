import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("The ledger of askers")
struct AskerTests {
    private func asker(_ name: String, owns: Bool = true, isGuest: Bool = false) -> Asker {
        Asker(scope: "http \(name)", key: nil, body: [], isGuest: isGuest, caller: name, owns: owns)
    }

    private func concern(_ desk: Desk, _ job: JobID, _ name: String) async throws -> Concern? {
        let question = JobQuestion(job, by: name)
        return try await desk.store.jobs([question])[question]?.concern
    }

    @Test("names who made a job and who joined it, singly and in bulk; what code made is no caller's own")
    func concerns() async throws {
        try await withDesk { desk in
            let subject = NewJob("note", subject: "s")
            let made = try await desk.store.enqueue([subject], for: asker("ann"))[0]
            let joined = try await desk.store.enqueue([subject], for: asker("bob"))[0]
            #expect(joined.verdict == .joined && joined.job == made.job)
            #expect(try await concern(desk, made.job, "ann") == .made)
            #expect(try await concern(desk, made.job, "bob") == .joined)
            #expect(try await concern(desk, made.job, "eve") == Concern.none)
            let plain = try await desk.store.enqueue(
                [NewJob](repeating: NewJob("note"), count: 30), for: asker("ann"))
            #expect(Set(plain.map(\.job)).count == 30)
            for one in plain { #expect(try await concern(desk, one.job, "ann") == .made) }
            let code = try await desk.store.enqueue([NewJob("note")], for: asker("ann", owns: false))[0]
            #expect(try await concern(desk, code.job, "ann") == .joined)
            let sql = try await desk.store.enqueue(NewJob("note"))
            #expect(try await concern(desk, sql.job, "ann") == Concern.none)
        }
    }

    @Test("is written with the jobs or not at all")
    func together() async throws {
        try await withDesk { desk in
            await #expect(throws: StoreError.self) {
                try await desk.store.enqueue(
                    [NewJob("note", subject: "s"), NewJob("nope", subject: "t")], for: asker("ann"))
            }
            let rows: Int = try await desk.column("SELECT count(*)::integer FROM motorpool.askers")[0]
            #expect(rows == 0)
        }
    }

    @Test("forgets what is nowhere any more after its time, and keeps what lives, is dead or is known")
    func retention() async throws {
        try await withDesk { desk in
            let live = try await desk.store.enqueue([NewJob("note")], for: asker("ann"))[0].job
            let gone = try await desk.store.enqueue([NewJob("note")], for: asker("ann"))[0].job
            _ = try await desk.store.cancel(gone, reason: "a test")
            try await desk.store.database.run("UPDATE motorpool.askers SET at = now() - interval '9 days'")
            let young = try await desk.store.enqueue([NewJob("note")], for: asker("ann"))[0].job
            _ = try await desk.store.retain(historyDays: 3, keyHours: 24, deadDays: 1)
            let known: [Int64] = try await desk.column("SELECT job FROM motorpool.askers ORDER BY job")
            #expect(known == [live, gone, young].map(\.number), "its history still tells of it")
            try await desk.store.database.run("TRUNCATE motorpool.history")
            _ = try await desk.store.retain(historyDays: 3, keyHours: 24, deadDays: 1)
            let left: [Int64] = try await desk.column("SELECT job FROM motorpool.askers ORDER BY job")
            #expect(left == [live, young].map(\.number))
        }
    }

    @Test(
        "C1: what a stranger's job puts in line counts as a stranger's, children and others, and theirs too",
        arguments: [1, 20], [true, false])
    func guests(count: Int, waits: Bool) async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            _ = try await desk.store.enqueue([NewJob("note")], for: asker("public", isGuest: true))
            let parent = try await desk.claim(by: worker)[0]
            let children = [NewJob](repeating: NewJob("note"), count: count)
            try await desk.store.settle(
                parent.token, as: waits ? .wait(step: 1) : .finish(result: nil), enqueueing: children)
            #expect(try await desk.store.guestJobs(max: 1000) == count + (waits ? 1 : 0))
            let child = try await desk.claim(1, by: worker)[0]
            try await desk.store.settle(
                child.token, as: .finish(result: nil), enqueueing: [NewJob("note"), NewJob("note")])
            #expect(try await desk.store.guestJobs(max: 1000) == count + 1 + (waits ? 1 : 0))
        }
    }

    @Test("the children of a known caller's job are no strangers'")
    func noGuests() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let parent = try await desk.running(by: worker)
            try await desk.store.settle(parent.token, as: .wait(step: 1), enqueueing: [NewJob("note")])
            #expect(try await desk.store.guestJobs(max: 1000) == 0)
        }
    }

    @Test("what callers may do with a kind is published with it, and may be changed")
    func policies() async throws {
        try await withDesk { desk in
            #expect(try await desk.store.kindPolicies(of: ["note"]).first?.callers == CallerPolicy())
            var note = Definition(kind: "note")
            (note.askedBy, note.callersChoose, note.seenBy) = (.producer, [.queue, .runAt], .reader)
            try await desk.store.publish(Definitions([note]))
            #expect(try await desk.store.kindPolicies(of: ["note"]).first?.callers == note.callers)
            #expect(try await desk.store.kindPolicies(of: ["nope"]).isEmpty)
        }
    }

    @Test("a job of a money kind is shown without its error in lists of operators")
    func errors() async throws {
        var money = Definition(kind: "note")
        money.askedBy = .money
        try await withDesk([money]) { desk in
            let worker = try await desk.worker()
            let job = try await desk.running(by: worker)
            #expect(try await desk.settle(job, .die(reason: .forGood, error: "the pin is 1234")))
            let line = try #require(try await desk.store.search(JobSearch(.dead)).jobs.first)
            #expect(line.id == job.id && line.error == nil)
            #expect(try await desk.store.deadGroups().map(\.error) == [""])
        }
    }
}
