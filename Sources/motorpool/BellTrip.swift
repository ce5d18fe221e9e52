internal import Glibc
internal import Postgres

/// How long a notification takes to come back.
struct BellTrip {
    let settings: ConnectionSettings
    let database: Database

    private static let limit = Duration.seconds(3)

    /// `nil`: it did not come within three seconds.
    func time() async throws -> Duration? {
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
        for await event in listener.events {
            switch event {
            case .listening:
                start = .now
                try await database.run("SELECT pg_notify(\(channel), '')")
            case .notification: return start.map { .now - $0 }
            case .lost: continue
            }
        }
        return nil
    }
}
