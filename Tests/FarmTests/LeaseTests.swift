import Farm
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

@Suite("A worker's lease")
struct LeaseTests {
    private func loses(_ hand: House.Hand) async throws {
        try await hand.recorder.hears("the loss") { if case .leaseLost = $0 { true } else { nil } }
    }

    private func registersAnew(_ hand: House.Hand) async throws {
        try await hand.recorder.hears("a new lease", times: 2) { if case .started = $0 { true } else { nil } }
    }

    @Test("whose row is gone is told lost; its runs end uncounted, and the worker goes on under a new one")
    func rescued() async throws {
        try await withHouse { house in
            let (gate, runs) = (Gate(), Lock<[Int32]>([]))
            let hand = try await house.hire([
                .note { run in
                    runs.withLock { $0.append(run.job.token.run) }
                    if run.job.token.run == 1 { try await gate.pass() }
                    return .done()
                }
            ])
            let job = try await house.store.enqueue(NewJob("note")).job
            try await house.becomes(.running, job)
            // As another process would rescue it.
            try await house.store.database.run(
                "UPDATE motorpool.workers SET lease_until = now() - interval '1 hour'")
            #expect(try await house.store.rescue().map(\.recovered) == [1])
            try await loses(hand)
            try await registersAnew(hand)
            try await house.becomes(.done, job)
            #expect(runs.withLock { $0 } == [1, 2])
            let report = try #require(try await house.job(job))
            #expect(report.failures == 0 && report.errors == nil)
        }
    }

    @Test("that was lost while a run went on makes the run's commit stale")
    func staleCommit() async throws {
        try await withHouse { house in
            let gate = Gate()
            let hand = try await house.hire([
                .note { run in
                    if run.job.token.run == 1 { await gate.passDeaf() }
                    return try await run.commit { tx in
                        try await tx.run(
                            """
                            INSERT INTO trial.effects (job, run, process)
                            VALUES (\(run.job.id.number), \(run.job.token.run), 0)
                            """)
                        return nil
                    }
                }
            ])
            let job = try await house.store.enqueue(NewJob("note")).job
            try await house.becomes(.running, job)
            try await house.store.database.run(
                "UPDATE motorpool.workers SET lease_until = now() - interval '1 hour'")
            _ = try await house.store.rescue()
            try await house.becomes(.done, job)
            gate.open()
            try await hand.stop()
            let effects = try await house.store.database.run("SELECT run FROM trial.effects")
            #expect(try effects.map { try $0.get(0, as: Int32.self) } == [2])
        }
    }

    @Test("survives the death of every connection, again and again")
    func backendsKilled() async throws {
        try await withHouse([Definition { $0.lanes = 8 }]) { house in
            let hand = try await house.hire([
                .note { run in
                    try await run.commit { tx in
                        try await tx.run(
                            """
                            INSERT INTO trial.effects (job, run, process)
                            VALUES (\(run.job.id.number), \(run.job.token.run), 0)
                            """)
                        return nil
                    }
                }
            ])
            let killer = try await Connection.open(try TestServer.settings())
            for round in 0..<6 {
                let batch = (0..<200).map { NewJob("note", subject: $0 % 2 == 0 ? "\(round) \($0)" : nil) }
                _ = try await house.store.enqueue(batch)
                try await killer.run(
                    """
                    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = \(house.database.name) AND application_name = 'motorpool'
                    """)
            }
            await killer.close()
            try await house.isEmptied(within: .seconds(60))
            #expect(try await house.value("SELECT count(*) FROM trial.effects") as Int == 1200)
            #expect(try await house.value("SELECT count(DISTINCT job) FROM trial.effects") as Int == 1200)
            try await hand.stop()
        }
    }

    @Test("is another's to end when its process is gone: the other takes its jobs at full width")
    func takenOver() async throws {
        try await withHouse([Definition { $0.lanes = 20 }]) { house in
            let jobs = try await house.store.enqueue([NewJob](repeating: NewJob("note"), count: 20)).map(
                \.job)
            try await house.dies(holding: 20, lease: 1)
            let turnout = Turnout()
            let hand = try await house.hire([
                .note { run in
                    // None ends before all twenty run.
                    turnout.enters("note")
                    defer { turnout.leaves("note") }
                    try await eventually("twenty side by side") { turnout.most("note") == 20 }
                    return .done(result: run.job.level.isSuspect ? "1" : "0")
                }
            ])
            let rescued = try await hand.recorder.hears("the rescue") { event in
                if case .rescued(let worker, let recovered, let aside) = event {
                    (worker, recovered, aside)
                } else {
                    nil
                }
            }
            #expect(rescued[0] == ("dead", 20, 0))
            try await house.isEmptied()
            for job in jobs { #expect(try await house.job(job)?.result == "0") }
        }
    }

    @Test("covers only claims that were answered: what nobody holds is handed back")
    func unanswered() async throws {
        try await withHouse([Definition(kind: "note"), Definition(kind: "other")]) { house in
            // Knows nothing of notes, so only the hand-back can be what frees them.
            let hand = try await house.hire([.other { _ in .done() }])
            let worker = try house.worker(of: hand)
            let jobs = try await house.store.enqueue([NewJob("note"), NewJob("note")]).map(\.job)
            // As a claim whose answer was lost leaves them: one long ago, one a moment ago.
            for (job, seconds) in zip(jobs, [20.0, 0.0]) {
                try await house.store.database.run(
                    """
                    UPDATE motorpool.jobs SET state = 1, run = run + 1, worker = \(worker.number),
                        started_at = now() - make_interval(secs => \(seconds)) WHERE id = \(job.number)
                    """)
            }
            let counts = try await hand.recorder.hears("the hand-back") { event in
                if case .handedBack(let count) = event { count } else { nil }
            }
            #expect(counts == [1])
            #expect(try await house.job(jobs[0])?.state == .waiting)
            #expect(try await house.job(jobs[0])?.failures == 0)
            #expect(try await house.job(jobs[1])?.state == .running)
        }
    }
}
