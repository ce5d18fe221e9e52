import Farm
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

/// Holds a thread, as a bad library would, until a test lets it go.
private final class Plug: Sendable {
    private let monitor = Monitor((isOut: false, held: 0))

    /// Blocks the thread that calls it.
    func hold() {
        monitor.withLock { $0.held += 1 }
        while monitor.wait(atMost: .seconds(60), for: { $0.isOut ? true : nil }) == nil {}
    }

    /// How many threads have been held so far.
    var held: Int { monitor.withLock { $0.held } }

    func pull() {
        monitor.withLock { $0.isOut = true }
        monitor.broadcast()
    }
}

@Suite("A run that blocks its thread", .serialized)
struct BlockedLaneTests {
    private static let quick = Definition("other") {
        $0.queue = "quick"
        $0.lanes = 4
    }

    /// Starts the farm of the tests, with notes that block on the plug.
    private func hire(
        _ house: House, _ plug: Plug, _ tweak: (inout FarmSettings) -> Void = { _ in }
    ) async throws -> House.Hand {
        try await house.hire(
            [
                .note { _ in
                    plug.hold()
                    return .done(result: "\"late\"")
                },
                .other { _ in
                    try await Task.sleep(for: .milliseconds(1))
                    return .done()
                },
            ], tweak)
    }

    /// The slowest of so many jobs of the other queue, one after another.
    private func slowest(of count: Int, _ house: House, _ hand: House.Hand) async throws -> Duration {
        var slowest = Duration.zero
        for _ in 0..<count {
            let began = ContinuousClock.now
            let job = try await house.store.enqueue(NewJob("other")).job
            try await hand.hears(job: job, ending: "done")
            slowest = max(slowest, .now - began)
        }
        return slowest
    }

