import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

@Suite("The bell")
struct BellTests {
    @Test("rings after an enqueue for each of its queues, and never for a job that is not due")
    func rings() async throws {
        try await withDesk { desk in
            let listener = Listener(desk.database.settings, channels: [Bell.channel])
            listener.start()
            defer { listener.close() }
            var events = listener.events.makeAsyncIterator()
            #expect(await events.next() == .listening)
            _ = try await desk.store.enqueue([
                NewJob("note", delay: .seconds(60), queue: "later"), NewJob("note", queue: "one"),
                NewJob("note", subject: "s", queue: "two"),
            ])
            var heard = Set<String>()
            while heard.count < 2, case .notification(_, let queue) = await events.next() {
                heard.insert(queue)
            }
            #expect(heard == ["one", "two"])
        }
    }

    @Test("is heard in its own process at once")
    func ownEar() async throws {
        try await withDesk { desk in
            let heard = Lock<[String]>([])
            desk.store.bell.hear { queue in heard.withLock { $0.append(queue) } }
            _ = try await desk.store.enqueue(NewJob("note", queue: "q"))
            #expect(heard.withLock { $0 } == ["q"])
        }
    }

    @Test("that many pull at once rings for every queue that was due")
    func crowd() async throws {
        try await withDesk { desk in
            let listener = Listener(desk.database.settings, channels: [Bell.channel])
            listener.start()
            defer { listener.close() }
            var events = listener.events.makeAsyncIterator()
            #expect(await events.next() == .listening)
            for number in 0..<50 { desk.store.bell.ringSoon(["q\(number)"]) }
            var heard = Set<String>()
            while heard.count < 50, case .notification(_, let queue) = await events.next() {
                heard.insert(queue)
            }
            #expect(heard == Set((0..<50).map { "q\($0)" }))
        }
    }
}
