import Platform
import Postgres
import TestSupport
import Testing

@Suite("Waits for locks", .needsServer)
struct LockWaitTests {
    /// Lends a pool of six and a transaction that holds the only row of `t`.
    private func withLockedRow(_ body: (Database, Transaction) async throws -> Void) async throws {
        try await withPool(connectionsMax: 6, waitMax: .seconds(5)) { pool in
            try await pool.run(all: ["CREATE TABLE t (n int)", "INSERT INTO t VALUES (1)"])
            let holder = Database(pool.settings, connectionsMax: 1)
            try await holder.transaction { tx in
                try await tx.run("UPDATE t SET n = 2")
                try await body(pool, tx)
            }
            await holder.close()
        }
    }

    @Test("R6: are short, and leave connections to the others however many there are")
    func bounded() async throws {
        try await withLockedRow { pool, _ in
            let waits = (0..<12).map { number in
                Task { () -> String? in
                    let waiting = pool.waiting(number < 6 ? .brief : .patient)
                    return try await failure { try await waiting.run("UPDATE t SET n = 3", within: limit) }?
                        .sqlstate
                }
            }
            try await eventually("some wait") { pool.status.open >= 4 }
            let start = BootClock.now
            for _ in 0..<20 { try await pool.run("SELECT 1") }
            #expect(BootClock.now - start < .milliseconds(500))
            #expect(pool.status.open <= 6)
            for wait in waits.prefix(6) {
                let state = try await wait.value
                #expect(state == "55P03")
            }
            // They share one connection, and who got none within a second is told so.
            var exhausted = 0
            for wait in waits.dropFirst(6) {
                let state = try await wait.value
                #expect(state == "55P03" || state == nil)
                if state == nil { exhausted += 1 }
            }
            #expect(exhausted >= 4)
        }
    }

    @Test("in a transaction hold for all of it, and stick to nothing")
    func transaction() async throws {
        try await withPool(connectionsMax: 1) { pool in
            let inside: String = try await pool.waiting(.brief).transaction {
                try await $0.run("SELECT current_setting('lock_timeout')")[0].get(0)
            }
            let alone: String = try await pool.waiting(.patient).run(
                "SELECT current_setting('lock_timeout')", within: limit)[0].get(0)
            let after: String = try await pool.run("SELECT current_setting('lock_timeout')")[0].get(0)
            #expect(inside == "50ms" && alone == "1s" && after == "2s")
        }
    }
}
