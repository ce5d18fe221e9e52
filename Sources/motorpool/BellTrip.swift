internal import Glibc
internal import Postgres

/// How long a notification takes to come back.
struct BellTrip {
    let settings: ConnectionSettings
    let database: Database

    private static let limit = Duration.seconds(3)

    enum End {
        case came(after: Duration)
        /// Three seconds passed.
        case lost
        /// No connection would listen; why.
        case deaf(String)
    }

    func end() async throws -> End {
        let channel = "motorpool_doctor_\(getpid())"
        let listener = Listener(settings, channels: [channel])
        listener.start()
        let alarm = Task {
            try await Task.sleep(for: Self.limit)
            // Ends the events.
            listener.close()
        }
        defer {
            alarm.cancel()
            listener.close()
        }
        var start: ContinuousClock.Instant?
        var why: String?
        for await event in listener.events {
            switch event {
            case .listening:
                start = .now
                try await database.run("SELECT pg_notify(\(channel), '')")
            case .notification: if let start { return .came(after: .now - start) }
            case .lost(let reason): why = reason
            }
        }
        return start == nil ? .deaf(why ?? "no connection within \(Self.limit)") : .lost
    }
}
