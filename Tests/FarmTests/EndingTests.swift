import Farm
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

@Suite("A run that has to end")
struct EndingTests {
    private static let quick = Definition {
        $0.timeLimit = .milliseconds(300)
        $0.lanes = 1
        $0.patience = Patience(attemptsMax: 2, backoffFirst: .milliseconds(10), backoffMax: .milliseconds(10))
    }

    @Test("at its time limit is charged, and tried again")
    func timeLimit() async throws {
        try await withHouse([Self.quick]) { house in
            let gate = Gate()
            _ = try await house.hire([
                .note { _ in
                    try await gate.pass()
                    return .done()
                }
            ])
            let job = try await house.store.enqueue(NewJob("note")).job
            try await house.becomes(.dead, job)
            let report = try #require(try await house.job(job))
            #expect(report.failures == 2 && report.run == 2)
            #expect(report.errors?.description.contains("longer than its time limit of 300ms") == true)
        }
    }

    @Test("at its time limit and is done all the same is done")
    func doneInTheEnd() async throws {
        try await withHouse([Self.quick]) { house in
            let gate = Gate()
            _ = try await house.hire([
                .note { _ in
                    try? await gate.pass()
                    return .done(result: "\"late\"")
                }
            ])
            let job = try await house.store.enqueue(NewJob("note")).job
            try await house.becomes(.done, job)
            #expect(try await house.job(job)?.result == "\"late\"")
        }
    }

    @Test("and ignores it is given up: its lane goes on, and what it brings late changes nothing")
    func ignored() async throws {
        try await withHouse([Self.quick]) { house in
            let (stubborn, late) = (Gate(), Lock<String?>(nil))
            let hand = try await house.hire([
                .note { run in
                    guard run.job.args == "\"stubborn\"", run.job.failures == 0 else {
                        return .done(result: "\"second\"")
                    }
                    await stubborn.passDeaf()
                    do {
                        return try await run.commit { tx in
                            try await tx.run(
                                "INSERT INTO trial.effects (job, run, process) VALUES (\(run.job.id.number), 1, 0)"
                            )
                            return "\"late\""
                        }
                    } catch {
                        late.withLock { $0 = "\(error)" }
                        throw error
                    }
                }
            ])
            let job = try await house.store.enqueue(NewJob("note", args: "\"stubborn\"")).job
            let next = try await house.store.enqueue(NewJob("note")).job
            try await house.becomes(.done, job)
            try await house.becomes(.done, next)
            let report = try #require(try await house.job(job))
            #expect(report.failures == 1 && report.run == 2 && report.result == "\"second\"")
            stubborn.open()
            try await eventually("the late commit is refused") { late.withLock { $0 != nil } }
            #expect(try await house.job(job)?.result == "\"second\"")
            #expect(try await house.value("SELECT count(*) FROM trial.effects") as Int == 0)
            try await hand.stop()
        }
    }

    @Test("because it was cancelled hears it, settles nothing, and frees its lane", arguments: [true, false])
    func cancelled(hasBell: Bool) async throws {
        try await withHouse([Definition { $0.lanes = 1 }]) { house in
            let (gate, ended) = (Gate(), Lock<Bool?>(nil))
            let hand = try await house.hire([
                .note { run in
                    guard run.job.args == "1" else { return .done() }
                    defer { ended.withLock { $0 = Task.isCancelled } }
                    try await gate.pass()
                    return .done()
                }
            ]) { $0.hasBell = hasBell }
            let job = try await house.store.enqueue(NewJob("note", args: "1")).job
            try await house.becomes(.running, job)
            #expect(try await house.store.cancel(job, reason: "enough") == .cancelled(mayHaveStarted: true))
            try await eventually("the run ends", within: .seconds(10)) { ended.withLock { $0 != nil } }
            #expect(ended.withLock { $0 } == true)
            try await hand.recorder.hears("the cancel") { if case .cancelled(job) = $0 { true } else { nil } }
            let next = try await house.store.enqueue(NewJob("note")).job
            try await house.becomes(.done, next)
            let report = try #require(try await house.job(job))
            #expect(report.state == .cancelled && report.reason == "enough" && report.errors == nil)
            #expect(hand.farm.counts.failed == 0)
        }
    }

