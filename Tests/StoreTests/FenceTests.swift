import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("The fence of a run")
struct FenceTests {
    /// How a run can lose its job.
    enum Loss: String, CaseIterable, Sendable {
        case settledBefore, returned, rescued, rescuedAndClaimed, cancelled, handedBack, neverClaimed, died
    }

    /// How its worker may then try to settle.
    enum Way: String, CaseIterable, Sendable {
        case plainVanishing, plainKept, bulk, retry, snooze, die, cancel, wait, alone, commit
    }

    static let pairs = Loss.allCases.flatMap { loss in Way.allCases.map { (loss, $0) } }

    @Test("lets nothing through after the job was lost", arguments: Loss.allCases)
    func stale(loss: Loss) async throws {
        try await withDesk { desk in
            try await desk.store.database.run("CREATE TABLE public.effects (job bigint)")
            for way in Way.allCases {
                let worker = try await desk.worker()
                let isPlain = way == .plainVanishing || way == .plainKept
                let subject = isPlain ? nil : "\(way)"
                let job = try await desk.running(NewJob("note", subject: subject), by: worker)
                try await lose(job, loss, worker, desk)
                let before = try await desk.everything()
                #expect(try await settle(job, way, desk) == false, "\(way)")
                #expect(try await desk.everything() == before, "\(way)")
                let left = try await desk.claim(
                    by: try await desk.worker(), levels: [.suspect] + Level.ordinary)
                for job in left { try await desk.finish(job) }
                try await desk.store.database.run("DELETE FROM motorpool.jobs")
            }
            #expect(try await desk.value("SELECT count(*) FROM public.effects") as Int == 0)
        }
    }

    @Test("lets the holder through, whatever it brings", arguments: Way.allCases)
    func held(way: Way) async throws {
        try await withDesk { desk in
            try await desk.store.database.run("CREATE TABLE public.effects (job bigint)")
            let job = try await desk.running(by: try await desk.worker())
            #expect(try await settle(job, way, desk))
            #expect(try await settle(job, way, desk) == false)
            #expect(
                try await desk.value("SELECT count(*) FROM public.effects") as Int == (way == .commit ? 1 : 0)
            )
        }
    }

    private func lose(_ job: ClaimedJob, _ loss: Loss, _ worker: WorkerID, _ desk: Desk) async throws {
        switch loss {
        case .settledBefore: try await desk.finish(job)
        case .returned: #expect(try await desk.settle(job, .retry(after: .zero, error: "x")))
        case .died: #expect(try await desk.settle(job, .die(reason: .forGood, error: "x")))
        case .cancelled:
            #expect(try await desk.store.cancel(job.id, reason: "x") == .cancelled(mayHaveStarted: true))
        case .handedBack: #expect(try await desk.store.handBack([job.token], of: worker) == 1)
        case .rescued, .rescuedAndClaimed:
            try await desk.expire(worker)
            #expect(try await desk.store.rescue().count == 1)
            guard loss == .rescuedAndClaimed else { return }
            let other = try await desk.worker()
            let claimed = try await desk.claim(by: other)
            #expect(claimed.map(\.id) == [job.id] && claimed[0].token.run == job.token.run + 1)
        case .neverClaimed:
            try await desk.store.database.run("UPDATE motorpool.jobs SET state = 0, worker = NULL, run = 0")
        }
    }

    /// - Returns: whether the fence let it through.
    private func settle(_ job: ClaimedJob, _ way: Way, _ desk: Desk) async throws -> Bool {
        switch way {
        case .plainVanishing, .plainKept:
            let plain = PlainSettlement(token: job.token, isKept: way == .plainKept, result: "1")
            return try await desk.store.settle(plain: [plain], andClaim: nil).stale == 0
        case .bulk: return try await desk.settle(job, .finish(result: "1"))
        case .retry: return try await desk.settle(job, .retry(after: .zero, error: "late"))
        case .snooze: return try await desk.settle(job, .snooze(for: .zero))
        case .die: return try await desk.settle(job, .die(reason: .forGood, error: "late"))
        case .cancel: return try await desk.settle(job, .cancel(reason: "late"))
        case .wait: return try await desk.settle(job, .wait(step: 1))
        case .alone:
            return try await passes {
                try await desk.store.settle(
                    job.token, as: .finish(result: nil),
                    enqueueing: [NewJob("note", subject: "follow", key: "f")])
            }
        case .commit:
            return try await passes {
                try await desk.store.commit(job.token) { tx in
                    try await tx.run("INSERT INTO public.effects VALUES (\(job.id.number))")
                    return ((), result: nil, followUps: [NewJob("note", key: "c")])
                }
            }
        }
    }

    private func passes(_ body: () async throws -> Void) async throws -> Bool {
        do {
            try await body()
            return true
        } catch StoreError.stale {
            return false
        }
    }

    @Test("counts the stale ones of a bulk and settles the others")
    func mixedBulk() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            _ = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 10))
            let jobs = try await desk.claim(by: worker)
            for job in jobs[..<4] { try await desk.finish(job) }
            let plain = jobs.enumerated().map {
                PlainSettlement(token: $1.token, isKept: $0 % 2 == 0, result: nil)
            }
            #expect(try await desk.store.settle(plain: plain, andClaim: nil).stale == 4)
            #expect(try await desk.count("jobs") == 0)
        }
    }

    @Test("answers each settlement of a bulk in its place")
    func places() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            _ = try await desk.store.enqueue((0..<6).map { NewJob("note", subject: "\($0)") })
            let jobs = try await desk.claim(by: worker)
            for job in [jobs[1], jobs[4]] { _ = try await desk.store.cancel(job.id, reason: "x") }
            let answers = try await desk.store.settle(jobs.map { ($0.token, .finish(result: nil)) })
            #expect(answers == [true, false, true, true, false, true])
        }
    }
}
