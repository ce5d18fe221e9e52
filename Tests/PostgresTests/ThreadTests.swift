import Platform
import Testing

@Suite("Threads of one's own")
struct ThreadTests {
    private struct Fault: Error {}

    @Test("lose no update behind a lock")
    func lock() {
        let count = Lock(0)
        let threads = (0..<4).map { number in
            BlockingThread.start("count-\(number)") { for _ in 0..<10_000 { count.withLock { $0 += 1 } } }
        }
        for thread in threads { thread.join() }
        for thread in threads { thread.join() }
        #expect(count.withLock { $0 } == 40_000)
    }

    @Test("hand back what they made, or threw")
    func resumes() async throws {
        #expect(try await blocking("add") { 1 + 1 } == 2)
        await #expect(throws: Fault.self) { try await blocking("fail") { throw Fault() } }
    }

    @Test("see time pass")
    func clock() {
        let before = BootClock.now
        #expect(before > .zero && BootClock.now >= before)
    }
}
