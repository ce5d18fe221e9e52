import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("The schedule's ledger")
struct ScheduleTests {
    private func line(
        _ when: String = "* * * * * *", name: String = "tick", _ set: (inout ScheduleLine) -> Void = { _ in }
    ) throws -> ScheduleLine {
        var line = ScheduleLine(name: name, expression: try CronExpression(when), kind: "note")
        line.overlap = .allow
        line.missed = .all(upTo: 1000)
        set(&line)
        return line
    }

    /// As if nobody had decided anything for so long.
    private func shift(_ desk: Desk, back seconds: Int, _ name: String = "tick") async throws {
        try await desk.store.database.run(
            """
            UPDATE motorpool.schedules SET decided_to = now() - make_interval(secs => \(Double(seconds))), turn = turn + 1
            WHERE name = \(name)
            """)
    }

    /// What a scheduler would ask for now.
    private func turn(_ desk: Desk, _ line: ScheduleLine) async throws -> ScheduleTurn {
        let (_, now, states) = try await desk.store.fire([], statesOf: [line.name])
        guard let seen = states[line.name] else { throw Missing(description: "\(line.name) is unknown") }
        let moment = Moment(now.microseconds / 1_000_000)
        return ScheduleTurn(
            line: line, seen: seen,
            verdicts: Timetable(line).verdicts(after: seen.decidedTo, through: moment),
            through: moment, next: line.next(after: moment))
    }

    /// Decides what is due as a scheduler does.
    @discardableResult
    private func fire(_ desk: Desk, _ line: ScheduleLine) async throws -> [DecidedSlot] {
        try await desk.store.fire([try await turn(desk, line)], statesOf: [line.name]).decided
    }

    @Test("a slot that many want at once is fired by one of them")
    func race() async throws {
        try await withDesk { desk in
            let line = try line()
            try await desk.store.publish([line])
            try await shift(desk, back: 20)
            let turn = try await turn(desk, line)
            #expect(turn.verdicts.count >= 20)
            let decided = try await withThrowingTaskGroup(of: [DecidedSlot].self) { schedulers in
                for _ in 0..<16 {
                    schedulers.addTask { try await desk.store.fire([turn], statesOf: ["tick"]).decided }
                }
                return try await schedulers.reduce(into: []) { $0 += $1 }
            }
            #expect(decided.count == turn.verdicts.count)
            #expect(Set(decided.map(\.slot)).count == decided.count)
            #expect(try await desk.count("jobs") == decided.count)
        }
    }

    @Test("a slot that was decided is never decided again, not even when the line forgets how far it was")
    func unique() async throws {
        try await withDesk { desk in
            let line = try line()
            try await desk.store.publish([line])
            try await shift(desk, back: 10)
            let first = try await turn(desk, line)
            _ = try await desk.store.fire([first], statesOf: [])
            try await shift(desk, back: 10)
            let seen = try await turn(desk, line).seen
            let again = ScheduleTurn(
                line: line, seen: seen, verdicts: first.verdicts, through: first.through, next: nil)
            #expect(try await desk.store.fire([again], statesOf: []).decided.isEmpty)
            #expect(try await desk.count("jobs") == first.verdicts.count)
        }
    }

    @Test("who has seen an older turn, or believes in another clock, decides nothing")
    func guards() async throws {
        try await withDesk { desk in
            let line = try line()
            try await desk.store.publish([line])
            try await shift(desk, back: 5)
            let stale = try await turn(desk, line)
            try await shift(desk, back: 5)
            let turn = try await turn(desk, line)
            let early = ScheduleTurn(
                line: line, seen: turn.seen, verdicts: turn.verdicts,
                through: Moment(turn.through.seconds + 60), next: nil)
            for wrong in [stale, early] {
                #expect(try await desk.store.fire([wrong], statesOf: []).decided.isEmpty)
            }
            #expect(try await desk.count("slots") == 0)
            #expect(try await desk.count("jobs") == 0)
        }
    }

