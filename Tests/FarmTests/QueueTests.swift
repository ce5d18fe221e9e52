import Farm
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

@Suite("A farm at work")
struct QueueTests {
    /// How many runs are under way, and the most there ever were, by a name.
    final class Counter: Sendable {
        private let counts = Lock<[String: (now: Int, most: Int)]>([:])

        func during<T>(_ name: String, _ body: () async throws -> T) async throws -> T {
            counts.withLock { counts in
                let now = (counts[name]?.now ?? 0) + 1
                counts[name] = (now, max(counts[name]?.most ?? 0, now))
            }
            defer { counts.withLock { $0[name]?.now -= 1 } }
            return try await body()
        }

        var most: [String: Int] { counts.withLock { $0.mapValues(\.most) } }
    }

    @Test("does not double anything when two share a queue")
    func twoFarms() async throws {
        try await withHouse([Definition { $0.lanes = 4 }]) { house in
            let ran = Lock<[JobID: Int]>([:])
            let kind = AnyKind.note { run in
                ran.withLock { $0[run.job.id, default: 0] += 1 }
                return .done()
            }
            let hands = [try await house.hire([kind], name: "a"), try await house.hire([kind], name: "b")]
            for _ in 0..<10 {
                _ = try await house.store.enqueue([NewJob](repeating: NewJob("note"), count: 500))
            }
            try await house.isEmptied()
            let counts = ran.withLock { $0 }
            #expect(counts.count == 5000 && counts.values.allSatisfy { $0 == 1 })
            #expect(hands.allSatisfy { $0.farm.counts.done > 0 })
        }
    }

    @Test("starts jobs within the poll interval without a bell, and without its own as well")
    func noBell() async throws {
        try await withHouse { house in
            let hand = try await house.hire([.note { _ in .done() }]) {
                $0.hasBell = false
                $0.pollInterval = .milliseconds(500)
            }
            for count in 1...3 {
                let began = ContinuousClock.now
                // Another process's store: its own bell rings for nobody here.
                _ = try await house.store.enqueue(NewJob("note"))
                try await hand.recorder.hears("the run", times: count) {
                    if case .runEnded = $0 { true } else { nil }
                }
                #expect(ContinuousClock.now - began < .milliseconds(1500))
            }
            #expect(hand.farm.counts.bells == 0)
        }
    }

    @Test("starts jobs by the bell long before the poll")
    func bell() async throws {
        try await withHouse { house in
            let hand = try await house.hire([.note { _ in .done() }]) { $0.pollInterval = .seconds(30) }
            for count in 1...5 {
                _ = try await house.store.enqueue(NewJob("note"))
                try await hand.recorder.hears("the run", times: count, within: .seconds(10)) {
                    if case .runEnded = $0 { true } else { nil }
                }
            }
            #expect(hand.farm.counts.bells > 0)
        }
    }

    @Test("takes the urgent first in each of its queues, and no queue waits for another")
    func priorities() async throws {
        let first = Definition {
            $0.queue = "one"
            $0.lanes = 1
        }
        let second = Definition("other") {
            $0.queue = "two"
            $0.lanes = 1
        }
        try await withHouse([first, second]) { house in
            let order = Lock<[String: [Int16]]>([:])
            let jobs = (0..<40).map { number in
                NewJob(number % 2 == 0 ? "note" : "other", priority: Priority.allCases[(number / 2) % 4])
            }
            _ = try await house.store.enqueue(jobs)
            let note: @Sendable (Run) -> Outcome = { run in
                order.withLock { $0[run.job.queue, default: []].append(run.job.level.rawValue) }
                return .done()
            }
            _ = try await house.hire([.note { note($0) }, .other { note($0) }])
            try await house.isEmptied()
            let wanted =
                [Int16](repeating: 1, count: 5) + [Int16](repeating: 3, count: 5)
                + [Int16](repeating: 5, count: 5) + [Int16](repeating: 7, count: 5)
            #expect(order.withLock { $0 } == ["one": wanted, "two": wanted])
        }
    }

