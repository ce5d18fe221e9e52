import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("R10: an instant to run at")
struct InstantTests {
    private let far = Timestamp(rfc3339: "2028-02-29T00:00:00.123456Z")

    @Test("is exactly when the job is due: alone, with a key, with a subject, and in bulk")
    func exact() async throws {
        try await withDesk([Definition(kind: "note"), Definition("slow") { $0.limit = 1 }]) {
            desk async throws in
            var jobs = [
                NewJob("note", runAt: far), NewJob("note", key: "k", runAt: far),
                NewJob("note", subject: "s", runAt: far),
                NewJob("slow", runAt: far),
            ]
            var ids: [JobID] = []
            for job in jobs { ids.append(try await desk.store.enqueue(job).job) }
            jobs[1].key = "other"
            jobs[2].subject = "other"
            ids += try await desk.store.enqueue(jobs + jobs.map { NewJob($0.kind, runAt: far) }).map(\.job)
            for id in ids {
                #expect(try await desk.store.job(id)?.dueAt?.microseconds == far?.microseconds)
                #expect(try await desk.state(of: id) == .scheduled)
            }
            #expect(ids.count == 12)
        }
    }

    @Test("is the same request tomorrow, and another one with another instant")
    func keyed() async throws {
        try await withDesk { desk async throws in
            let first = try await desk.store.enqueue(NewJob("note", key: "k", runAt: far))
            let again = try await desk.store.enqueue(NewJob("note", key: "k", runAt: far))
            let other = try await desk.store.enqueue(NewJob("note", key: "k"))
            #expect(again.verdict == .duplicate && again.job == first.job)
            #expect(other.verdict == .mismatch)
            let sql = "SELECT motorpool.enqueue('note', key => 'q', run_at => '2028-02-29T01:00:00+01:00')"
            let bySQL: Int64 = try await desk.value(SQL(sql))
            try await desk.store.database.transaction { tx in
                try await tx.run("SET LOCAL timezone = 'Asia/Tokyo'")
                #expect(try await tx.run(SQL(sql))[0].get(0, as: Int64.self) == bySQL)
            }
            #expect(try await desk.store.job(JobID(bySQL))?.dueAt?.iso8601 == "2028-02-29T00:00:00.000000Z")
        }
    }

    @Test(
        "that has passed means at once, however long ago",
        arguments: ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z"])
    func past(text: String) async throws {
        try await withDesk { desk async throws in
            let job = NewJob("note", runAt: Timestamp(rfc3339: text))
            let ids = try await desk.store.enqueue([NewJob](repeating: job, count: 9)).map(\.job)
            let alone = try await desk.store.enqueue(job).job
            let bySQL: Int64 = try await desk.value(
                "SELECT motorpool.enqueue('note', run_at => (\(text)::text)::timestamptz)")
            for id in ids + [alone, JobID(bySQL)] { #expect(try await desk.state(of: id) == .ready) }
            let worker = try await desk.worker()
            for claimed in try await desk.claim(by: worker) {
                #expect(claimed.age < .seconds(60), "the budget of time begins today")
            }
        }
    }

    @Test("more than ten years away is refused by its name, and by its place among many")
    func tooFar() async throws {
        try await withDesk { desk async throws in
            let jobs = (0..<20).map { index in
                NewJob(
                    "note",
                    runAt: index == 3 ? far : index == 13 ? Timestamp(rfc3339: "9999-12-31T23:59:59Z") : nil)
            }
            let error = await caught { _ = try await desk.store.enqueue(jobs) }
            guard case StoreError.badJob(13, 20, let fault)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(fault.field == "run_at")
            #expect(
                fault.message
                    == "run_at: expected an instant at most ten years from now, found 9999-12-31T23:59:59Z")
            #expect(try await desk.count("jobs") == 0)
            for text in ["infinity", "-infinity"] {
                let bySQL = await caught {
                    try await desk.store.database.run(
                        "SELECT motorpool.enqueue('note', run_at => \(pasting: "'\(text)'"))")
                }
                #expect((bySQL as? PostgresError)?.sqlstate == "MP002")
            }
        }
    }
}

@Suite("R7: a subject whose job is nowhere")
struct LostSubjectTests {
    @Test(
        "is asked for anew by every way, and its condition says cancelled until then",
        arguments: ["one", "many", "again", "refuse", "sql"])
    func anew(way: String) async throws {
        let policy: UniquePolicy = way == "again" ? .again : way == "refuse" ? .refuse : .join
        try await withDesk([Definition { $0.unique = policy }]) { desk async throws in
            let lost = try await desk.store.enqueue(NewJob("note", subject: "purge", delay: .seconds(3600)))
                .job
            #expect(
                try await desk.store.conditions(kind: "note", subjects: ["purge"]).map(\.word) == ["queued"])
            try await desk.store.database.run("DELETE FROM motorpool.jobs WHERE subject = 'purge'")
            #expect(
                try await desk.store.conditions(kind: "note", subjects: ["purge"]).map(\.word) == [
                    "cancelled"
                ])
            let anew: JobID
            switch way {
            case "sql":
                anew = JobID(try await desk.value("SELECT motorpool.enqueue('note', subject => 'purge')"))
            case "many":
                let jobs = [NewJob](repeating: NewJob("note"), count: 9) + [NewJob("note", subject: "purge")]
                anew = try await desk.store.enqueue(jobs)[9].job
            default:
                let answer = try await desk.store.enqueue(NewJob("note", subject: "purge", key: "k"))
                #expect(answer.verdict == .created)
                anew = answer.job
            }
            #expect(anew != lost)
            #expect(try await desk.store.conditions(kind: "note", subjects: ["purge"]).map(\.job) == [anew])
            let next = try await desk.store.enqueue(NewJob("note", subject: "purge"))
            #expect(next.verdict == (way == "refuse" ? .refused : .joined) && next.job == anew)
        }
    }

    @Test("lets a dead job of it return")
    func retried() async throws {
        try await withDesk { desk async throws in
            let worker = try await desk.worker()
            let dead = try await desk.running(NewJob("note", subject: "s"), by: worker)
            #expect(try await desk.settle(dead, .die(reason: .forGood, error: "x")))
            _ = try await desk.store.enqueue(NewJob("note", subject: "s"))
            await #expect(throws: StoreError.self) { try await desk.store.retry(dead.id, by: ann) }
            try await desk.store.database.run("DELETE FROM motorpool.jobs")
            #expect(try await desk.store.retry(dead.id, by: ann) == .retried)
            #expect(try await desk.store.conditions(kind: "note", subjects: ["s"]).map(\.job) == [dead.id])
        }
    }

    @Test("is not mistaken for one whose job is just being settled, by 64 callers at once")
    func race() async throws {
        try await withDesk { desk async throws in
            let worker = try await desk.worker()
            for _ in 0..<10 {
                let job = try await desk.running(NewJob("note", subject: "s"), by: worker)
                async let settled = desk.settle(job, .finish(result: nil))
                let answers = try await withThrowingTaskGroup(of: Enqueued.self) { group in
                    for _ in 0..<64 {
                        group.addTask { try await desk.store.enqueue(NewJob("note", subject: "s")) }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(try await settled)
                #expect(answers.count { $0.verdict == .created } <= 1)
                #expect(try await desk.count("jobs") <= 1)
                for left in try await desk.claim(by: worker) { try await desk.finish(left) }
            }
        }
    }
}
