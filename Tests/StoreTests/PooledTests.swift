import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("A store through a pooler")
struct PooledTests {
    @Test("enqueues, claims, settles and commits with nothing that lives in a session")
    func path() async throws {
        try await withDesk(pooled: true) { desk in
            try await desk.store.database.run("CREATE TABLE public.effects (job bigint)")
            let worker = try await desk.worker()
            let answers = try await desk.store.enqueue([
                NewJob("note"), NewJob("note", subject: "s"), NewJob("note", key: "k"), NewJob("note"),
                NewJob("note"),
            ])
            #expect(answers.allSatisfy { $0.verdict == .created })
            let jobs = try await desk.claim(by: worker)
            #expect(jobs.map(\.id) == answers.map(\.job).sorted())
            #expect(try await desk.settle(jobs[1], .retry(after: .zero, error: "x")))
            try await desk.store.commit(jobs[0].token) { tx in
                try await tx.run("INSERT INTO public.effects VALUES (1)")
                return ((), result: "1", followUps: [NewJob("note")])
            }
            let plain = [jobs[3], jobs[4]].map { PlainSettlement(token: $0.token, isKept: true, result: "2") }
            #expect(try await desk.store.settle(plain: plain, andClaim: nil).stale == 0)
            #expect(try await desk.store.handBack([jobs[2].token], of: worker) == 1)
            try await desk.comeDue()
            #expect(try await desk.claim(by: worker).count == 3)
            #expect(try await desk.value("SELECT count(*) FROM public.effects") as Int == 1)
            let prepared: Int = try await desk.value(
                "SELECT count(*) FROM pg_prepared_statements WHERE name <> ''")
            #expect(prepared == 0)
        }
    }

    @Test("rolls back a commit whose run was overtaken")
    func overtaken() async throws {
        try await withDesk(pooled: true) { desk in
            try await desk.store.database.run("CREATE TABLE public.effects (job bigint)")
            let worker = try await desk.worker()
            let job = try await desk.running(by: worker)
            try await desk.expire(worker)
            _ = try await desk.store.rescue()
            await #expect(throws: StoreError.self) {
                try await desk.store.commit(job.token) { tx in
                    try await tx.run("INSERT INTO public.effects VALUES (1)")
                    return ((), result: nil, followUps: [])
                }
            }
            #expect(try await desk.value("SELECT count(*) FROM public.effects") as Int == 0)
        }
    }

    @Test("rescues, moves, admits, cancels, retries and tells as well")
    func care() async throws {
        try await withDesk([Definition { $0.limitPerKey = 1 }], pooled: true) { desk in
            let worker = try await desk.worker()
            let job = try await desk.running(NewJob("note", limitKey: "k"), by: worker)
            let held = try await desk.store.enqueue(NewJob("note", limitKey: "k")).job
            #expect(try await desk.store.job(held)?.reason == "limit 1 of 1 on key k held by jobs \(job.id)")
            #expect(try await desk.store.cancel(job.id, reason: "x") == .cancelled(mayHaveStarted: true))
            #expect(try await desk.state(of: held) == .ready)
            #expect(try await desk.store.retry(job.id, by: ann) == .retried)
            #expect(try await desk.state(of: job.id) == .held)
        }
    }
}
