import Postgres
import TestSupport
import Testing

@Suite("A listener", .needsServer)
struct ListenerTests {
    @Test(
        "hears its channels, and listens again after the server ended its connection", .timeLimit(.minutes(1))
    )
    func listensAgain() async throws {
        try await withDatabase { database in
            var settings = database.settings
            settings.applicationName = "the listener"
            let listener = Listener(settings, channels: ["bell", "Odd \"name\""])
            var events = listener.events.makeAsyncIterator()
            listener.start()
            listener.start()
            #expect(await events.next() == .listening)
            let pool = Database(database.settings, connectionsMax: 1)
            for round in 1...2 {
                try await pool.run("SELECT pg_notify('bell', \("round \(round)"))")
                #expect(await events.next() == .notification(channel: "bell", payload: "round \(round)"))
                try await pool.run("SELECT pg_notify('Odd \"name\"', '')")
                #expect(await events.next() == .notification(channel: "Odd \"name\"", payload: ""))
                try await pool.run(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'the listener'"
                )
                guard case .lost = await events.next() else { return #expect(Bool(false)) }
                #expect(await events.next() == .listening)
            }
            listener.close()
            listener.close()
            #expect(await events.next() == nil)
            await pool.close()
        }
    }

    @Test("says why it cannot connect, and stops trying when closed", .timeLimit(.minutes(1)))
    func noServer() async throws {
        let listener = Listener(ConnectionSettings(url: "postgres://u@127.0.0.1:1/d"), channels: ["bell"])
        var events = listener.events.makeAsyncIterator()
        listener.start()
        for _ in 1...2 {
            guard case .lost = await events.next() else { return #expect(Bool(false)) }
        }
        listener.close()
        while await events.next() != nil {}
    }

    @Test("that was closed before it began ends its events")
    func neverStarted() async {
        let listener = Listener(ConnectionSettings(url: ""), channels: [])
        listener.close()
        listener.start()
        for await _ in listener.events {}
    }
}
