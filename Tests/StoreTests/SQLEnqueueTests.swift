import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("The SQL function enqueue")
struct SQLEnqueueTests {
    @Test("in a transaction that is rolled back leaves nothing")
    func rolledBack() async throws {
        struct Fault: Error {}
        try await withDesk { desk async throws in
            await #expect(throws: Fault.self) {
                try await desk.store.database.transaction { tx in
                    let id: Int64 = try await tx.run(
                        "SELECT motorpool.enqueue('note', '{\"a\":1}', key => 'k')")[0].get(0)
                    #expect(id > 0)
                    throw Fault()
                }
            }
            #expect(try await desk.count("jobs") == 0)
            #expect(try await desk.count("keys") == 0)
        }
    }

    @Test(
        "refuses with a code of its own and a sentence",
        arguments: [
            ("SELECT motorpool.enqueue('nope')", "MP001"),
            ("SELECT motorpool.enqueue('note', subject => '')", "MP002"),
            ("SELECT motorpool.enqueue('note', key => repeat('k', 257))", "MP002"),
            ("SELECT motorpool.enqueue('note', priority => 4)", "MP002"),
            ("SELECT motorpool.enqueue('note', attempts_max => 0)", "MP002"),
            ("SELECT motorpool.enqueue('note', delay => interval '-1 second')", "MP002"),
            ("SELECT motorpool.enqueue('note', to_jsonb(repeat('x', 262143)))", "MP002"),
            ("SELECT motorpool.enqueue('note', '1', key => 'taken')", "MP003"),
            ("SELECT motorpool.enqueue('strict', subject => 'busy')", "MP004"),
        ])
    func refuses(text: String, code: String) async throws {
        try await withDesk([Definition(kind: "note"), Definition("strict") { $0.unique = .refuse }]) { desk in
            _ = try await desk.store.enqueue([
                NewJob("note", key: "taken", keyScope: "sql"), NewJob("strict", subject: "busy"),
            ])
            let error = await caught { try await desk.store.database.run(SQL(text)) }
            #expect((error as? PostgresError)?.sqlstate == code)
            #expect(try await desk.count("jobs") == 2)
        }
    }

    @Test("answers with the job that stands for the request")
    func answers() async throws {
        try await withDesk { desk in
            let first: Int64 = try await desk.value(
                "SELECT motorpool.enqueue('note', '{}', 'subject', 'key')")
            let twice: Int64 = try await desk.value(
                "SELECT motorpool.enqueue('note', '{}', 'subject', 'key')")
            let joined: Int64 = try await desk.value("SELECT motorpool.enqueue('note', '1', 'subject')")
            #expect(first == twice && first == joined)
            #expect(try await desk.count("jobs") == 1)
        }
    }

    @Test("rings the queue's bell with the commit, and not when told not to", arguments: [true, false])
    func rings(ring: Bool) async throws {
        try await withDesk { desk in
            let listener = Listener(desk.database.settings, channels: [Bell.channel])
            listener.start()
            defer { listener.close() }
            var events = listener.events.makeAsyncIterator()
            guard case .listening = await events.next() else {
                Issue.record("not listening")
                return
            }
            try await desk.store.database.run(
                "SELECT motorpool.enqueue('note', queue => 'heard', ring => \(ring))")
            // What comes after it marks the end of what may have come.
            try await desk.store.database.run("SELECT pg_notify(\(Bell.channel), 'end')")
            var heard: [String] = []
            while case .notification(_, let queue) = await events.next() {
                heard.append(queue)
                if queue == "end" { break }
            }
            #expect(heard == (ring ? ["heard", "end"] : ["end"]))
        }
    }

    @Test("does not ring for a job that is not due")
    func notDue() async throws {
        try await withDesk { desk in
            let listener = Listener(desk.database.settings, channels: [Bell.channel])
            listener.start()
            defer { listener.close() }
            var events = listener.events.makeAsyncIterator()
            _ = await events.next()
            try await desk.store.database.run("SELECT motorpool.enqueue('note', delay => interval '1 hour')")
            try await desk.store.database.run("SELECT pg_notify(\(Bell.channel), 'end')")
            guard case .notification(_, let queue) = await events.next() else {
                Issue.record("nothing heard")
                return
            }
            #expect(queue == "end")
        }
    }
}