    @Test("works only the queues that it is given")
    func someQueues() async throws {
        let side = Definition("other") { $0.queue = "side" }
        try await withHouse([Definition(kind: "note"), side]) { house in
            _ = try await house.hire([.note { _ in .done() }, .other { _ in .done() }]) {
                $0.queues = ["default"]
            }
            let answers = try await house.store.enqueue([NewJob("other"), NewJob("note")])
            try await house.becomes(.done, answers[1].job)
            #expect(
                try await house.job(answers[0].job)?.reason == "no live worker takes jobs from queue side")
        }
    }

    @Test(
        "of a slow kind claims exactly its free lanes, of a quick one more, but never much more than a tenth of a second's"
    )
    func prefetch() async throws {
        let slow = Definition {
            $0.queue = "slow"
            $0.lanes = 2
        }
        let quick = Definition("other") {
            $0.queue = "quick"
            $0.lanes = 2
        }
        try await withHouse([slow, quick]) { house in
            let gate = Gate()
            let hand = try await house.hire([
                .note { run in
                    try await Task.sleep(for: .milliseconds(150))
                    if run.job.args == "1" { try await gate.pass() }
                    return .done()
                },
                .other { run in
                    try await Task.sleep(for: .milliseconds(5))
                    if run.job.args == "1" { try await gate.pass() }
                    return .done()
                },
            ])
            let warm =
                [NewJob](repeating: NewJob("note"), count: 4)
                + [NewJob](repeating: NewJob("other"), count: 40)
            _ = try await house.store.enqueue(warm)
            try await house.isEmptied()
            let held =
                [NewJob](repeating: NewJob("note", args: "1"), count: 500)
                + [NewJob](repeating: NewJob("other", args: "1"), count: 500)
            _ = try await house.store.enqueue(held)
            try await hand.recorder.hears("the runs", times: 48) {
                if case .runStarted = $0 { true } else { nil }
            }
            let slow: Int = try await house.value(
                "SELECT count(*) FROM motorpool.jobs WHERE state = 1 AND queue = 'slow'")
            #expect(slow == 2)
            let quick: Int = try await house.value(
                "SELECT count(*) FROM motorpool.jobs WHERE state = 1 AND queue = 'quick'")
            // Two lanes do 5 ms jobs for 100 ms: 40 at the most, and the two that run.
            #expect(quick > 2 && quick <= 42)
            gate.open()
        }
    }

    @Test("hands back what it claimed ahead when the mean was a lie")
    func lyingMean() async throws {
        try await withHouse([Definition { $0.lanes = 1 }]) { house in
            let gate = Gate()
            let kind = AnyKind.note { run in
                if run.job.args == "1" { try await gate.pass() }
                return .done()
            }
            let hand = try await house.hire([kind])
            _ = try await house.store.enqueue([NewJob](repeating: NewJob("note"), count: 100))
            try await house.isEmptied()
            let jobs = try await house.store.enqueue([
                NewJob("note", args: "1"), NewJob("note", args: "2"), NewJob("note", args: "3"),
            ]).map(\.job)
            try await hand.recorder.hears("the hand-back") {
                if case .handedBack(2) = $0 { true } else { nil }
            }
            // Another one takes them at once.
            _ = try await house.hire([kind], name: "other")
            try await house.becomes(.done, jobs[1])
            try await house.becomes(.done, jobs[2])
            #expect(try await house.job(jobs[0])?.state == .running)
            gate.open()
            try await house.isEmptied()
        }
    }

    @Test("holds limits over three farms")
    func limits() async throws {
        let kind = Definition {
            $0.lanes = 8
            $0.limitPerKey = 2
        }
        let whole = Definition("other") {
            $0.lanes = 8
            $0.limit = 3
        }
        try await withHouse([kind, whole]) { house in
            let counter = Counter()
            let kinds: [AnyKind] = [
                .note { run in
                    try await counter.during(run.job.args.description) {
                        try await Task.sleep(for: .milliseconds(5))
                    }
                    return .done()
                },
                .other { run in
                    try await counter.during("other") { try await Task.sleep(for: .milliseconds(5)) }
                    return run.job.failures == 0 && run.job.seq % 5 == 0 ? .fail(error: "once") : .done()
                },
            ]
            for name in ["a", "b", "c"] { _ = try await house.hire(kinds, name: name) }
            let jobs = (0..<120).map { number in
                number % 2 == 0
                    ? NewJob("note", args: JSON(text: "\(number % 3)"), limitKey: "\(number % 3)")
                    : NewJob("other")
            }
            _ = try await house.store.enqueue(jobs)
            try await house.isEmptied(within: .seconds(40))
            #expect(counter.most == ["0": 2, "1": 2, "2": 2, "other": 3])
        }
    }

    @Test("paces what asks a host, in all its farms together")
    func hosts() async throws {
        let kind = Definition {
            $0.lanes = 8
            $0.hosts = ["api.example": Rate(count: 20, per: .seconds(1))]
        }
        try await withHouse([kind]) { house in
            let asked = Lock<[ContinuousClock.Instant]>([])
            let note = AnyKind.note { run in
                try await run.mayAsk("api.example")
                asked.withLock { $0.append(.now) }
                return .done()
            }
            for name in ["a", "b"] { _ = try await house.hire([note], name: name) }
            _ = try await house.store.enqueue([NewJob](repeating: NewJob("note"), count: 41))
            try await house.isEmptied()
            let times = asked.withLock { $0.sorted() }
            // Forty gaps of 50 ms.
            #expect(times[40] - times[0] >= .milliseconds(1900))
            #expect(times[40] - times[0] < .seconds(6))
        }
    }

    @Test("fails a run that asks a host without a rate, and says which line is missing")
    func unknownHost() async throws {
        try await withHouse([Definition { $0.patience.attemptsMax = 1 }]) { house in
            _ = try await house.hire([
                .note { run in
                    try await run.mayAsk("nowhere.example")
                    return .done()
                }
            ])
            let job = try await house.store.enqueue(NewJob("note")).job
            try await house.becomes(.dead, job)
            #expect(try await house.job(job)?.errors?.description.contains("host = nowhere.example") == true)
        }
    }

    @Test("moves a delayed job into line when it is due, and not before")
    func delayed() async throws {
        try await withHouse { house in
            _ = try await house.hire([.note { _ in .done() }])
            let began = ContinuousClock.now
            let job = try await house.store.enqueue(NewJob("note", delay: .milliseconds(400))).job
            try await house.becomes(.done, job)
            let took = ContinuousClock.now - began
            #expect(took >= .milliseconds(400) && took < .seconds(3))
        }
    }

    @Test("publishes its kinds, and the last to start wins")
    func publishes() async throws {
        try await withHouse([Definition(kind: "note"), Definition("other") { $0.limit = 2 }]) { house in
            try await house.store.database.run("DELETE FROM motorpool.kinds")
            let hand = try await house.hire([.note { _ in .done() }, .other { _ in .done() }])
            let limits = try await house.store.database.run(
                "SELECT limit_whole FROM motorpool.kinds ORDER BY kind")
            #expect(try limits.map { try $0.get(0, as: Int32?.self) } == [nil, 2])
            try await hand.stop()
            try await house.store.publish(Definitions([Definition("other") { $0.limit = 5 }]))
            let limit: Int32 = try await house.value(
                "SELECT limit_whole FROM motorpool.kinds WHERE kind = 'other'")
            #expect(limit == 5)
        }
    }

    @Test("leaves kinds alone that it was not given, and tells no lie about cancels under load")
    func noFalseCancels() async throws {
        try await withHouse([Definition { $0.lanes = 8 }, Definition(kind: "other")]) { house in
            let hand = try await house.hire([
                .note { run in
                    if run.job.subject == nil { return .done() }
                    return try await run.commit { tx in
                        try await tx.run("SELECT 1")
                        return nil
                    }
                }
            ])
            let foreign = try await house.store.enqueue(NewJob("other")).job
            let end = ContinuousClock.now + .seconds(6)
            var round = 0
            while ContinuousClock.now < end {
                round += 1
                let jobs = (0..<500).map { NewJob("note", subject: $0 % 5 == 0 ? "\(round) \($0)" : nil) }
                _ = try await house.store.enqueue(jobs)
            }
            try await eventually("all are done", within: .seconds(60)) {
                try await house.value("SELECT count(*) FROM motorpool.jobs") as Int == 1
            }
            let cancelled = hand.recorder.all {
                if case .cancelled(let job) = $0 { job } else { nil as JobID? }
            }
            #expect(cancelled.isEmpty)
            #expect(try await house.job(foreign)?.state == .waiting)
            #expect(hand.farm.counts.stale == 0)
        }
    }
}