    @Test("costs its own lane: with twenty of them another queue goes on as before", arguments: [2, 20])
    func costsItsLane(count: Int) async throws {
        let notes = Definition {
            $0.lanes = count
            $0.timeLimit = .seconds(600)
        }
        try await withHouse([notes, Self.quick]) { house in
            let plug = Plug()
            defer { plug.pull() }
            let hand = try await hire(house, plug)
            _ = try await slowest(of: 20, house, hand)
            _ = try await house.store.enqueue([NewJob](repeating: NewJob("note"), count: count + 3))
            try await eventually("all lanes block") { plug.held == count }
            // Twenty round trips and a claim each; a frozen farm would not answer at all.
            #expect(try await slowest(of: 20, house, hand) < .seconds(2))
            // It is told, and nothing is lost: it may still end.
            let told = try await hand.recorder.hears("the blocks", times: count) { event in
                if case .runBlocks(_, let kind, let seconds) = event { (kind, seconds) } else { nil }
            }
            #expect(told.allSatisfy { $0.0 == "note" && $0.1 >= .seconds(4) })
            #expect(hand.farm.counts.stuck == 0)
            try await eventually("the worker's row tells it", within: .seconds(10)) {
                let blocked: Int? = try await house.value(
                    "SELECT (stats ->> 'lanes_blocked')::bigint FROM motorpool.workers")
                return blocked == count
            }
            plug.pull()
            try await house.isEmptied()
            #expect(
                try await house.value("SELECT count(*) FROM motorpool.history WHERE failures > 0") as Int == 0
            )
        }
    }

    @Test("past its time limit is told, counted and charged; its lane is lost, and another takes its place")
    func lost() async throws {
        let notes = Definition {
            $0.lanes = 1
            $0.timeLimit = .milliseconds(300)
            $0.patience = Patience(
                attemptsMax: 2, backoffFirst: .milliseconds(10), backoffMax: .milliseconds(10))
        }
        try await withHouse([notes, Self.quick]) { house in
            let plug = Plug()
            defer { plug.pull() }
            let hand = try await hire(house, plug)
            let job = try await house.store.enqueue(NewJob("note")).job
            try await house.becomes(.dead, job, within: .seconds(30))
            let report = try #require(try await house.job(job))
            #expect(report.failures == 2 && report.run == 2)
            #expect(report.errors?.description.contains("was given up") == true)
            #expect(plug.held == 2 && hand.farm.counts.stuck == 2)
            let told = hand.recorder.all { event in
                if case .runStuck(let job, let kind, let seconds) = event {
                    (job, kind, seconds)
                } else {
                    nil
                }
            }
            #expect(told.map(\.0) == [job, job] && told.allSatisfy { $0.1 == "note" && $0.2 >= .seconds(5) })
            try await eventually("the worker's row tells the lost lanes", within: .seconds(10)) {
                let lost: Int? = try await house.value(
                    "SELECT (stats -> 'pools' -> 'default' ->> 'lost')::bigint FROM motorpool.workers")
                return lost == 2
            }
            plug.pull()
            try await eventually("the lanes are found again", within: .seconds(10)) {
                let lost: Int? = try await house.value(
                    "SELECT (stats ->> 'lanes_lost')::bigint FROM motorpool.workers")
                return lost == 0
            }
            #expect(try await house.job(job)?.state == .dead)
        }
    }

    @Test("too often ends the process in good order, with the reason, and what is innocent is back in line")
    func wornOut() async throws {
        let notes = Definition {
            $0.lanes = 2
            $0.timeLimit = .milliseconds(100)
            $0.patience = Patience(attemptsMax: 1)
        }
        let others = Definition("other") { $0.queue = "quick" }
        try await withHouse([notes, others]) { house in
            let plug = Plug()
            defer { plug.pull() }
            let hand = try await house.hire([
                .note { _ in
                    plug.hold()
                    return .done()
                },
                .other { _ in
                    try await Task.sleep(for: .seconds(600))
                    return .done()
                },
            ]) {
                $0.lostLanesMax = 2
                $0.grace = .milliseconds(100)
            }
            let innocent = try await house.store.enqueue(NewJob("other")).job
            let guilty = try await house.store.enqueue([NewJob](repeating: NewJob("note"), count: 2)).map(
                \.job)
            await #expect(throws: WornOut.self) { try await hand.task.value }
            let why = hand.recorder.all { if case .wornOut(let why) = $0 { why } else { nil } }
            #expect(why == ["2 lanes are lost to runs that do not end (of note)"])
            let report = try #require(try await house.job(innocent))
            #expect(report.state == .waiting && report.failures == 0)
            for job in guilty { #expect(try await house.job(job)?.state == .dead) }
        }
    }

    @Test("does not keep a drain from ending; its job is left to a rescue, and its neighbours are not")
    func drain() async throws {
        let notes = Definition {
            $0.lanes = 3
            $0.timeLimit = .seconds(600)
        }
        try await withHouse([notes, Self.quick]) { house in
            let plug = Plug()
            defer { plug.pull() }
            let hand = try await hire(house, plug) { $0.grace = .milliseconds(200) }
            let jobs = try await house.store.enqueue([NewJob](repeating: NewJob("note"), count: 5)).map(\.job)
            try await eventually("all lanes block") { plug.held == 3 }
            let began = ContinuousClock.now
            try await hand.stop()
            #expect(ContinuousClock.now - began < .seconds(8))
            let left = hand.recorder.all { if case .leftRunning(let jobs) = $0 { jobs } else { nil } }
            #expect(left.flatMap { $0 }.sorted { $0.number < $1.number } == Array(jobs[..<3]))
            #expect(try await house.value("SELECT count(*) FROM motorpool.jobs WHERE state = 0") as Int == 2)
            // The lease is over, so that the next process need not wait for its end.
            let rescues = try await house.store.rescue()
            #expect(rescues.map(\.recovered) == [3])
            #expect(try await house.value("SELECT sum(failures)::bigint FROM motorpool.jobs") as Int == 0)
        }
    }
}
