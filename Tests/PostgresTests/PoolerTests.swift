import Foundation
import Platform
import Postgres
import TestSupport
import Testing

/// Debian's package puts it there.
private let pooler = "/usr/sbin/pgbouncer"

@Suite(
    "Through a pooler in transaction mode", .needsServer,
    .enabled(if: FileManager.default.isExecutableFile(atPath: pooler), "pgbouncer is not installed"))
struct PoolerTests {
    @Test("statements run, share server connections, and leave nothing prepared on them")
    func statements() async throws {
        try await withPooler { settings in
            let pool = Database(settings, connectionsMax: 6)
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<60 { group.addTask { try await pool.run("SELECT \(number)")[0].get(0) } }
                let sum = try await group.reduce(0, +)
                #expect(sum == 1770)
            }
            let prepared: Int = try await pool.run("SELECT count(*) FROM pg_prepared_statements")[0].get(0)
            #expect(prepared == 0)
            let servers: Int = try await pool.run(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")[0].get(0)
            #expect(servers <= 2)
            await pool.close()
        }
    }

    @Test("timeouts hold for the statement and do not stick to the server's connection")
    func timeouts() async throws {
        try await withPooler { settings in
            var hasty = settings
            hasty.statementTimeout = .milliseconds(150)
            let pool = Database(hasty, connectionsMax: 1)
            let error = try await failure { try await pool.run("SELECT pg_sleep(9)") }
            #expect(error?.sqlstate == "57014")
            let inside: String = try await pool.transaction { transaction in
                try await transaction.run("SELECT current_setting('statement_timeout')")[0].get(0)
            }
            #expect(inside == "150ms")
            let session = try Session.open(settings, deadline: .seconds(5))
            try session.runScript(
                "CREATE TABLE seen AS SELECT current_setting('statement_timeout') AS t", within: limit)
            let seen: String = try session.run("SELECT t FROM seen", within: limit)[0].get(0)
            #expect(seen == "0")
            session.close()
            await pool.close()
        }
    }

    @Test(
        "R4: every statement and transaction is READ COMMITTED, and one that fails leaves the connection usable"
    )
    func isolation() async throws {
        try await withPooler(setting: "default_transaction_isolation = 'serializable'") { settings in
            let pool = Database(settings, connectionsMax: 1)
            for _ in 0..<3 {
                let alone: String = try await pool.run("SELECT current_setting('transaction_isolation')")[0]
                    .get(0)
                let inside: String = try await pool.transaction {
                    try await $0.run("SELECT current_setting('transaction_isolation')")[0].get(0)
                }
                let waiting: String = try await pool.waiting(.brief).run(
                    "SELECT concat_ws(' ', current_setting('transaction_isolation'), current_setting('lock_timeout'))",
                    within: limit)[0].get(0)
                #expect(alone == "read committed" && inside == alone && waiting == "read committed 50ms")
                let error = try await failure { try await pool.run(all: ["SELECT 1", "SELECT 1/0"]) }
                #expect(error?.sqlstate == "22012")
                guard case .server(let said) = error else { return #expect(Bool(false)) }
                #expect(said.statementIndex == 1)
            }
            #expect(pool.status.open == 1)
            try await pool.run("CREATE TABLE t (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
            let late = try await failure { try await pool.run("INSERT INTO t VALUES (1), (1)") }
            #expect(late?.sqlstate == "23505")
            #expect(try await pool.run("SELECT count(*) FROM t")[0].get(0) == 0)
            await pool.close()
        }
    }

    @Test("R3: a database that takes no writes is refused behind it as well")
    func readOnly() async throws {
        try await withDatabase { database in
            let connection = try await Connection.open(database.settings)
            try await connection.runScript(
                "ALTER DATABASE \(database.name) SET default_transaction_read_only = on")
            await connection.close()
            try await withPooler(database) { settings in
                let error = try await failure { try await Connection.open(settings) }
                #expect(error?.isReadOnly == true, "\(String(describing: error))")
            }
        }
    }

    @Test("transactions and migrations work")
    func transactions() async throws {
        try await withPooler { settings in
            let migrator = Migrator(
                schema: "s",
                migrations: [Migration(number: 1, name: "first", sql: "CREATE TABLE s.t (n int)")])
            async let one = migrator.migrate(settings)
            async let two = migrator.migrate(settings)
            let applied = try await one + two
            #expect(applied == [1])
            let pool = Database(settings, connectionsMax: 2)
            let error = try await failure {
                try await pool.transaction { transaction in
                    try await transaction.run("INSERT INTO s.t VALUES (\(1))")
                    try await transaction.run("SELECT 1/0")
                }
            }
            #expect(error?.sqlstate == "22012")
            try await pool.transaction { _ = try await $0.run("INSERT INTO s.t VALUES (\(2))") }
            let numbers = try await pool.run("SELECT n FROM s.t").map { try $0.get(0, as: Int.self) }
            #expect(numbers == [2])
            await pool.close()
        }
    }

    /// Lends settings that lead through a pooler of two server connections to a database of its own.
    private func withPooler(
        setting: String? = nil, _ body: (ConnectionSettings) async throws -> Void
    ) async throws {
        try await withDatabase { database in
            if let setting {
                let connection = try await Connection.open(database.settings)
                try await connection.runScript("ALTER DATABASE \(database.name) SET \(setting)")
                await connection.close()
            }
            try await withPooler(database, body)
        }
    }

    private func withPooler(
        _ database: TestDatabase, _ body: (ConnectionSettings) async throws -> Void
    ) async throws {
        let folder =
            FileManager.default.temporaryDirectory.path + "/pooler\(Int.random(in: 0..<1_000_000))"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let port = try SilentPort().port
        try configuration(of: database, port: port).write(
            toFile: folder + "/pgbouncer.ini", atomically: true, encoding: .utf8)
        // It refuses to run as root.
        let account =
            getuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] : []
        let process = try ChildProcess.start(
            account + [pooler, folder + "/pgbouncer.ini"], environment: ["PATH": "/usr/bin:/bin"],
            directory: "/")
        var settings = database.tcpSettings(port: port)
        settings.pooled = true
        let result: Result<Void, any Error>
        do {
            var anyServer = settings
            anyServer.acceptsAnyServer = true
            try await eventually("the pooler") {
                (try? Session.open(anyServer, deadline: .seconds(1))) != nil
            }
            result = .success(try await body(settings))
        } catch {
            result = .failure(error)
        }
        kill(process.pid, SIGINT)
        _ = try await blocking("pooler-end") { process.wait(deadline: .seconds(10)) }
        try result.get()
    }

    private func configuration(of database: TestDatabase, port: Int) throws -> String {
        let server = try #require(Address(database.tcpSettings.url).port)
        let parts = try #require(URLComponents(string: database.tcpSettings.url))
        let password = parts.password.map { " password=\($0)" } ?? ""
        return """
            [databases]
            * = host=127.0.0.1 port=\(server) user=\(parts.user ?? "postgres")\(password)
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(port)
            auth_type = any
            pool_mode = transaction
            default_pool_size = 2
            unix_socket_dir =
            """
    }
}
