import Platform
import Postgres
import TestSupport
import Testing

@Suite("A connection", .needsServer)
struct ConnectionTests {
    @Test("serves its callers in turn")
    func turns() async throws {
        try await withDatabase { database in
            let connection = try await Connection.open(database.settings)
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<50 {
                    group.addTask { try await connection.run("SELECT \(number)")[0].get(0) }
                }
                var sum = 0
                for try await number in group { sum += number }
                #expect(sum == 1225)
            }
            await connection.close()
            await connection.close()
            guard case .closed = try await failure(of: { try await connection.run("SELECT 1") }) else {
                return #expect(Bool(false))
            }
        }
    }

    @Test("has the server stop when the task is cancelled, and is usable afterwards")
    func cancellation() async throws {
        try await withDatabase { database in
            let connection = try await Connection.open(database.settings)
            let start = BootClock.now
            let task = Task { try await connection.run("SELECT pg_sleep(30)") }
            try await isSleeping(database)
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(BootClock.now - start < .seconds(5))
            #expect(try await connection.run("SELECT 1")[0].get(0) == 1)
            await connection.close()
        }
    }

    @Test("lets go of a cancelled caller that still waits its turn, and only of that")
    func cancellationInQueue() async throws {
        try await withDatabase { database in
            let connection = try await Connection.open(database.settings)
            let first = Task { try await connection.run("SELECT pg_sleep(30)") }
            try await isSleeping(database)
            let second = Task { try await connection.run("SELECT 1") }
            second.cancel()
            await #expect(throws: CancellationError.self) { try await second.value }
            #expect(!first.isCancelled)
            first.cancel()
            _ = await first.result
            await connection.close()
        }
    }

    @Test("closes at once although its server is busy, and its caller does not know the outcome")
    func closeWhileBusy() async throws {
        try await withDatabase { database in
            let connection = try await Connection.open(database.settings)
            let task = Task { try await connection.run("SELECT pg_sleep(30)") }
            try await isSleeping(database)
            let start = BootClock.now
            await connection.close()
            #expect(BootClock.now - start < .seconds(1))
            let error = try await failure { try await task.value }
            #expect(error?.isOutcomeUnknown == true)
        }
    }

    @Test("can be given up while it is being made")
    func cancelledOpening() async throws {
        let silent = try SilentPort()
        let settings = ConnectionSettings(
            url: "postgres://u@127.0.0.1:\(silent.port)/d", connectTimeout: .seconds(60))
        let task = Task { try await Connection.open(settings) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    /// Returns once somebody sleeps in the database.
    private func isSleeping(_ database: TestDatabase) async throws {
        let watcher = try await Connection.open(database.settings)
        try await eventually("the sleep") {
            try await watcher.run(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event = 'PgSleep'
                """)[0].get(0) == 1
        }
        await watcher.close()
    }
}
