import Front
import Platform
import Postgres
import TestSupport
import Testing

@Suite("A question for many")
struct GathererTests {
    private struct Broken: Error {}

    @Test("is asked once for all who came while the last was under way, and each gets his own answer")
    func together() async throws {
        let asked = Lock<[[Int]]>([])
        let isOpen = Lock(false)
        let gatherer = Gatherer<Int, Int>(batchMax: 200) { keys in
            let isFirst = asked.withLock { asked in
                asked.append(keys.sorted())
                return asked.count == 1
            }
            if isFirst { try await eventually("the gate is open") { isOpen.withLock { $0 } } }
            return Dictionary(uniqueKeysWithValues: keys.filter { $0 != 13 }.map { ($0, $0 * 2) })
        }
        let first = Task { try await gatherer.value(of: 1) }
        try await eventually("the first question") { asked.withLock { $0.count } == 1 }
        let others = (2...20).map { key in Task { try await gatherer.value(of: key) } }
        let again = Task { try await gatherer.value(of: 2) }
        try await eventually("everybody waits") { gatherer.waiting == 20 }
        isOpen.withLock { $0 = true }
        let answer = try await first.value
        #expect(answer == 2)
        for (key, other) in zip(2..., others) {
            let answer = try await other.value
            #expect(answer == (key == 13 ? nil : key * 2))
        }
        let same = try await again.value
        #expect(same == 4)
        let questions = asked.withLock { $0 }
        #expect(questions == [[1], Array(2...20)])
    }

    @Test("is cut into batches, and a failure is told to those it belongs to")
    func batches() async throws {
        let sizes = Lock<[Int]>([])
        let gatherer = Gatherer<Int, Int>(batchMax: 5) { keys in
            sizes.withLock { $0.append(keys.count) }
            guard !keys.contains(7) else { throw Broken() }
            return Dictionary(uniqueKeysWithValues: keys.map { ($0, $0) })
        }
        let asks = (0..<40).map { key in Task { try await gatherer.value(of: key) } }
        var failed: [Int] = []
        for (key, ask) in asks.enumerated() {
            do {
                let answer = try await ask.value
                #expect(answer == key)
            } catch is Broken { failed.append(key) }
        }
        #expect(failed.contains(7) && failed.count <= 5)
        let largest = sizes.withLock { $0.max() }
        #expect((largest ?? 0) <= 5)
        // It goes on after a failure.
        let answer = try await gatherer.value(of: 50)
        #expect(answer == 50)
    }
}