    @Test(
        "slots in which nobody was there follow the policy, and each stands in the ledger",
        arguments: [("skip", 0), ("last", 1), ("all up to 4", 4)])
    func missed(policy: String, fired: Int) async throws {
        try await withDesk { desk in
            let line = try line("0 * * * *") { $0.missed = MissedPolicy(text: policy) ?? .skip }
            try await desk.store.publish([line])
            try await shift(desk, back: 6 * 3600)
            let decided = try await fire(desk, line)
            let hours = decided.map { $0.slot.microseconds / 3_600_000_000 }
            #expect(hours == hours.sorted() && (5...7).contains(hours.count))
            // The last one may have come within the half minute in which nothing counts as missed.
            let onTime = decided.last?.outcome == .fired && policy == "skip" ? 1 : 0
            #expect(decided.count { $0.outcome == .fired } == fired + onTime)
            #expect(
                decided.filter { $0.outcome == .skipped }.allSatisfy { $0.why?.contains("missed") == true })
            #expect(try await desk.count("slots") == decided.count)
            #expect(try await desk.count("jobs") == fired + onTime)
        }
    }

    @Test(
        "while a job of an earlier slot lives, a slot is skipped with its number, waits for it, or does not mind"
    )
    func overlap() async throws {
        try await withDesk { desk in
            let worker = try await desk.worker()
            for overlap in OverlapPolicy.allCases {
                let line = try line(name: overlap.rawValue) { $0.overlap = overlap }
                try await desk.store.publish([line])
                try await shift(desk, back: 3, line.name)
                let decided = try await fire(desk, line)
                let outcomes = decided.map(\.outcome)
                let first = try #require(decided.first?.job)
                #expect(outcomes.first == .fired && outcomes.count >= 3)
                switch overlap {
                case .skip:
                    #expect(outcomes.dropFirst().allSatisfy { $0 == .skipped })
                    #expect(decided[1].why == "job \(first) of an earlier slot has not ended")
                case .allow: #expect(outcomes.allSatisfy { $0 == .fired })
                case .queue:
                    #expect(outcomes.dropFirst().allSatisfy { $0 == .queued })
                    try await finishAll(desk, worker)
                    let next = try await fire(desk, line)
                    #expect(next.first?.slot == decided[1].slot && next.first?.outcome == .fired)
                    #expect(next.dropFirst().allSatisfy { $0.outcome == .queued })
                    #expect(
                        try await desk.store.fire([], statesOf: ["queue"]).states["queue"]?.hasQueued == true)
                }
                try await finishAll(desk, worker)
            }
        }
    }

    private func finishAll(_ desk: Desk, _ worker: WorkerID) async throws {
        for job in try await desk.claim(by: worker) { try await desk.finish(job) }
    }

    @Test("no more than a hundred slots of a line wait")
    func queueBound() async throws {
        try await withDesk { desk in
            let line = try line { $0.overlap = .queue }
            try await desk.store.publish([line])
            try await shift(desk, back: 120)
            let decided = try await fire(desk, line)
            #expect(decided.count { $0.outcome == .queued } == 100)
            #expect(decided.last?.why == "100 slots wait already")
        }
    }

    @Test("a paused line lets its slots pass and says who paused it; nothing of the pause is made up")
    func pause() async throws {
        try await withDesk { desk in
            let line = try line()
            try await desk.store.publish([line])
            #expect(try await desk.store.pause(schedule: "tick", by: Operator(name: "anna")) == true)
            try await shift(desk, back: 4)
            let decided = try await fire(desk, line)
            #expect(!decided.isEmpty)
            #expect(decided.allSatisfy { $0.why?.hasPrefix("paused by anna since ") == true })
            try await shift(desk, back: 600)
            #expect(try await desk.store.resume(schedule: "tick", by: ann) == true)
            let after = try await fire(desk, line)
            #expect(after.count <= 1)
            #expect(try await desk.store.resume(schedule: "tick", by: ann) == false)
            #expect(try await desk.store.resume(schedule: "nobody", by: ann) == nil)
            #expect(try await desk.store.pause(schedule: "nobody", by: ann) == nil)
        }
    }

    @Test("another expression keeps the ledger and begins now; the same one goes on where it was")
    func changed() async throws {
        try await withDesk { desk in
            let line = try line()
            try await desk.store.publish([line])
            try await shift(desk, back: 5)
            let slots = try await fire(desk, line).count
            try await shift(desk, back: 50)
            try await desk.store.publish([line])
            #expect(try await turn(desk, line).verdicts.count >= 50)
            let other = try self.line("*/2 * * * * *")
            try await desk.store.publish([other])
            #expect(try await turn(desk, other).verdicts.count <= 1)
            #expect(try await desk.store.slots(of: "tick").count == slots)
        }
    }

    @Test(
        "a line that a process does not have is gone until one vouches for it, and begins anew when it returns"
    )
    func gone() async throws {
        try await withDesk { desk in
            let (one, two) = (try line(name: "one"), try line(name: "two"))
            try await desk.store.publish([one, two])
            try await desk.store.publish([one])
            #expect(try await desk.store.schedules().map { $0.goneAt != nil } == [false, true])
            try await desk.store.vouch(for: ["two"])
            #expect(try await desk.store.schedules().allSatisfy { $0.goneAt == nil })
            try await desk.store.publish([one])
            try await shift(desk, back: 100, "two")
            try await desk.store.publish([one, two])
            #expect(try await turn(desk, two).verdicts.count <= 1)
        }
    }

    @Test("what the queue refuses is skipped with its reason, and the other lines fire")
    func refused() async throws {
        try await withDesk { desk in
            let bad = try line(name: "bad") { $0.kind = "nobody" }
            let good = try line(name: "good")
            try await desk.store.publish([bad, good])
            try await shift(desk, back: 3, "bad")
            try await shift(desk, back: 3, "good")
            let turns = [try await turn(desk, bad), try await turn(desk, good)]
            let decided = try await desk.store.fire(turns, statesOf: []).decided
            #expect(decided.filter { $0.schedule == "bad" }.allSatisfy { $0.why?.contains("nobody") == true })
            #expect(decided.filter { $0.schedule == "good" }.allSatisfy { $0.outcome == .fired })
            #expect(Set(decided.map(\.schedule)) == ["bad", "good"])
        }
    }

    @Test("a slot whose subject has a live job is skipped and names it")
    func subject() async throws {
        try await withDesk { desk in
            let job = try await desk.store.enqueue(NewJob("note", subject: "s")).job
            let line = try line { $0.subject = "s" }
            try await desk.store.publish([line])
            try await shift(desk, back: 1)
            let decided = try await fire(desk, line)
            #expect(decided.first?.outcome == .skipped && decided.first?.job == job)
            #expect(decided.first?.why == "job \(job) of the same subject answers for it")
            #expect(try await desk.count("jobs") == 1)
        }
    }

    @Test("jitter moves the job and not the slot, by the same in every process")
    func jitter() async throws {
        try await withDesk { desk in
            let line = try line("0 0 1 1 *") { $0.jitter = .seconds(86_400) }
            try await desk.store.publish([line])
            let now = try await desk.store.fire([], statesOf: []).now
            let slot = Moment(now.microseconds / 1_000_000 - 5)
            let seen = try await turn(desk, line).seen
            let turn = ScheduleTurn(
                line: line, seen: seen, verdicts: [.init(slot: slot)], through: slot, next: nil)
            let job = try #require(try await desk.store.fire([turn], statesOf: []).decided.first?.job)
            let report = try #require(try await desk.store.slots(of: "tick").first)
            let planned = slot.seconds * 1_000_000 + Int64(line.delay(of: slot).inSeconds * 1_000_000)
            #expect(abs(report.planned.microseconds - planned) < 1000)
            #expect(report.slot.microseconds == slot.seconds * 1_000_000)
            let due = try await desk.store.job(job)?.dueAt
            #expect(abs((due?.microseconds ?? 0) - planned) < 1_000_000)
        }
    }

    @Test("a run by hand happens although the line is paused, stands in the ledger, and names who wanted it")
    func runNow() async throws {
        try await withDesk { desk in
            let line = try line("0 0 1 1 *") { $0.args = "{\"a\":1}" }
            try await desk.store.publish([line])
            _ = try await desk.store.pause(schedule: "tick", by: Operator(name: "anna"))
            let job = try #require(try await desk.store.runNow(schedule: "tick", by: Operator(name: "bert")))
            #expect(try await desk.store.job(job)?.args.description == "{\"a\": 1}")
            let slot = try #require(try await desk.store.schedules().first?.last)
            #expect(slot.isManual && slot.job == job && slot.why == "run by bert" && slot.outcome == .fired)
            #expect(try await desk.store.runNow(schedule: "nobody", by: Operator(name: "bert")) == nil)
        }
    }

    @Test("the ledger forgets what is old, but not the last slot of a line, nor what waits")
    func retention() async throws {
        try await withDesk { desk in
            try await desk.store.publish([try line()])
            try await desk.store.database.run(
                """
                INSERT INTO motorpool.slots (schedule, slot, planned, outcome, why)
                SELECT s, now() - make_interval(days => n), now(), CASE n WHEN 17 THEN 'queued' ELSE 'skipped' END, 'x'
                FROM generate_series(1, 20) n, unnest(ARRAY['tick', 'forgotten']) s
                """)
            try await desk.store.publish([try line(), try line(name: "rare")])
            try await desk.store.database.run(
                """
                INSERT INTO motorpool.slots (schedule, slot, planned, outcome, why)
                VALUES ('rare', now() - interval '300 days', now(), 'skipped', 'x')
                """)
            #expect(try await desk.store.retainSlots(days: 14) == 12)
            #expect(try await desk.store.slots(of: "tick").count == 14)
            #expect(try await desk.store.slots(of: "rare").count == 1)
            try await desk.store.publish([])
            try await desk.store.database.run(
                "UPDATE motorpool.schedules SET gone_at = now() - interval '15 days'")
            _ = try await desk.store.retainSlots(days: 14)
            #expect(try await desk.store.schedules().isEmpty)
        }
    }
}
