import FoundationEssentials
import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("A settlement in the database")
struct SettlementTests {
    @Test("of a batch with one NUL fails on its data, changes nothing, and passes without the bad one")
    func poisonedBatch() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            _ = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 200))
            let jobs = try await desk.claim(200, by: worker)
            let plain = jobs.enumerated().map { index, job in
                PlainSettlement(
                    token: job.token, isKept: true,
                    result: index == 137 ? "{\"a\":\"\\u0000\"}" : JSON(text: "\(index)"))
            }
            let error = await caught { _ = try await desk.store.settle(plain: plain, andClaim: nil) }
            #expect((error as? PostgresError)?.isData == true)
            #expect(try await desk.count("history") == 0)
            let good = plain.enumerated().filter { $0.offset != 137 }.map(\.element)
            #expect(try await desk.store.settle(plain: good, andClaim: nil).stale == 0)
            #expect(try await desk.count("history") == 199)
            #expect(try await desk.state(of: jobs[137].id) == .running)
        }
    }

    @Test(
        "of a result that is no JSON is a data error whatever the way",
        arguments: ["", "{", "NUL", "{\"a\":\"\\u0000\"}"])
    func badResult(text: String) async throws {
        try await withDesk { desk in
            let job = try await desk.running(by: try await desk.worker())
            let result = JSON(text: text == "NUL" ? "\0" : text)
            let bulk = await caught { _ = try await desk.settle(job, .finish(result: result)) }
            #expect((bulk as? PostgresError)?.isData == true)
            let commit = await caught {
                try await desk.store.commit(job.token) { _ in ((), result: result, followUps: []) }
            }
            #expect(badRequest(commit) != nil)
            #expect(try await desk.state(of: job.id) == .running)
        }
    }

    @Test("keeps the result, the errors and the time of what is done")
    func history() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            var job = try await desk.running(NewJob("note", subject: "s"), by: worker)
            #expect(try await desk.settle(job, .retry(after: .zero, error: "first \"try\"")))
            try await desk.comeDue()
            job = try await desk.claim(by: worker)[0]
            #expect(try await desk.settle(job, .finish(result: "{\"a\": 1}")))
            let report = try #require(try await desk.store.job(job.id))
            #expect(
                report.state == .done && report.result == "{\"a\": 1}" && report.failures == 1
                    && report.run == 2)
            #expect(report.errors?.description.contains("first \\\"try\\\"") == true)
            #expect(report.endedAt != nil && report.startedAt != nil)
        }
    }

    @Test("leaves no trace of a kind that keeps none, except when the job asked to be kept")
    func unkept() async throws {
        try await withDesk([Definition { $0.keepsHistory = false }]) { desk in
            let worker = try await desk.worker()
            for (request, isKept) in [
                (NewJob("note"), false), (NewJob("note", subject: "s"), false),
                (NewJob("note", keep: true), true),
                (NewJob("note", subject: "t", keep: true), true),
            ] {
                let job = try await desk.running(request, by: worker)
                #expect(job.isKept == isKept)
                try await desk.finish(job)
                #expect(try await desk.store.job(job.id)?.state == (isKept ? .done : nil))
            }
        }
    }

    @Test("for a retry waits its time, counts one failure, and comes back at the returning level")
    func retry() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            let job = try await desk.running(by: worker)
            #expect(try await desk.settle(job, .retry(after: .seconds(100), error: "x")))
            #expect(try await desk.state(of: job.id) == .scheduled)
            let next = try #require(try await desk.store.nextDue())
            #expect(next > .seconds(90) && next <= .seconds(100))
            #expect(try await desk.store.moveDue(batch: 10).moved == 0)
            try await desk.comeDue()
            let again = try await desk.claim(by: worker)[0]
            #expect(again.failures == 1 && again.level == .returning(.normal))
        }
    }

    @Test("for a snooze counts nothing")
    func snooze() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            var job = try await desk.running(by: worker)
            for _ in 0..<3 {
                #expect(try await desk.settle(job, .snooze(for: .seconds(100))))
                try await desk.comeDue()
                job = try await desk.claim(by: worker)[0]
            }
            #expect(job.failures == 0 && job.token.run == 4)
            #expect(try await desk.store.job(job.id)?.errors == nil)
        }
    }

    @Test("keeps the last ten errors of a job, oldest first")
    func errors() async throws {
        struct Entry: Decodable {
            let run: Int
            let error: String
        }
        try await withDesk { desk in
            let worker = try await desk.worker()
            var job = try await desk.running(by: worker)
            for attempt in 1...12 {
                #expect(try await desk.settle(job, .retry(after: .zero, error: "error \(attempt)")))
                try await desk.comeDue()
                job = try await desk.claim(by: worker)[0]
            }
            #expect(try await desk.settle(job, .die(reason: .attempts, error: "the last")))
            let report = try #require(try await desk.store.job(job.id))
            #expect(report.state == .dead && report.reason == "attempts" && report.failures == 13)
            let errors = try JSONDecoder().decode([Entry].self, from: Data(try #require(report.errors).bytes))
            #expect(errors.map(\.error) == (4...12).map { "error \($0)" } + ["the last"])
            #expect(errors.map(\.run) == Array(4...13))
        }
    }

    @Test("for a cancel tells its reason, and is kept even where nothing is kept")
    func cancel() async throws {
        try await withDesk([Definition { $0.keepsHistory = false }]) { desk in
            let job = try await desk.running(by: try await desk.worker())
            #expect(try await desk.settle(job, .cancel(reason: "nobody wants it")))
            let report = try #require(try await desk.store.job(job.id))
            #expect(report.state == .cancelled && report.reason == "nobody wants it")
        }
    }

    @Test("in one transaction with the handler's rows: all of it, with the result and what follows")
    func commit() async throws {
        try await withDesk { desk in
            try await desk.store.database.run("CREATE TABLE public.effects (job bigint)")
            let job = try await desk.running(by: try await desk.worker())
            let value = try await desk.store.commit(job.token) { tx in
                try await tx.run("INSERT INTO public.effects VALUES (\(job.id.number))")
                // Nobody else sees anything yet.
                #expect(try await desk.value("SELECT count(*) FROM public.effects") as Int == 0)
                #expect(try await desk.told(job.id) == .running)
                return (42, result: "{\"n\": 1}", followUps: [NewJob("note", args: "2")])
            }
            #expect(value == 42)
            #expect(try await desk.column("SELECT job FROM public.effects") as [Int64] == [job.id.number])
            let report = try #require(try await desk.store.job(job.id))
            #expect(report.state == .done && report.result == "{\"n\": 1}")
            #expect(try await desk.column("SELECT args FROM motorpool.jobs") as [String] == ["2"])
        }
    }

    @Test("in one transaction with the handler's rows: nothing of it, when the body throws")
    func commitThrows() async throws {
        struct Fault: Error {}
        try await withDesk { desk in
            try await desk.store.database.run("CREATE TABLE public.effects (job bigint)")
            let job = try await desk.running(by: try await desk.worker())
            await #expect(throws: Fault.self) {
                try await desk.store.commit(job.token) { tx -> ((), result: JSON?, followUps: [NewJob]) in
                    try await tx.run("INSERT INTO public.effects VALUES (1)")
                    throw Fault()
                }
            }
            #expect(try await desk.value("SELECT count(*) FROM public.effects") as Int == 0)
            #expect(try await desk.state(of: job.id) == .running)
        }
    }

    @Test("with a follow-up that is refused keeps nothing")
    func badFollowUp() async throws {
        try await withDesk { desk in
            try await desk.store.database.run("CREATE TABLE public.effects (job bigint)")
            let job = try await desk.running(by: try await desk.worker())
            let error = await caught {
                try await desk.store.commit(job.token) { tx in
                    try await tx.run("INSERT INTO public.effects VALUES (1)")
                    return ((), result: nil, followUps: [NewJob("note"), NewJob("nope")])
                }
            }
            guard case StoreError.unknownKind? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(try await desk.value("SELECT count(*) FROM public.effects") as Int == 0)
            #expect(try await desk.count("jobs") == 1)
            #expect(try await desk.state(of: job.id) == .running)
        }
    }

    @Test("overtaken between body and fence keeps nothing of the body")
    func overtaken() async throws {
        try await withDesk { desk in
            try await desk.store.database.run("CREATE TABLE public.effects (job bigint)")
            let worker = try await desk.worker()
            let job = try await desk.running(by: worker)
            let error = await caught {
                try await desk.store.commit(
                    job.token,
                    beforeFence: {
                        try? await desk.expire(worker)
                        _ = try? await desk.store.rescue()
                    }
                ) { tx in
                    try await tx.run("INSERT INTO public.effects VALUES (1)")
                    return ((), result: nil, followUps: [])
                }
            }
            guard case StoreError.stale? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(try await desk.value("SELECT count(*) FROM public.effects") as Int == 0)
            #expect(try await desk.state(of: job.id) == .ready)
        }
    }
}
