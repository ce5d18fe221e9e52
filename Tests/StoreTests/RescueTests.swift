import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("A rescue")
struct RescueTests {
    @Test("touches no worker whose lease lives, and no job of it")
    func live() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker(lease: 5)
            let job = try await desk.running(by: worker)
            #expect(try await desk.store.rescue().isEmpty)
            #expect(try await desk.state(of: job.id) == .running)
            try await desk.expire(worker)
            #expect(try await desk.store.rescue().count == 1)
            #expect(try await desk.store.rescue().isEmpty)
        }
    }

    @Test("brings every job of a dead worker back as a suspect, uncharged, and no job of another")
    func suspects() async throws {
        try await withDesk { desk in
            let (dead, live) = (try await desk.worker(), try await desk.worker())
            _ = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 10))
            let lost = try await desk.claim(6, by: dead)
            let kept = try await desk.claim(4, by: live)
            try await desk.expire(dead)
            let rescues = try await desk.store.rescue()
            #expect(rescues.count == 1 && rescues[0].recovered == 6 && rescues[0].setAside == 0)
            #expect(rescues[0].worker == dead && rescues[0].name == "tester")
            for job in kept { #expect(try await desk.state(of: job.id) == .running) }
            // Ordinary lanes don't see them.
            #expect(try await desk.claim(by: live).isEmpty)
            let suspects = try await desk.claim(by: live, levels: [.suspect])
            #expect(Set(suspects.map(\.id)) == Set(lost.map(\.id)))
            #expect(suspects.allSatisfy { $0.failures == 0 && $0.level == .suspect && $0.token.run == 2 })
            #expect(try await desk.value("SELECT sum(recoveries)::bigint FROM motorpool.jobs") as Int == 0)
        }
    }

    @Test("charges only the one that was running alone, and sets it aside at the third charge")
    func poison() async throws {
        try await withDesk { desk in
            let id = try await desk.store.enqueue(NewJob("note", args: "\"poison\"", subject: "s")).job
            let innocent = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 50)).map(
                \.job)
            let first = try await desk.worker()
            _ = try await desk.claim(by: first)
            try await desk.expire(first)
            #expect(try await desk.store.rescue()[0].recovered == 51)
            for death in 1...3 {
                let worker = try await desk.worker()
                let alone = try await desk.claim(1, by: worker, levels: [.suspect])
                // Returned suspects stand behind the others: take it by hand.
                if alone[0].id != id {
                    _ = try await desk.store.handBack(alone.map(\.token), of: worker)
                    try await desk.store.database.run(
                        "UPDATE motorpool.jobs SET seq = 1 WHERE id = \(id.number)")
                    #expect(try await desk.claim(1, by: worker, levels: [.suspect]).map(\.id) == [id])
                }
                try await desk.expire(worker)
                let rescue = try await desk.store.rescue()[0]
                #expect(rescue.setAside == (death == 3 ? 1 : 0))
                #expect(rescue.recovered == (death == 3 ? 0 : 1))
            }
            let report = try #require(try await desk.store.job(id))
            #expect(report.state == .dead && report.reason == "poison")
            #expect(report.errors?.description.contains("tester") == true)
            #expect(try await desk.store.condition(kind: "note", subject: "s")?.condition == "failed")
            for job in innocent { #expect(try await desk.state(of: job) == .ready) }
        }
    }

    @Test("frees a suspect of its mark when it has been judged")
    func unmarked() async throws {
        try await withDesk { desk in
            let (dead, live) = (try await desk.worker(), try await desk.worker())
            _ = try await desk.running(by: dead)
            try await desk.expire(dead)
            _ = try await desk.store.rescue()
            let suspect = try await desk.claim(by: live, levels: [.suspect])[0]
            #expect(try await desk.settle(suspect, .retry(after: .zero, error: "x")))
            try await desk.comeDue()
            #expect(try await desk.claim(by: live).map(\.level) == [.returning(.normal)])
        }
    }

    @Test("by two at once takes each worker once")
    func concurrent() async throws {
        try await withDesk { desk in
            for _ in 0..<8 {
                let worker = try await desk.worker()
                _ = try await desk.running(by: worker)
                try await desk.expire(worker)
            }
            async let one = desk.store.rescue()
            async let two = desk.store.rescue()
            let rescues = try await one + two
            #expect(Set(rescues.map(\.worker)).count == rescues.count)
            let rest = try await desk.store.rescue()
            #expect((rescues + rest).reduce(0) { $0 + $1.recovered } == 8)
        }
    }

    @Test("of many dead workers takes ten a turn")
    func manyWorkers() async throws {
        try await withDesk { desk in
            for _ in 0..<12 { _ = try await desk.worker(lease: -1) }
            #expect(try await desk.store.rescue().count == 10)
            #expect(try await desk.store.rescue().count == 2)
        }
    }

    @Test("of orphans takes those whose worker is gone, ten seconds after their claim")
    func orphans() async throws {
        try await withDesk { desk in
            let (gone, live) = (try await desk.worker(), try await desk.worker())
            let (orphan, kept) = (try await desk.running(by: gone), try await desk.running(by: live))
            try await desk.store.database.run("DELETE FROM motorpool.workers WHERE id = \(gone.number)")
            #expect(try await desk.store.rescueOrphans() == 0)
            try await desk.store.database.run(
                "UPDATE motorpool.jobs SET started_at = now() - interval '11 seconds'")
            #expect(try await desk.store.rescueOrphans() == 1)
            #expect(try await desk.state(of: kept.id) == .running)
            #expect(try await desk.claim(by: live, levels: [.suspect]).map(\.id) == [orphan.id])
        }
    }

    @Test("finds the lease renewed in time, and a rescued worker learns it by its renewal")
    func renewal() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker(lease: -1)
            let renewed = try await desk.store.database.run(
                Lease.renew(worker, seconds: 60, draining: false, stats: "{}"))
            #expect(renewed.count == 1)
            #expect(try await desk.store.rescue().isEmpty)
            try await desk.expire(worker)
            _ = try await desk.store.rescue()
            let late = try await desk.store.database.run(
                Lease.renew(worker, seconds: 60, draining: false, stats: "{}"))
            #expect(late.count == 0)
        }
    }

    @Test("is not needed for a worker that leaves in good order: its jobs are back at once, uncharged")
    func leave() async throws {
        try await withDesk { desk in
            let (leaving, other) = (try await desk.worker(), try await desk.worker())
            let job = try await desk.running(by: leaving)
            let kept = try await desk.running(by: other)
            try await desk.store.database.run(all: Lease.leave(leaving))
            let back = try await desk.claim(by: other)
            #expect(back.map(\.id) == [job.id] && back[0].failures == 0 && back[0].level == .fresh(.normal))
            #expect(try await desk.state(of: kept.id) == .running)
            #expect(try await desk.count("workers") == 1)
        }
    }
}

