import Platform
import Postgres
import TestSupport
import Testing

@Suite("A server that is not fit for us", .needsServer)
struct FitnessTests {
    private func alter(_ database: TestDatabase, _ setting: String) async throws {
        var settings = database.settings
        settings.acceptsAnyServer = true
        let connection = try await Connection.open(settings)
        try await connection.runScript("SET default_transaction_read_only = off")
        try await connection.runScript("ALTER DATABASE \(database.name) \(setting)")
        await connection.close()
    }

    @Test("R3: a single host that takes no writes is refused with that reason, unless the text accepts any")
    func readOnly() async throws {
        try await withDatabase { database in
            try await alter(database, "SET default_transaction_read_only = on")
            let error = try failure { try Session.open(database.settings, deadline: .seconds(5)) }
            guard case .readOnly(let reason) = error else {
                return #expect(Bool(false), "\(String(describing: error))")
            }
            #expect(reason.contains("default_transaction_read_only"))
            #expect(error?.isTransient == true && error?.isReadOnly == true)
            var any = database.settings
            any.url += "&target_session_attrs=any"
            let session = try Session.open(any, deadline: .seconds(5))
            session.close()
            try await alter(database, "RESET default_transaction_read_only")
            try Session.open(database.settings, deadline: .seconds(5)).close()
        }
    }

    @Test(
        "R3: 25006 ends the connection, and with it the others of the pool; the next statement finds another server"
    )
    func left() async throws {
        try await withPool(connectionsMax: 3) { pool in
            try await pool.run("CREATE TABLE t (n int)")
            let before: Int32 = try await pool.run("SELECT pg_backend_pid()")[0].get(0)
            let error = try await failure {
                try await pool.run(all: [
                    "SELECT set_config('transaction_read_only', 'on', true)", "INSERT INTO t VALUES (1)",
                ])
            }
            #expect(error?.sqlstate == "25006" && error?.isTransient == true)
            let after: Int32 = try await pool.run("SELECT pg_backend_pid()")[0].get(0)
            #expect(before != after)
            try await pool.transaction { _ = try await $0.run("INSERT INTO t VALUES (2)") }
            // A transaction that meets it leaves as well.
            let met = try await failure {
                try await pool.transaction { tx in
                    try await tx.run("SET TRANSACTION READ ONLY")
                    try await tx.run("INSERT INTO t VALUES (3)")
                }
            }
            #expect(met?.sqlstate == "25006")
            #expect(pool.status.open == 0)
            #expect(try await pool.run("SELECT count(*) FROM t")[0].get(0) == 1)
        }
    }

    @Test(
        "R4: a session runs in READ COMMITTED whatever role, database and address say",
        arguments: ["serializable", "repeatable read"])
    func isolation(_ level: String) async throws {
        try await withDatabase { database in
            try await alter(database, "SET default_transaction_isolation = '\(level)'")
            var settings = database.settings
            settings.url += "&options=-c%20default_transaction_isolation%3Dserializable"
            let pool = Database(settings, connectionsMax: 2)
            #expect(
                try await pool.run("SELECT current_setting('transaction_isolation')")[0].get(0)
                    == "read committed")
            let inside: String = try await pool.transaction {
                try await $0.run("SELECT current_setting('transaction_isolation')")[0].get(0)
            }
            #expect(inside == "read committed")
            await pool.close()
        }
    }

    @Test(
        "R4: eight migrations at once all succeed under another default isolation",
        arguments: ["serializable", "repeatable read"])
    func migrations(_ level: String) async throws {
        try await withDatabase { database in
            try await alter(database, "SET default_transaction_isolation = '\(level)'")
            let migrator = Migrator(
                schema: "s",
                migrations: [
                    Migration(number: 1, name: "one", sql: "CREATE SEQUENCE s.seq; SELECT pg_sleep(0.05)"),
                    Migration(number: 2, name: "two", sql: "CREATE TABLE s.t (n int)"),
                ])
            let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
                for _ in 0..<8 { group.addTask { try await migrator.migrate(database.settings) } }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(applied.sorted() == [1, 2])
        }
    }

    @Test("R9: a database that is not UTF8 is refused in one sentence", arguments: ["LATIN1", "SQL_ASCII"])
    func encoding(_ encoding: String) async throws {
        try await withDatabase { database in
            let name = "\(database.name)_other"
            let admin = try await Connection.open(database.settings)
            try await admin.runScript(
                "CREATE DATABASE \(name) TEMPLATE template0 ENCODING '\(encoding)' LOCALE 'C'")
            var settings = try database.settings.inDatabase(name)
            let error = try failure { try Session.open(settings, deadline: .seconds(5)) }
            guard case .unsuitable(let sentence) = error else {
                return #expect(Bool(false), "\(String(describing: error))")
            }
            #expect(sentence.contains(encoding) && sentence.contains("UTF8") && sentence.contains(name))
            #expect(error?.isTransient == false)
            settings.acceptsAnyServer = true
            try Session.open(settings, deadline: .seconds(5)).close()
            try await admin.runScript("DROP DATABASE \(name) WITH (FORCE)")
            await admin.close()
        }
    }
}
