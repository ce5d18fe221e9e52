import Platform
import TestSupport
import Testing

@Suite("A batch loader")
struct BatchLoaderTests {
    @Test("loads a lone key at once, and together what came meanwhile; each task gets its own value")
    func together() async throws {
        let asked = Lock<[[Int]]>([])
        let latch = Latch()
        let loader = BatchLoader<Int, Int>(batchMax: 200, waitersMax: 1000) { keys in
            let isFirst = asked.withLock { asked in
                asked.append(keys.sorted())
                return asked.count == 1
            }
            if isFirst { try await latch.pass() }
            return Dictionary(uniqueKeysWithValues: keys.filter { $0 != 13 }.map { ($0, $0 * 2) })
        }
        let first = Task { try await loader.value(of: 1) }
        try await eventually("the first load") { latch.waiting == 1 }
        let others = (2...20).map { key in Task { try await loader.value(of: key) } }
        let again = Task { try await loader.value(of: 2) }
        try await eventually("everyone waits") { loader.waiting == 20 }
        latch.open()
        #expect(try await first.value == 2)
        for (key, other) in zip(2..., others) {
            #expect(try await other.value == (key == 13 ? nil : key * 2))
        }
        #expect(try await again.value == 4)
        #expect(asked.withLock { $0 } == [[1], Array(2...20)])
    }

