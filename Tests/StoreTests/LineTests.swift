import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("The line of a queue")
struct LineTests {
    private func age(_ desk: Desk, _ job: JobID, seconds: Double) async throws {
        try await desk.store.database.run(
            "UPDATE motorpool.jobs SET created_at = now() - make_interval(secs => \(seconds)) WHERE id = \(job.number)"
        )
    }

    private func level(_ desk: Desk, _ job: JobID) async throws -> Int16 {
        try await desk.value("SELECT level FROM motorpool.jobs WHERE id = \(job.number)")
    }

    @Test("lifts a starved job a level at a time, up to the urgent and no further")
    func lifts() async throws {
        try await withDesk { desk in
            _ = try await desk.store.enqueue(NewJob("note", priority: .urgent))
            let low = try await desk.store.enqueue(NewJob("note", priority: .low)).job
            try await age(desk, low, seconds: 1000)
            #expect(try await desk.store.lift(queue: "default", after: .seconds(60), batch: 100) == 1)
            #expect(try await level(desk, low) == Level.fresh(.normal).rawValue)
            _ = try await desk.store.lift(queue: "default", after: .seconds(60), batch: 100)
            _ = try await desk.store.lift(queue: "default", after: .seconds(60), batch: 100)
            #expect(try await level(desk, low) == Level.fresh(.urgent).rawValue)
            #expect(try await desk.store.lift(queue: "default", after: .seconds(60), batch: 100) == 0)
            // It is older than the urgent one, but came behind it at its own place in line.
            let worker = try await desk.worker()
            #expect(try await desk.claim(by: worker).count == 2)
        }
    }

    @Test("lifts nobody who has not waited long enough for the level")
    func tooYoung() async throws {
        try await withDesk { desk in
            _ = try await desk.store.enqueue(NewJob("note", priority: .urgent))
            let low = try await desk.store.enqueue(NewJob("note", priority: .low)).job
            try await age(desk, low, seconds: 59)
            #expect(try await desk.store.lift(queue: "default", after: .seconds(60), batch: 100) == 0)
            try await age(desk, low, seconds: 100)
            #expect(try await desk.store.lift(queue: "default", after: .seconds(60), batch: 100) == 1)
            #expect(try await desk.store.lift(queue: "default", after: .seconds(60), batch: 100) == 0)
            try await age(desk, low, seconds: 130)
            #expect(try await desk.store.lift(queue: "default", after: .seconds(60), batch: 100) == 1)
        }
    }

    @Test("lifts nobody where nothing more urgent is in line")
    func nothingAbove() async throws {
        try await withDesk { desk in
            let low = try await desk.store.enqueue(NewJob("note", priority: .low)).job
            _ = try await desk.store.enqueue(NewJob("note", priority: .urgent, queue: "side"))
            try await age(desk, low, seconds: 100_000)
            #expect(try await desk.store.lift(queue: "default", after: .seconds(60), batch: 100) == 0)
        }
    }

    @Test("lifts at most a batch a level, the oldest first")
    func batch() async throws {
        try await withDesk { desk in
            _ = try await desk.store.enqueue(NewJob("note", priority: .urgent))
            let low = try await desk.store.enqueue(
                [NewJob](repeating: NewJob("note", priority: .low), count: 5)
            ).map(\.job)
            for job in low { try await age(desk, job, seconds: 100) }
            #expect(try await desk.store.lift(queue: "default", after: .seconds(60), batch: 2) == 2)
            #expect(try await level(desk, low[0]) == 5)
            #expect(try await level(desk, low[2]) == 7)
        }
    }

    @Test("moves only what is due, at most a batch, and tells the queues to ring")
    func mover() async throws {
        try await withDesk { desk in
            #expect(try await desk.store.nextDue() == nil)
            let jobs = try await desk.store.enqueue(
                [NewJob](repeating: NewJob("note", delay: .seconds(100)), count: 5)
                    + [NewJob("note", delay: .seconds(50), queue: "side")]
            ).map(\.job)
            let next = try #require(try await desk.store.nextDue())
            #expect(next > .seconds(40) && next <= .seconds(50))
            #expect(try await desk.store.moveDue(batch: 10).moved == 0)
            try await desk.store.database.run(
                "UPDATE motorpool.jobs SET run_at = now() - interval '1 second' WHERE id <> \(jobs[4].number)"
            )
            #expect(try await desk.store.nextDue() == .zero)
            let first = try await desk.store.moveDue(batch: 3)
            #expect(first.moved == 3)
            let second = try await desk.store.moveDue(batch: 3)
            #expect(second.moved == 2)
            #expect(first.queues.union(second.queues) == ["default", "side"])
            #expect(try await desk.state(of: jobs[4]) == .scheduled)
            #expect(try await desk.state(of: jobs[0]) == .ready)
        }
    }

    @Test("moves what is due once, when two movers come at the same time")
    func twoMovers() async throws {
        try await withDesk { desk in
            _ = try await desk.store.enqueue(
                [NewJob](repeating: NewJob("note", delay: .seconds(100)), count: 500))
            try await desk.store.database.run(
                "UPDATE motorpool.jobs SET run_at = now() - interval '1 second'")
            async let one = desk.store.moveDue(batch: 1000)
            async let two = desk.store.moveDue(batch: 1000)
            #expect(try await one.moved + two.moved == 500)
        }
    }

    @Test("takes a zero delay as none")
    func zeroDelay() async throws {
        try await withDesk { desk in
            let jobs = try await desk.store.enqueue([
                NewJob("note", delay: .zero), NewJob("note", subject: "s", delay: .zero),
            ])
            for job in jobs { #expect(try await desk.state(of: job.job) == .ready) }
        }
    }
}