    @Test("because it was cancelled and ignores it does not keep its lane")
    func cancelIgnored() async throws {
        try await withHouse([Definition { $0.lanes = 1 }]) { house in
            let gate = Gate()
            let hand = try await house.hire([
                .note { run in
                    if run.job.args == "1" { await gate.passDeaf() }
                    return .done()
                }
            ])
            let job = try await house.store.enqueue(NewJob("note", args: "1")).job
            try await house.becomes(.running, job)
            _ = try await house.store.cancel(job, reason: "enough")
            let next = try await house.store.enqueue(NewJob("note")).job
            try await house.becomes(.done, next, within: .seconds(15))
            gate.open()
            try await hand.stop()
            #expect(try await house.job(job)?.state == .cancelled)
        }
    }

    @Test("before it began never begins: cancelled while it waited behind another", arguments: [true, false])
    func cancelledInBuffer(hasBell: Bool) async throws {
        try await withHouse([Definition { $0.lanes = 1 }]) { house in
            let (gate, begun) = (Gate(), Lock<[String]>([]))
            let hand = try await house.hire([
                .note { run in
                    begun.withLock { $0.append(run.job.args.description) }
                    if run.job.args == "\"gate\"" { try await gate.pass() }
                    return .done()
                }
            ]) { $0.hasBell = hasBell }
            // Makes the kind known as a quick one, so that it is claimed ahead.
            for _ in 0..<3 {
                _ = try await house.store.enqueue([NewJob](repeating: NewJob("note", args: "0"), count: 50))
            }
            try await house.isEmptied()
            let jobs = try await house.store.enqueue([
                NewJob("note", args: "\"gate\""), NewJob("note", args: "\"victim\""),
                NewJob("note", args: "\"after\""),
            ]).map(\.job)
            try await eventually("all are claimed") {
                try await house.value("SELECT count(*) FROM motorpool.jobs WHERE state = 1") as Int == 3
            }
            #expect(
                try await house.store.cancel(jobs[1], reason: "enough") == .cancelled(mayHaveStarted: true))
            if hasBell {
                try await hand.recorder.hears("the cancel") {
                    if case .cancelled(jobs[1]) = $0 { true } else { nil }
                }
            } else {
                // Longer than a job that waits here is trusted to be still ours, shorter than it may wait.
                try await Task.sleep(for: .milliseconds(400))
            }
            gate.open()
            try await house.becomes(.done, jobs[2])
            #expect(begun.withLock { $0.suffix(2) } == ["\"gate\"", "\"after\""])
            #expect(try await house.job(jobs[1])?.state == .cancelled)
        }
    }

    @Test("does not take an innocent neighbour with it")
    func neighbours() async throws {
        try await withHouse([Definition { $0.lanes = 4 }]) { house in
            let hand = try await house.hire([
                .note { _ in
                    for _ in 0..<3 { await Task.yield() }
                    try Task.checkCancellation()
                    return .done()
                }
            ])
            // Cancels arrive in the very moments in which runs end and others begin.
            for _ in 0..<20 {
                let jobs = try await house.store.enqueue([NewJob](repeating: NewJob("note"), count: 100)).map(
                    \.job)
                for job in jobs where job.number % 5 == 0 {
                    _ = try await house.store.cancel(job, reason: "x")
                }
            }
            try await house.isEmptied()
            #expect(
                try await house.value("SELECT count(*) FROM motorpool.history WHERE errors IS NOT NULL")
                    as Int == 0)
            #expect(hand.farm.counts.failed == 0)
        }
    }
}