    @Test("an answer that lacks keys leaves those tasks without a value, one with more keys disturbs none")
    func lacksAndForeign() async throws {
        let loader = BatchLoader<Int, Int>(batchMax: 100, waitersMax: 1000) { keys in
            var values = Dictionary(uniqueKeysWithValues: (1000..<2000).map { ($0, -1) })
            if let one = keys.min() { values[one] = one }
            return values
        }
        let gate = Latch()
        let asks = (0..<100).map { key in
            Task { try await loader.value(of: key, admission: { try await gate.pass() }) }
        }
        try await eventually { loader.waiting == 100 }
        gate.open()
        for (key, ask) in asks.enumerated() { #expect(try await ask.value == (key == 0 ? 0 : nil)) }
    }

    @Test("a load that fails is told to its own tasks, and the next load is made")
    func fails() async throws {
        let sizes = Lock<[Int]>([])
        let loader = BatchLoader<Int, Int>(batchMax: 5, waitersMax: 1000) { keys in
            sizes.withLock { $0.append(keys.count) }
            guard !keys.contains(7) else { throw Broken() }
            return Dictionary(uniqueKeysWithValues: keys.map { ($0, $0) })
        }
        let asks = (0..<40).map { key in Task { try await loader.value(of: key) } }
        var failed: [Int] = []
        for (key, ask) in asks.enumerated() {
            do { #expect(try await ask.value == key) } catch is Broken { failed.append(key) }
        }
        #expect(failed.contains(7) && failed.count <= 5)
        #expect(sizes.withLock { $0.max() ?? 0 } <= 5)
        #expect(try await loader.value(of: 50) == 50)
    }

    @Test("a fault of one key is found by halves and told to that key alone")
    func halves() async throws {
        let calls = Lock(0)
        let loader = BatchLoader<Int, Int>(
            batchMax: 128, waitersMax: 1000, isFaultOfOneKey: { $0 is Broken }
        ) { keys in
            calls.withLock { $0 += 1 }
            guard !keys.contains(77) else { throw Broken() }
            return Dictionary(uniqueKeysWithValues: keys.map { ($0, $0) })
        }
        let gate = Latch()
        let asks = (0..<128).map { key in
            Task { try await loader.value(of: key, admission: { try await gate.pass() }) }
        }
        try await eventually { loader.waiting == 128 }
        gate.open()
        for (key, ask) in asks.enumerated() {
            let result = await ask.result
            if key == 77 { #expect(result.error is Broken) } else { #expect(result.value == .some(key)) }
        }
        #expect(calls.withLock { $0 } == 15, "128, and then two halves seven times")
    }

    @Test("a cancelled task leaves alone, at once; the one that asked first as well as another")
    func cancelled() async throws {
        let latch = Latch()
        let loader = BatchLoader<Int, Int>(batchMax: 100, waitersMax: 1000) { keys in
            try await latch.pass()
            return Dictionary(uniqueKeysWithValues: keys.map { ($0, $0) })
        }
        // While the load is under way.
        let leader = Task { try await loader.value(of: 1) }
        try await eventually { latch.waiting == 1 }
        // While it waits for the next.
        let tasks = (2...10).map { key in Task { try await loader.value(of: key) } }
        try await eventually { loader.waiting == 9 }
        leader.cancel()
        tasks[3].cancel()
        #expect(await leader.result.isCancellation)
        #expect(await tasks[3].result.isCancellation)
        #expect(loader.waiting == 8)
        latch.open()
        for (key, task) in zip(2..., tasks) where key != 5 { #expect(try await task.value == key) }
    }

    @Test("the one whose admission is waited for may be cancelled: the others still get their answer")
    func admissionLeader() async throws {
        let (gate, admissions) = (Latch(), Lock(0))
        let loader = BatchLoader<Int, Int>(batchMax: 100, waitersMax: 1000) { keys in
            Dictionary(uniqueKeysWithValues: keys.map { ($0, $0) })
        }
        let admission: @Sendable () async throws -> Void = {
            admissions.withLock { $0 += 1 }
            try await gate.pass()
        }
        let leader = Task { try await loader.value(of: 1, admission: admission) }
        try await eventually { gate.waiting == 1 }
        let other = Task { try await loader.value(of: 2, admission: admission) }
        try await eventually { loader.waiting == 2 }
        leader.cancel()
        #expect(await leader.result.isCancellation)
        gate.open()
        #expect(try await other.value == 2)
        #expect(admissions.withLock { $0 } == 1)
    }

    @Test("an admission that no task waits for any more is given up, and the next task gets one of its own")
    func admissionGivenUp() async throws {
        let (first, isCancelled) = (Lock(true), Lock(false))
        let loader = BatchLoader<Int, Int>(batchMax: 100, waitersMax: 1000) { keys in
            Dictionary(uniqueKeysWithValues: keys.map { ($0, $0) })
        }
        let started = Latch()
        let admission: @Sendable () async throws -> Void = {
            let isFirst = first.withLock { first in
                defer { first = false }
                return first
            }
            guard isFirst else { return }
            started.open()
            do { try await Task.sleep(for: .seconds(60)) } catch {
                isCancelled.withLock { $0 = true }
                throw error
            }
        }
        let alone = Task { try await loader.value(of: 1, admission: admission) }
        try await started.pass()
        alone.cancel()
        #expect(await alone.result.isCancellation)
        #expect(try await loader.value(of: 2, admission: admission) == 2)
        try await eventually { isCancelled.withLock { $0 } }
    }

    @Test("a refused admission is told to those of that load, and others ask for their own")
    func admissionRefused() async throws {
        let refusals = Lock(3)
        let loader = BatchLoader<Int, Int>(batchMax: 10, waitersMax: 1000) { keys in
            Dictionary(uniqueKeysWithValues: keys.map { ($0, $0) })
        }
        let results = await withTaskGroup(of: Bool.self) { group in
            for key in 0..<100 {
                group.addTask {
                    let value = try? await loader.value(of: key) {
                        let isRefused = refusals.withLock { left in
                            left -= 1
                            return left >= 0
                        }
                        if isRefused { throw Broken() }
                    }
                    return value == .some(key)
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect((70...97).contains(results), "three loads of one to ten keys were refused")
    }

    @Test("a load that ends by cancellation is no cancellation of the tasks that wait")
    func loadCancelled() async throws {
        let loader = BatchLoader<Int, Int>(batchMax: 10, waitersMax: 10) { _ in throw CancellationError() }
        await #expect(throws: WaitError.abandoned) { try await loader.value(of: 1) }
    }

    @Test("so many tasks wait and no more; a place is free again when one has left")
    func bounded() async throws {
        let latch = Latch()
        let loader = BatchLoader<Int, Int>(batchMax: 2, waitersMax: 5) { keys in
            try await latch.pass()
            return Dictionary(uniqueKeysWithValues: keys.map { ($0, $0) })
        }
        let first = Task { try await loader.value(of: 0) }
        try await eventually { latch.waiting == 1 }
        let tasks = (1...4).map { key in Task { try await loader.value(of: key) } }
        try await eventually { loader.waiting == 4 }
        await #expect(throws: WaitError.tooMany(max: 5)) { try await loader.value(of: 9) }
        tasks[0].cancel()
        #expect(await tasks[0].result.isCancellation)
        let sixth = Task { try await loader.value(of: 9) }
        try await eventually { loader.waiting == 4 }
        latch.open()
        #expect(try await sixth.value == 9)
        #expect(try await first.value == 0)
        for task in tasks.dropFirst() { _ = try await task.value }
    }

    @Test("so many loads are under way and no more")
    func loadsMax() async throws {
        let (now, most) = (Lock(0), Lock(0))
        let loader = BatchLoader<Int, Int>(batchMax: 1, loadsMax: 3, waitersMax: 1000) { keys in
            let count = now.withLock { now in
                now += 1
                return now
            }
            most.withLock { $0 = max($0, count) }
            defer { now.withLock { $0 -= 1 } }
            try await Task.sleep(for: .milliseconds(1))
            return Dictionary(uniqueKeysWithValues: keys.map { ($0, $0) })
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for key in 0..<100 {
                group.addTask {
                    let value = try await loader.value(of: key)
                    #expect(value == key)
                }
            }
            try await group.waitForAll()
        }
        #expect(most.withLock { $0 } == 3)
    }

    @Test("closing ends every wait at once, also that for a load under way, and refuses new ones")
    func close() async throws {
        let latch = Latch()
        let loader = BatchLoader<Int, Int>(batchMax: 10, waitersMax: 100) { keys in
            try await latch.pass()
            return [:]
        }
        let tasks = (0..<20).map { key in Task { try await loader.value(of: key) } }
        try await eventually { latch.waiting == 1 && loader.waiting > 0 }
        loader.close()
        loader.close()
        for task in tasks { #expect(await task.result.waitError == .closed) }
        await #expect(throws: WaitError.closed) { try await loader.value(of: 1) }
        latch.open()
    }

    @Test(
        "thousands at once, some of them cancelled, with loads that fail, lack and add keys: each ends, none twice"
    )
    func thousands() async throws {
        let loads = Lock(0)
        let loader = BatchLoader<Int, Int>(batchMax: 100, loadsMax: 4, waitersMax: 10_000) { keys in
            let number = loads.withLock { loads in
                loads += 1
                return loads
            }
            await Task.yield()
            if number % 7 == 0 { throw Broken() }
            if number % 11 == 0 { throw CancellationError() }
            var values = Dictionary(uniqueKeysWithValues: keys.filter { $0 % 3 != 0 }.map { ($0, $0) })
            values[-number] = 1
            return values
        }
        let tasks = (0..<5000).map { number in Task { try await loader.value(of: number % 1700) } }
        for (number, task) in tasks.enumerated() where number % 13 == 0 { task.cancel() }
        for (number, task) in tasks.enumerated() {
            let key = number % 1700
            let result = await task.result
            switch result {
            case .success(let value): #expect(value == (key % 3 == 0 ? nil : key))
            case .failure:
                #expect(
                    result.error is Broken || result.waitError == .abandoned
                        || result.isCancellation && number % 13 == 0)
            }
        }
        #expect(loader.waiting == 0)
    }
}
