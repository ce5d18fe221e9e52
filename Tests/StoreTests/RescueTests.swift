import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("A rescue")
struct RescueTests {
    private static let apart = [Level.loneSuspect, .suspect]

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

    @Test("brings every job of a dead worker back at full width, uncharged, and no job of another")
    func fullWidth() async throws {
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
            #expect(try await desk.claim(by: live, levels: Self.apart).isEmpty)
            let back = try await desk.claim(by: live)
            #expect(Set(back.map(\.id)) == Set(lost.map(\.id)))
            #expect(back.allSatisfy { $0.failures == 0 && $0.level == .returning(.normal) && $0.isRecovered })
            #expect(try await desk.store.job(back[0].id)?.workerDeaths == 1)
            #expect(try await desk.store.job(kept[0].id)?.workerDeaths == 0)
            #expect(try await desk.charges() == 0)
        }
    }

    @Test("of recovered jobs makes those suspects that had begun; what was only claimed meets no death")
    func secondDeath() async throws {
        try await withDesk { desk in
            let ids = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 9)).map(\.job)
            try await desk.dies(holding: ids)
            let jobs = try await desk.dies(holding: ids, begun: Set(ids[0..<3]))
            #expect(jobs.count == 9)
            let live = try await desk.worker()
            let suspects = try await desk.claim(by: live, levels: [.suspect])
            #expect(Set(suspects.map(\.id)) == Set(ids[0..<3]))
            for id in ids[0..<3] { #expect(try await desk.store.job(id)?.workerDeaths == 2) }
            for id in ids[3...] { #expect(try await desk.store.job(id)?.workerDeaths == 1) }
            #expect(try await desk.claim(by: live).count == 6)
            #expect(try await desk.charges() == 0)
        }
    }

    @Test("sets aside what ran alone at its third death, and clears jobs of other kinds of these deaths")
    func poison() async throws {
        try await withDesk([Definition(kind: "note"), Definition(kind: "other")]) { desk in
            let id = try await desk.store.enqueue(NewJob("note", args: "\"poison\"", subject: "s")).job
            let alike = try await desk.store.enqueue(NewJob("note")).job
            let innocent = try await desk.store.enqueue([NewJob](repeating: NewJob("other"), count: 50))
                .map(\.job)
            try await desk.becomesSuspect([id, alike] + innocent)
            // All of them are suspects now.
            let worker = try await desk.worker()
            try await desk.store.database.run("UPDATE motorpool.jobs SET seq = 1 WHERE id = \(id.number)")
            #expect(try await desk.claim(by: worker).isEmpty)
            #expect(try await desk.claim(1, by: worker, levels: [.suspect]).map(\.id) == [id])
            try await desk.begin(id)
            try await desk.expire(worker)
            let rescue = try await desk.store.rescue()[0]
            #expect(rescue.setAside == 1 && rescue.recovered == 0)
            let report = try #require(try await desk.store.job(id))
            #expect(report.state == .dead && report.reason == "poison" && report.workerDeaths == 3)
            #expect(report.errors?.description.contains("tester") == true)
            #expect(try await desk.store.condition(kind: "note", subject: "s")?.condition == "failed")
            // The culprit is named: other kinds run at full width again, its like stays apart.
            let live = try await desk.worker()
            let back = try await desk.claim(by: live)
            #expect(Set(back.map(\.id)) == Set(innocent) && !back.contains(where: \.isRecovered))
            #expect(try await desk.claim(by: live, levels: [.suspect]).map(\.id) == [alike])
            #expect(try await desk.charges() == 0)
        }
    }

    @Test("charges a suspect that ran beside other jobs, and sets it aside at the third charge only")
    func beside() async throws {
        try await withDesk { desk in
            let id = try await desk.store.enqueue(NewJob("note")).job
            try await desk.becomesSuspect([id])
            for charge in 1...3 {
                let others = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 3))
                try await desk.dies(holding: [id] + others.map(\.job), begun: [id])
                #expect(try await desk.state(of: id) == (charge < 3 ? .ready : nil))
                for other in others { #expect(try await desk.told(other.job) == .waiting) }
            }
            #expect(try await desk.store.job(id)?.reason == "poison")
            #expect(try await desk.charges() == 0)
        }
    }

    @Test("charges none of several suspects of one process; each of them is the only one from then on")
    func several() async throws {
        try await withDesk { desk in
            let ids = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 2)).map(\.job)
            try await desk.becomesSuspect(ids)
            for _ in 0..<4 {
                try await desk.dies(holding: ids, begun: Set(ids))
                #expect(try await desk.charges() == 0)
            }
            #expect(try await desk.store.hasLoneSuspects(in: ["default"], kinds: ["note"]))
            #expect(try await !desk.store.hasLoneSuspects(in: ["default"], kinds: ["other"]))
            let worker = try await desk.worker()
            #expect(try await desk.claim(by: worker, levels: [.suspect]).isEmpty)
            #expect(try await desk.claim(by: worker, levels: [.loneSuspect]).count == 2)
        }
    }

    @Test("never charges what runs beside others, however often its workers die")
    func company() async throws {
        try await withDesk { desk in
            let ids = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 3)).map(\.job)
            for _ in 0..<30 { try await desk.dies(holding: ids, begun: Set(ids)) }
            for id in ids { #expect(try await desk.store.job(id)?.workerDeaths == 20) }
            #expect(try await desk.charges() == 0)
            #expect(try await desk.count("dead") == 0)
            // Nor a suspect that was claimed and not begun.
            for _ in 0..<5 { try await desk.dies(holding: [ids[0]]) }
            #expect(try await desk.charges() == 0)
            #expect(try await desk.count("dead") == 0)
        }
    }

    @Test("frees a suspect of its mark when it has been judged")
    func unmarked() async throws {
        try await withDesk { desk in
            let id = try await desk.store.enqueue(NewJob("note")).job
            try await desk.becomesSuspect([id])
            let live = try await desk.worker()
            let suspect = try await desk.claim(by: live, levels: [.suspect])[0]
            #expect(try await desk.settle(suspect, .retry(after: .zero, error: "x")))
            try await desk.comeDue()
            #expect(try await desk.claim(by: live).map(\.level) == [.returning(.normal)])
        }
    }

    @Test("passes over a row that is locked elsewhere: it costs only itself, and returns later")
    func locked() async throws {
        try await withDesk { desk in
            let dead = try await desk.worker()
            _ = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 3))
            let jobs = try await desk.claim(3, by: dead)
            try await desk.expire(dead)
            try await desk.store.database.transaction { tx in
                try await tx.run("SELECT 1 FROM motorpool.jobs WHERE id = \(jobs[1].id.number) FOR UPDATE")
                #expect(try await desk.store.rescue().map(\.recovered) == [2])
            }
            #expect(try await desk.state(of: jobs[1].id) == .running)
            try await desk.store.database.run(
                "UPDATE motorpool.jobs SET started_at = now() - interval '11 seconds' WHERE state = 1")
            #expect(try await desk.store.rescueOrphans() == 1)
            #expect(try await desk.claim(by: try await desk.worker()).count == 3)
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
            // No lane had begun it: it is as it was.
            let back = try await desk.claim(by: live)
            #expect(back.map(\.id) == [orphan.id] && back[0].level == .fresh(.normal) && !back[0].isRecovered)
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