@Suite("A hand-back")
struct HandBackTests {
    @Test("gives only what is still the worker's own, and counts nothing")
    func own() async throws {
        try await withDesk { desk in
            let (mine, other) = (try await desk.worker(), try await desk.worker())
            _ = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 5))
            let jobs = try await desk.claim(4, by: mine)
            let foreign = try await desk.claim(1, by: other)
            try await desk.finish(jobs[0])
            _ = try await desk.store.cancel(jobs[1].id, reason: "x")
            #expect(try await desk.store.handBack((jobs + foreign).map(\.token), of: mine) == 2)
            #expect(try await desk.state(of: foreign[0].id) == .running)
            let again = try await desk.claim(by: other)
            #expect(again.map(\.id) == [jobs[2].id, jobs[3].id])
            #expect(again.allSatisfy { $0.failures == 0 && $0.token.run == 2 && $0.level == .fresh(.normal) })
            #expect(try await desk.store.handBack(jobs.map(\.token), of: mine) == 0)
        }
    }

    @Test("tells what the database believes a worker holds, with its age")
    func claimed() async throws {
        try await withDesk { desk in
            let (mine, other) = (try await desk.worker(), try await desk.worker())
            let job = try await desk.running(by: mine)
            _ = try await desk.running(by: other)
            try await desk.store.database.run(
                "UPDATE motorpool.jobs SET started_at = now() - interval '20 seconds'")
            let claimed = try await desk.store.claimed(by: mine)
            #expect(claimed.map(\.token) == [job.token])
            #expect(claimed[0].age >= .seconds(20) && claimed[0].age < .seconds(40))
        }
    }
}
