import Platform
import TestSupport
import Testing

@Suite("A single flight")
struct SingleFlightTests {
    @Test("many tasks that ask at once share one fetch a key")
    func shared() async throws {
        let (fetches, latch) = (Lock<[String: Int]>([:]), Latch())
        let flight = SingleFlight<String, String> { key in
            fetches.withLock { $0[key, default: 0] += 1 }
            try await latch.pass()
            return key + "!"
        }
        let tasks = (0..<3000).map { number in Task { try await flight.value(for: "key \(number % 3)") } }
        try await eventually { latch.waiting == 3 }
        latch.open()
        for (number, task) in tasks.enumerated() { #expect(try await task.value == "key \(number % 3)!") }
        // A task that came after the end of a fetch made another.
        #expect(fetches.withLock { $0.count } == 3)
    }

    @Test("a value is kept for its time, and a failure is not")
    func kept() async throws {
        let (fetches, isBroken) = (Lock(0), Lock(true))
        let flight = SingleFlight<OneValue, Int>(keepingFor: .seconds(3600)) {
            let count = fetches.withLock { count in
                count += 1
                return count
            }
            if isBroken.withLock({ $0 }) { throw Broken() }
            return count
        }
        await #expect(throws: Broken.self) { try await flight.value() }
        isBroken.withLock { $0 = false }
        let values = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 { group.addTask { try await flight.value() } }
            return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(values == [2])
        #expect(fetches.withLock { $0 } == 2)
    }

    @Test("with no time to keep it, each value is fetched anew")
    func notKept() async throws {
        let fetches = Lock(0)
        let flight = SingleFlight<OneValue, Int>(keepingFor: .zero) {
            fetches.withLock { fetches in
                fetches += 1
                return fetches
            }
        }
        #expect(try await flight.value() == 1)
        #expect(try await flight.value() == 2)
    }

    @Test("a failure is told to every task that waited for it")
    func fails() async throws {
        let latch = Latch()
        let flight = SingleFlight<Int, Int> { _ in
            try await latch.pass()
            throw Broken()
        }
        let tasks = (0..<100).map { _ in Task { try await flight.value(for: 1) } }
        try await eventually { latch.waiting == 1 }
        latch.open()
        for task in tasks { #expect(await task.result.error is Broken) }
    }

    @Test("a cancelled task leaves alone, at once; the one that began the fetch as well as another")
    func cancelled() async throws {
        let latch = Latch()
        let flight = SingleFlight<Int, Int> { key in
            try await latch.pass()
            return key
        }
        let leader = Task { try await flight.value(for: 1) }
        try await eventually { latch.waiting == 1 }
        let others = (0..<10).map { _ in Task { try await flight.value(for: 1) } }
        leader.cancel()
        others[4].cancel()
        #expect(await leader.result.isCancellation)
        #expect(await others[4].result.isCancellation)
        latch.open()
        for (number, other) in others.enumerated() where number != 4 { #expect(try await other.value == 1) }
    }

    @Test("a fetch that ends by cancellation is no cancellation of the tasks that wait")
    func fetchCancelled() async throws {
        let flight = SingleFlight<Int, Int> { _ in throw CancellationError() }
        await #expect(throws: WaitError.abandoned) { try await flight.value(for: 1) }
    }

    @Test("so many tasks wait and no more; a place is free again when one has left")
    func bounded() async throws {
        let latch = Latch()
        let flight = SingleFlight<Int, Int>(waitersMax: 2) { key in
            try await latch.pass()
            return key
        }
        let tasks = (0..<2).map { key in Task { try await flight.value(for: key) } }
        try await eventually { latch.waiting == 2 }
        await #expect(throws: WaitError.tooMany(max: 2)) { try await flight.value(for: 1) }
        tasks[0].cancel()
        #expect(await tasks[0].result.isCancellation)
        let third = Task { try await flight.value(for: 1) }
        latch.open()
        #expect(try await third.value == 1)
        #expect(try await tasks[1].value == 1)
    }

    @Test("so many values are kept and no more: the oldest goes")
    func keptMax() async throws {
        let fetches = Lock<[Int]>([])
        let flight = SingleFlight<Int, Int>(keepingFor: .seconds(3600), keptMax: 3) { key in
            fetches.withLock { $0.append(key) }
            return key
        }
        for key in [1, 2, 3, 1, 4, 2, 3, 4, 1] { #expect(try await flight.value(for: key) == key) }
        #expect(fetches.withLock { $0 } == [1, 2, 3, 4, 1])
    }
}
