import Platform
import Postgres
import TestSupport
import Testing

@Suite("A database", .needsServer)
struct DatabaseTests {
    @Test("never opens more connections than it may, and serves everybody")
    func bound() async throws {
        try await withPool(connectionsMax: 3) { pool in
            try await withThrowingTaskGroup(of: Int32.self) { group in
                for _ in 0..<60 { group.addTask { try await pool.run("SELECT pg_backend_pid()")[0].get(0) } }
                var processes: Set<Int32> = []
                for try await process in group { processes.insert(process) }
                #expect(processes.count <= 3)
            }
            #expect(pool.status.open <= 3 && pool.status.waiting == 0)
            #expect(pool.status.idle == pool.status.open)
        }
    }

    @Test("lets nobody wait longer than its bound")
    func exhausted() async throws {
        try await withPool(connectionsMax: 1, waitMax: .seconds(1)) { pool in
            try await pool.withConnection { _ in
                guard case .poolExhausted = try await failure(of: { try await pool.run("SELECT 1") }) else {
                    return #expect(Bool(false))
                }
            }
            #expect(try await pool.run("SELECT 1")[0].get(0) == 1)
        }
    }

    @Test("lets go of a cancelled caller that waits for a connection")
    func cancelledWaiter() async throws {
        try await withPool(connectionsMax: 1, waitMax: .seconds(60)) { pool in
            try await pool.withConnection { _ in
                let task = Task { try await pool.run("SELECT 1") }
                try await eventually("the wait") { pool.status.waiting == 1 }
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                #expect(pool.status.waiting == 0)
            }
        }
    }

    @Test("runs the next statement when the server ended all its idle connections")
    func terminated() async throws {
        try await withPool(connectionsMax: 3) { pool in
            try await openAll(of: pool, count: 3)
            try await terminateOthers(than: pool)
            #expect(try await pool.run("SELECT 1")[0].get(0) == 1)
            try await terminateOthers(than: pool)
            let lent: Int = try await pool.withConnection { try await $0.run("SELECT 1")[0].get(0) }
            #expect(lent == 1)
            try await terminateOthers(than: pool)
            let within: Int = try await pool.transaction { try await $0.run("SELECT 1")[0].get(0) }
            #expect(within == 1)
        }
    }

    @Test("does not send again what may have been done when the connection broke")
    func noResend() async throws {
        try await withPool(connectionsMax: 1) { pool in
            try await pool.run("CREATE SEQUENCE s")
            let error = try await failure {
                try await pool.run("SELECT nextval('s'), pg_terminate_backend(pg_backend_pid()), pg_sleep(9)")
            }
            #expect(error?.isOutcomeUnknown == true && error?.isTransient == true)
            #expect(try await pool.run("SELECT nextval('s')")[0].get(0, as: Int.self) >= 2)
        }
    }

    @Test("recovers from a statement that outlasted the caller's deadline")
    func deadline() async throws {
        try await withPool(connectionsMax: 1) { pool in
            let error = try await failure {
                try await pool.run("SELECT pg_sleep(30)", within: .milliseconds(50))
            }
            guard case .timedOut(_, outcomeUnknown: true) = error else { return #expect(Bool(false)) }
            #expect(try await pool.run("SELECT 1")[0].get(0) == 1)
        }
    }

    @Test("tells its first callers at once that there is no server")
    func nobodyThere() async throws {
        let pool = Database(
            ConnectionSettings(url: "postgres://u@127.0.0.1:1/d"), connectionsMax: 2, waitMax: .seconds(60))
        let start = BootClock.now
        guard case .cannotConnect = try await failure(of: { try await pool.run("SELECT 1") }) else {
            return #expect(Bool(false))
        }
        #expect(BootClock.now - start < .seconds(5))
        await pool.close()
    }

    @Test("once closed, refuses; lent connections end when they come back")
    func close() async throws {
        try await withPool(connectionsMax: 2) { pool in
            try await pool.withConnection { connection in
                await pool.close()
                await pool.close()
                let one: Int = try await connection.run("SELECT 1")[0].get(0)
                #expect(one == 1)
            }
            #expect(pool.status.open == 0)
            guard case .closed = try await failure(of: { try await pool.run("SELECT 1") }) else {
                return #expect(Bool(false))
            }
        }
    }

    @Test("does not keep a connection that was left in a transaction")
    func leftOpen() async throws {
        try await withPool(connectionsMax: 1) { pool in
            try await pool.withConnection { _ = try await $0.run("BEGIN") }
            #expect(pool.status.idle == 0)
            #expect(try await pool.run("SELECT pg_current_xact_id_if_assigned() IS NULL")[0].get(0) == true)
        }
    }

    private func openAll(of pool: Database, count: Int) async throws {
        try await withThrowingTaskGroup { group in
            for _ in 0..<count { group.addTask { try await pool.run("SELECT pg_sleep(0.05)") } }
            try await group.waitForAll()
        }
    }

    private func terminateOthers(than pool: Database) async throws {
        let session = try Session.open(pool.settings, deadline: .seconds(5))
        defer { session.close() }
        _ = try session.run(
            """
            SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """, within: limit)
    }
}
