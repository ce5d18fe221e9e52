import Platform
import TestSupport
import Testing

@Suite("A semaphore")
struct SemaphoreTests {
    @Test("never more tasks work at once than it has places, and all of them get their turn")
    func bounded() async throws {
        let semaphore = Semaphore(places: 3, waitMax: .seconds(30))
        let (now, most) = (Lock(0), Lock(0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<300 {
                group.addTask {
                    try await semaphore.withPlace {
                        let count = now.withLock { now in
                            now += 1
                            return now
                        }
                        most.withLock { $0 = max($0, count) }
                        await Task.yield()
                        now.withLock { $0 -= 1 }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(most.withLock { $0 } <= 3)
        #expect(semaphore.status == (3, 0))
    }

    @Test("a task waits no longer than it may, and its place in line goes to the next")
    func late() async throws {
        let (semaphore, latch) = (Semaphore(places: 1, waitMax: .milliseconds(50)), Latch())
        let holder = Task { try await semaphore.withPlace { try await latch.pass() } }
        try await eventually { latch.waiting == 1 }
        await #expect(throws: WaitError.noPlace(after: .milliseconds(50))) {
            try await semaphore.withPlace {}
        }
        #expect(semaphore.status == (0, 0))
        latch.open()
        try await holder.value
        try await semaphore.withPlace {}
        #expect(semaphore.status == (1, 0))
    }

    @Test("a line that is full refuses at once")
    func full() async throws {
        let semaphore = Semaphore(places: 1, waitMax: .seconds(30), waitersMax: 1)
        let latch = Latch()
        let holder = Task { try await semaphore.withPlace { try await latch.pass() } }
        try await eventually { latch.waiting == 1 }
        let waiter = Task { try await semaphore.withPlace {} }
        try await eventually { semaphore.status.waiting == 1 }
        await #expect(throws: WaitError.tooMany(max: 1)) { try await semaphore.withPlace {} }
        latch.open()
        try await holder.value
        try await waiter.value
        #expect(semaphore.status == (1, 0))
    }

    @Test("a cancelled task leaves the line, and a failure frees its place")
    func cancelled() async throws {
        let (semaphore, latch) = (Semaphore(places: 1, waitMax: .seconds(30)), Latch())
        let holder = Task {
            try await semaphore.withPlace {
                try await latch.pass()
                throw Broken()
            }
        }
        try await eventually { latch.waiting == 1 }
        let waiter = Task { try await semaphore.withPlace {} }
        try await eventually { semaphore.status.waiting == 1 }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        #expect(semaphore.status == (0, 0))
        latch.open()
        await #expect(throws: Broken.self) { try await holder.value }
        #expect(semaphore.status == (1, 0))
    }
}
