import Farm
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

@Suite("A drain")
struct DrainTests {
    @Test("lets runs end, hands the rest back uncharged, and returns")
    func letsEnd() async throws {
        try await withHouse([Definition { $0.lanes = 2 }]) { house in
            let gate = Gate()
            let hand = try await house.hire([
                .note { run in
                    if run.job.args == "1" { try await gate.pass() }
                    return .done(result: "2")
                }
            ]) { $0.grace = .seconds(10) }
            for _ in 0..<3 {
                _ = try await house.store.enqueue([NewJob](repeating: NewJob("note"), count: 50))
            }
            try await house.isEmptied()
            let jobs = try await house.store.enqueue([NewJob](repeating: NewJob("note", args: "1"), count: 5))
                .map(\.job)
            try await hand.recorder.hears("the runs", times: 152) {
                if case .runStarted = $0 { true } else { nil }
            }
            hand.farm.stop()
            hand.farm.stop()
            try await hand.recorder.hears("the drain") { if case .draining = $0 { true } else { nil } }
            // What is put in line now stays there.
            let late = try await house.store.enqueue(NewJob("note")).job
            try await eventually("the buffer is handed back") {
                try await house.value("SELECT count(*) FROM motorpool.jobs WHERE state = 1") as Int == 2
            }
            gate.open()
            try await hand.task.value
            let states = try await jobs.asyncMap { try await house.job($0)?.state }
            #expect(states == [.done, .done, .waiting, .waiting, .waiting])
            #expect(try await house.job(late)?.state == .waiting)
            #expect(try await house.value("SELECT sum(failures)::bigint FROM motorpool.jobs") as Int == 0)
            #expect(try await house.value("SELECT count(*) FROM motorpool.workers") as Int == 0)
        }
    }

    @Test("ends what goes on beyond the grace, and hands it back uncharged", arguments: [true, false])
    func beyondGrace(isStubborn: Bool) async throws {
        try await withHouse { house in
            let gate = Gate()
            let hand = try await house.hire([
                .note { _ in
                    if isStubborn { await gate.passDeaf() } else { try await gate.pass() }
                    return .done()
                }
            ]) { $0.grace = .milliseconds(200) }
            let job = try await house.store.enqueue(NewJob("note")).job
            try await house.becomes(.running, job)
            // A stubborn run is left behind by the deadline of the drain; then it may go.
            let opener = Task {
                guard isStubborn else { return }
                try await eventually("the job is back in line", within: .seconds(10)) {
                    try await house.job(job)?.state == .waiting
                }
                gate.open()
            }
            let began = ContinuousClock.now
            try await hand.stop()
            #expect(ContinuousClock.now - began < .seconds(5))
            try await opener.value
            let report = try #require(try await house.job(job))
            #expect(report.state == .waiting && report.failures == 0 && report.errors == nil)
        }
    }

    @Test("under load runs nothing twice, loses nothing and charges nobody", arguments: 0..<8)
    func underLoad(round: Int) async throws {
        try await withHouse([Definition { $0.lanes = 8 }]) { house in
            let ran = Lock<[JobID: Int]>([:])
            let kind = AnyKind.note { run in
                if run.job.seq % 7 == 0 { try await Task.sleep(for: .milliseconds(2)) }
                ran.withLock { $0[run.job.id, default: 0] += 1 }
                return .done()
            }
            let jobs = try await house.store.enqueue(
                (0..<4000).map { NewJob("note", subject: $0 % 4 == 0 ? "\($0)" : nil) }
            ).map(\.job)
            let first = try await house.hire([kind], name: "first")
            try await eventually("a part is done") { ran.withLock { $0.count } > 300 + round * 37 }
            try await first.stop()
            let done = ran.withLock { $0.count }
            #expect(done < 4000)
            // Whatever ran was settled: the runs could all end.
            #expect(try await house.value("SELECT count(*) FROM motorpool.history") as Int == done)
            _ = try await house.hire([kind], name: "second")
            try await house.isEmptied()
            let counts = ran.withLock { $0 }
            #expect(counts.count == jobs.count && counts.values.allSatisfy { $0 == 1 })
            #expect(
                try await house.value("SELECT count(*) FROM motorpool.history WHERE failures > 0") as Int == 0
            )
        }
    }

    @Test("comes with the cancel of the farm's task as well")
    func taskCancel() async throws {
        try await withHouse { house in
            let hand = try await house.hire([.note { _ in .done() }])
            hand.task.cancel()
            try await hand.task.value
            #expect(hand.recorder.all { if case .stopped = $0 { true } else { nil } } == [true])
            #expect(try await house.value("SELECT count(*) FROM motorpool.workers") as Int == 0)
        }
    }
}

extension Sequence {
    /// The answers to each element, one after another.
    func asyncMap<T>(_ body: (Element) async throws -> T) async rethrows -> [T] {
        var answers: [T] = []
        for element in self { answers.append(try await body(element)) }
        return answers
    }
}