@Suite("A release")
struct ReleaseTests {
    private let boss = Operator(name: "boss")

    @Test("puts a suspect back to its ordinary level, its deaths forgotten, and is noted; twice is once")
    func suspect() async throws {
        try await withDesk { desk in
            let ids = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 2)).map(\.job)
            try await desk.becomesSuspect(ids)
            #expect(try await desk.store.release(ids[0], by: boss) == .released)
            #expect(try await desk.store.release(ids[0], by: boss) == .notRecovered)
            let report = try #require(try await desk.store.job(ids[0]))
            #expect(report.workerDeaths == 0 && !report.isReleasable)
            #expect(try await desk.store.job(ids[1])?.isReleasable == true)
            let live = try await desk.worker()
            #expect(try await desk.claim(by: live).map(\.id) == [ids[0]])
            let noted = try await desk.store.audit(limit: 10)
            #expect(noted.map(\.action) == ["release"] && noted[0].target == "job \(ids[0])")
        }
    }

    @Test("of what does not wait, or met no death, changes nothing and says so")
    func refused() async throws {
        try await withDesk { desk in
            let live = try await desk.worker()
            let fresh = try await desk.store.enqueue(NewJob("note")).job
            #expect(try await desk.store.release(fresh, by: boss) == .notRecovered)
            _ = try await desk.claim(by: live)
            #expect(try await desk.store.release(fresh, by: boss) == .notWaiting(.running))
            let job = try await desk.running(by: live)
            try await desk.finish(job)
            #expect(try await desk.store.release(job.id, by: boss) == .notWaiting(.done))
            let dead = try await desk.running(by: live)
            _ = try await desk.settle(dead, .die(reason: .forGood, error: "x"))
            #expect(try await desk.store.release(dead.id, by: boss) == .notWaiting(.dead))
            #expect(try await desk.store.release(JobID(999_999), by: boss) == .unknown)
            #expect(try await desk.count("audit") == 0)
        }
    }

    @Test("of many takes those that can be released, each batch noted")
    func many() async throws {
        try await withDesk { desk in
            let ids = try await desk.store.enqueue([NewJob](repeating: NewJob("note"), count: 5)).map(\.job)
            try await desk.becomesSuspect(Array(ids[0..<3]))
            #expect(try await desk.store.act(.release, on: ids, target: "all", by: boss) == 3)
            #expect(try await desk.claim(by: try await desk.worker()).count == 5)
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
