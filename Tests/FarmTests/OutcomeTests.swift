import Farm
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing
import Trial

@Suite("The outcome of a run")
struct OutcomeTests {
    @Test("that can't be stored kills its own job with the reason, and none of the 199 beside it")
    func poisonedBatch() async throws {
        try await withHouse([Definition { $0.lanes = 200 }]) { house in
            let gate = Gate()
            let started = Lock(0)
            let hand = try await house.hire([
                .note { run in
                    let number = started.withLock { count in
                        count += 1
                        return count
                    }
                    if number == 200 { gate.open() }
                    try await gate.pass()
                    return .done(result: run.job.args == "137" ? "{\"a\": \"\\u0000\"}" : run.job.args)
                }
            ])
            let jobs = try await house.store.enqueue(
                (0..<200).map { NewJob("note", args: JSON(text: "\($0)")) }
            ).map(\.job)
            try await house.isEmptied()
            #expect(
                try await house.value("SELECT count(*) FROM motorpool.history WHERE ending = 'done'") as Int
                    == 199)
            #expect(try await house.value("SELECT count(*) FROM motorpool.history WHERE run > 1") as Int == 0)
            let dead = try #require(try await house.job(jobs[137]))
            #expect(dead.state == .dead && dead.reason == "for_good")
            #expect(dead.errors?.description.contains("can't be stored") == true)
            let refused = hand.recorder.all {
                if case .refusedData(let job, _) = $0 { job } else { nil as JobID? }
            }
            #expect(refused == [jobs[137]])
        }
    }

    @Test(
        "with a byte that can't even be sent is its job's death, and the lane goes on",
        arguments: ["plain", "subject", "follow-up", "child"])
    func rawNUL(way: String) async throws {
        try await withHouse { house in
            _ = try await house.hire([
                .note { run in
                    if run.job.args != "\"bad\"" { return .done() }
                    return switch way {
                    case "follow-up": .done(followUps: [NewJob("note", subject: "a\0b")])
                    case "child": .await(children: [NewJob("note", args: "\0")], step: 1)
                    default: .done(result: "\0")
                    }
                }
            ])
            let bad = try await house.store.enqueue(
                NewJob("note", args: "\"bad\"", subject: way == "subject" ? "s" : nil)
            ).job
            try await house.becomes(.dead, bad)
            let good = try await house.store.enqueue(NewJob("note")).job
            try await house.becomes(.done, good)
        }
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let what: String
        let outcome: Outcome
        let state: ToldState
        var reason: String?
        var error: String?

        var testDescription: String { what }
    }

    static let endings: [Case] = [
        Case(what: "done", outcome: .done(), state: .done),
        Case(what: "done with a result", outcome: .done(result: "{\"a\": 1}"), state: .done),
        Case(what: "cancel", outcome: .cancel(reason: "no need"), state: .cancelled, reason: "no need"),
        Case(
            what: "failed for good", outcome: .failForGood(error: "gone"), state: .dead, reason: "for_good",
            error: "gone"),
        Case(
            what: "failed", outcome: .fail(error: "down"), state: .dead, reason: "attempts", error: "down"),
        Case(
            what: "a result too big",
            outcome: .done(result: JSON(text: "\"" + String(repeating: "x", count: 65_536) + "\"")),
            state: .dead, reason: "for_good", error: "65538 bytes"),
        Case(
            what: "a follow-up of no kind", outcome: .done(followUps: [NewJob("note"), NewJob("nope")]),
            state: .dead,
            reason: "for_good", error: "no kind is called “nope”"),
        Case(
            what: "a snooze beyond all calendars", outcome: .snooze(.seconds(1e17)), state: .dead,
            reason: "for_good",
            error: "can't be stored"),
    ]

    @Test("is where its job ends", arguments: endings)
    func table(_ ending: Case) async throws {
        try await withHouse([Definition { $0.patience.attemptsMax = 1 }]) { house in
            _ = try await house.hire([.note { _ in ending.outcome }])
            for subject in [nil, "s"] {
                let job = try await house.store.enqueue(NewJob("note", subject: subject)).job
                try await house.becomes(ending.state, job)
                let report = try #require(try await house.job(job))
                #expect(report.reason == ending.reason && report.run == 1)
                if case .done(let result?, _) = ending.outcome, ending.state == .done {
                    #expect(report.result == result)
                }
                if let error = ending.error { #expect(report.errors?.description.contains(error) == true) }
            }
            // Nothing followed from what was refused.
            #expect(try await house.value("SELECT count(*) FROM motorpool.jobs") as Int == 0)
        }
    }

    @Test("that is thrown is a failure with the error's own words, and is tried again after its pause")
    func thrown() async throws {
        struct Fault: Error, CustomStringConvertible { let description = "the mill stands still" }
        let patience = Patience(
            attemptsMax: 3, backoffFirst: .milliseconds(50), backoffMax: .seconds(1), jitter: 0)
        try await withHouse([Definition { $0.patience = patience }]) { house in
            let times = Lock<[ContinuousClock.Instant]>([])
            let hand = try await house.hire([
                .note { run in
                    times.withLock { $0.append(.now) }
                    if run.job.failures < 2 { throw Fault() }
                    return .done()
                }
            ])
            let job = try await house.store.enqueue(NewJob("note")).job
            try await house.becomes(.done, job)
            let report = try #require(try await house.job(job))
            #expect(report.failures == 2 && report.run == 3)
            #expect(report.errors?.description.contains("the mill stands still") == true)
            let starts = times.withLock { $0 }
            #expect(starts[1] - starts[0] >= .milliseconds(50) && starts[2] - starts[1] >= .milliseconds(100))
            #expect(hand.farm.counts.failed == 2)
        }
    }

    @Test("of args that don't fit is a death that says what doesn't")
    func badArgs() async throws {
        try await withHouse([Definition(kind: "sleep")]) { house in
            _ = try await house.hire(TrialKinds.all().filter { $0.name == "sleep" })
            for (args, word) in [
                ("{}", "“seconds” is missing"), ("{\"seconds\": \"1\"}", "“seconds” should be a number"),
                ("[]", "args should be an object"),
            ] {
                let job = try await house.store.enqueue(NewJob("sleep", args: JSON(text: args))).job
                try await house.becomes(.dead, job)
                #expect(try await house.job(job)?.errors?.description.contains(word) == true, "\(args)")
            }
        }
    }

    @Test("as a snooze comes back uncounted")
    func snooze() async throws {
        try await withHouse([Definition { $0.patience.attemptsMax = 1 }]) { house in
            _ = try await house.hire([.note { $0.job.token.run < 4 ? .snooze(.milliseconds(20)) : .done() }])
            let job = try await house.store.enqueue(NewJob("note")).job
            try await house.becomes(.done, job)
            let report = try #require(try await house.job(job))
            #expect(report.failures == 0 && report.run == 4)
        }
    }

    @Test("brings its follow-ups in the same moment")
    func followUps() async throws {
        try await withHouse([Definition(kind: "note"), Definition(kind: "other")]) { house in
            let seen = Lock<[String: ToldState]>([:])
            _ = try await house.hire([
                .note { _ in
                    .done(result: "1", followUps: [NewJob("other"), NewJob("other", subject: "s", key: "k")])
                },
                .other { run in
                    let parent = try await house.store.jobs(JobFilter()).first { $0.kind == "note" }
                    seen.withLock { $0["\(run.job.id)"] = parent?.state }
                    return .done()
                },
            ])
            _ = try await house.store.enqueue(NewJob("note"))
            try await house.isEmptied()
            #expect(seen.withLock { Array($0.values) } == [.done, .done])
        }
    }

    @Test(
        "waits for its children, counts the bad ones, and goes on with the next step", arguments: [0, 1, 7])
    func family(children: Int) async throws {
        try await withHouse([Definition(kind: "note"), Definition("other") { $0.patience.attemptsMax = 1 }]) {
            house in
            _ = try await house.hire([
                .note { run in
                    guard run.job.step == 0 else {
                        return .done(result: JSON(text: "\(run.job.childrenFailed)"))
                    }
                    return .await(
                        children: (0..<children).map { NewJob("other", args: JSON(text: "\($0)")) }, step: 3)
                },
                .other { $0.job.args == "0" ? .fail(error: "x") : .done() },
            ])
            let job = try await house.store.enqueue(NewJob("note")).job
            try await house.becomes(.done, job)
            #expect(try await house.job(job)?.result == JSON(text: children > 0 ? "1" : "0"))
        }
    }

    @Test("that was committed is committed once, with its rows")
    func commit() async throws {
        try await withHouse([Definition("effect") { $0.lanes = 8 }]) { house in
            _ = try await house.hire(TrialKinds.all().filter { $0.name == "effect" })
            _ = try await house.store.enqueue(
                (0..<300).map { NewJob("effect", subject: $0 % 2 == 0 ? "s\($0)" : nil) })
            try await house.isEmptied()
            #expect(try await house.value("SELECT count(*) FROM trial.effects") as Int == 300)
            #expect(try await house.value("SELECT count(DISTINCT job) FROM trial.effects") as Int == 300)
            #expect(
                try await house.value("SELECT count(*) FROM motorpool.history WHERE ending = 'done'") as Int
                    == 300)
        }
    }

    @Test("of a commit that throws leaves no row and is tried again")
    func commitThrows() async throws {
        struct Fault: Error {}
        let patience = Patience(backoffFirst: .milliseconds(10), backoffMax: .milliseconds(10))
        try await withHouse([Definition { $0.patience = patience }]) { house in
            _ = try await house.hire([
                .note { run in
                    try await run.commit { tx in
                        try await tx.run(
                            "INSERT INTO trial.effects (job, run, process) VALUES (\(run.job.id.number), \(run.job.token.run), 0)"
                        )
                        if run.job.failures == 0 { throw Fault() }
                        return nil
                    }
                }
            ])
            let job = try await house.store.enqueue(NewJob("note")).job
            try await house.becomes(.done, job)
            #expect(try await house.value("SELECT array_agg(run) FROM trial.effects") as [Int32] == [2])
        }
    }
}
