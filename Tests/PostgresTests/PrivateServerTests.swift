import Foundation
import Platform
import Postgres
import TestSupport
import Testing

/// They start real servers, one at a time: two cores.
@Suite("A private server", .serialized)
struct PrivateServerTests {
    @Test("keeps what was committed from one start to the next, and the second start is quick")
    func secondStart() async throws {
        try await withFolder { folder in
            let first = try await PrivateServer.start(in: folder, log: { _ in })
            try await run("CREATE TABLE kept (n int)", on: first)
            try await first.stop()

            let before = BootClock.now
            let second = try await PrivateServer.start(in: folder, log: { _ in })
            // Under one second on an idle machine; here the other suites' programs share it.
            #expect(BootClock.now - before < .seconds(3))
            try await run("INSERT INTO kept VALUES (1)", on: second)
            try await second.stop()
        }
    }

    @Test("that survived its farm is adopted")
    func adoption() async throws {
        try await withFolder { folder in
            let said = Lock<[String]>([])
            let process: Int?
            do {
                let first = try await PrivateServer.start(in: folder, log: { _ in })
                process = pid(of: folder)
                // Dropped without a stop, as by a farm that was killed.
                _ = first
            }
            let second = try await PrivateServer.start(
                in: folder, log: { line in said.withLock { $0.append(line) } })
            #expect(pid(of: folder) == process)
            #expect(said.withLock { $0 }.contains { $0.contains("adopting") })
            try await second.stop()
            #expect(pid(of: folder) == nil)
        }
    }

    @Test("that was killed recovers, and neither a zombie nor somebody else's number is an obstacle")
    func stalePidFile() async throws {
        try await withFolder { folder in
            do {
                let first = try await PrivateServer.start(in: folder, log: { _ in })
                try await run("CREATE TABLE kept (n int)", on: first)
            }
            let process = try #require(pid(of: folder))
            kill(pid_t(process), SIGKILL)
            try await eventually("the end of the server", within: .seconds(20)) {
                kill(pid_t(process), 0) != 0 || isZombie(process)
            }
            let file = folder + "/data/postmaster.pid"
            let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").dropFirst()
            // Our own number: alive, of the same account, and no server.
            try ("\(getpid())\n" + lines.joined(separator: "\n") + "\n")
                .write(toFile: file, atomically: true, encoding: .utf8)
            try await eventually("the end of its children", within: .seconds(20)) {
                try await ChildProcess.run(
                    ["pgrep", "-f", folder], environment: ["PATH": "/usr/bin:/bin"], deadline: .seconds(5)
                ).text.isEmpty
            }

            let second = try await PrivateServer.start(in: folder, log: { _ in })
            try await run("INSERT INTO kept VALUES (1)", on: second)
            try await second.stop()
        }
    }

    @Test("that dies under its farm is started again, with what was committed")
    func revival() async throws {
        try await withFolder { folder in
            let said = Lock<[String]>([])
            let server = try await PrivateServer.start(in: folder) { line in
                said.withLock { $0.append(line) }
            }
            try await run("CREATE TABLE kept (n int)", on: server)
            let process = try #require(pid(of: folder))
            kill(pid_t(process), SIGKILL)
            try await eventually("another server", within: .seconds(60)) {
                guard let now = pid(of: folder), now != process else { return false }
                return (try? await run("INSERT INTO kept VALUES (1)", on: server)) != nil
            }
            let words = said.withLock { $0 }
            #expect(words.contains { $0.contains("died under us") })
            try await server.stop()
            #expect(pid(of: folder) == nil)
        }
    }

    @Test("is refused to a second farm on the same folder")
    func lock() async throws {
        try await withFolder { folder in
            let first = try await PrivateServer.start(in: folder, log: { _ in })
            await #expect(throws: PrivateServerError.self) {
                _ = try await PrivateServer.start(in: folder, log: { _ in })
            }
            try await first.stop()
            try await first.stop()
        }
    }

    @Test("is made anew when the first making was interrupted")
    func interrupted() async throws {
        try await withFolder { folder in
            try FileManager.default.createDirectory(
                atPath: folder + "/data.new/base", withIntermediateDirectories: true)
            try "15\n".write(toFile: folder + "/data.new/PG_VERSION", atomically: true, encoding: .utf8)
            let server = try await PrivateServer.start(in: folder, log: { _ in })
            try await server.stop()
        }
    }

    @Test("says so when the folder's path leaves no room for a socket")
    func longPath() async throws {
        let folder = "/tmp/" + String(repeating: "x", count: 100)
        await #expect(throws: PrivateServerError.self) {
            _ = try await PrivateServer.start(in: folder, log: { _ in })
        }
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    @Test("keeps only the newest files of its log")
    func logs() async throws {
        try await withFolder { folder in
            let server = try await PrivateServer.start(in: folder, log: { _ in })
            try await server.stop()
            for number in 1...9 {
                try "".write(
                    toFile: folder + "/log/server-2020010\(number)-000000.log", atomically: true,
                    encoding: .utf8)
            }
            let again = try await PrivateServer.start(in: folder, log: { _ in })
            try await eventually {
                try FileManager.default.contentsOfDirectory(atPath: folder + "/log")
                    .filter { $0.hasPrefix("server-") }.count <= 4
            }
            try await again.stop()
        }
    }

    @Test("C2: lets nobody in without a password, whatever the role, and keeps the passwords to its owner")
    func passwords() async throws {
        try await withFolder { folder in
            let server = try await PrivateServer.start(in: folder, log: { _ in })
            for role in ["motorpool", "motorpool_owner", "motorpool_worker"] {
                let bare = "host=\(folder)/socket dbname=motorpool user=\(role)"
                for url in [
                    bare + " passfile=/dev/null", bare + " password=\(String(repeating: "0", count: 64))",
                ] {
                    await #expect(throws: PostgresError.self, "\(role)") {
                        await (try Connection.open(ConnectionSettings(url: url))).close()
                    }
                }
            }
            var status = stat()
            #expect(stat(folder + "/passwords", &status) == 0 && status.st_mode & 0o777 == 0o600)
            #expect(!server.url.contains(try Self.password(of: "motorpool_worker", in: folder)))
            #expect(!FileManager.default.fileExists(atPath: folder + "/passwords.first"))
            try await server.stop()
        }
    }

    @Test("C2: the farm's role is no superuser, runs no program, reads no file and makes no table")
    func worker() async throws {
        try await withFolder { folder in
            let server = try await PrivateServer.start(in: folder, log: { _ in })
            try await run(
                "CREATE SCHEMA s; CREATE TABLE s.t (n int GENERATED ALWAYS AS IDENTITY, m int)", on: server)
            let connection = try await Connection.open(ConnectionSettings(url: server.url))
            let forbidden: [SQL] = [
                "COPY (SELECT 1) TO PROGRAM 'true'", "COPY (SELECT 1) TO '/tmp/motorpool-test-file'",
                "SELECT pg_read_file('PG_VERSION')", "SELECT pg_ls_dir('.')",
                "SELECT lo_import('/etc/passwd')",
                "CREATE TABLE s.mine (n int)", "CREATE SCHEMA mine", "CREATE TABLE public.mine (n int)",
                "DROP TABLE s.t", "ALTER TABLE s.t ADD COLUMN o int", "CREATE ROLE mine",
                "ALTER ROLE motorpool_worker SUPERUSER", "ALTER ROLE motorpool PASSWORD 'x'",
                "SET ROLE motorpool", "SET ROLE motorpool_owner", "ALTER SYSTEM SET work_mem = '1GB'",
                "CREATE DATABASE mine", "SELECT rolpassword FROM pg_authid", "SELECT pg_reload_conf()",
            ]
            for statement in forbidden {
                let state = await #expect(throws: PostgresError.self, "\(statement)") {
                    try await connection.run(statement)
                }?.sqlstate
                #expect(state == "42501" || state == "0LP01", "\(statement): \(state ?? "")")
            }
            for statement: SQL in [
                "INSERT INTO s.t (m) VALUES (1)", "UPDATE s.t SET m = 2", "DELETE FROM s.t", "TRUNCATE s.t",
            ] { try await connection.run(statement) }
            await connection.close()
            try await server.stop()
        }
    }

    @Test(
        "C2: one that an older version made, without passwords and all a superuser's, is upgraded where it stands",
        arguments: [true, false])
    func upgrade(isRunning: Bool) async throws {
        try await withFolder { folder in
            try await Self.makeOldServer(in: folder)
            if !isRunning { try await Self.control(folder, "stop") }
            let server = try await PrivateServer.start(in: folder, log: { _ in })
            let rows = try await Connection.open(ConnectionSettings(url: server.url))
            try await rows.run("INSERT INTO queue.jobs (state) VALUES ('new')")
            #expect(try await rows.run("SELECT count(*)::int FROM queue.jobs")[0].get(0, as: Int32.self) == 2)
            #expect(try await rows.run("SELECT queue.depth()")[0].get(0, as: Int32.self) == 2)
            await rows.close()
            try await run(
                """
                ALTER TABLE queue.jobs ADD COLUMN more int; ALTER TYPE queue.state ADD VALUE 'old';
                CREATE OR REPLACE FUNCTION queue.depth() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE queue.later (n int)
                """, on: server)
            await #expect(throws: PostgresError.self) {
                let old = "host=\(folder)/socket dbname=motorpool user=motorpool passfile=/dev/null"
                await (try Connection.open(ConnectionSettings(url: old))).close()
            }
            #expect(
                try !String(contentsOfFile: folder + "/data/pg_hba.conf", encoding: .utf8).contains("peer"))
            try await server.stop()
            // Once is enough, and twice is no harm.
            try await (try await PrivateServer.start(in: folder, log: { _ in })).stop()
        }
    }

    @Test("that lost its passwords gets new ones")
    func lostPasswords() async throws {
        try await withFolder { folder in
            let first = try await PrivateServer.start(in: folder, log: { _ in })
            try await run("CREATE TABLE kept (n int)", on: first)
            let before = try Self.password(of: "motorpool", in: folder)
            try await first.stop()
            try FileManager.default.removeItem(atPath: folder + "/passwords")
            let second = try await PrivateServer.start(in: folder, log: { _ in })
            try await run("INSERT INTO kept VALUES (1)", on: second)
            #expect(try Self.password(of: "motorpool", in: folder) != before)
            try await second.stop()
        }
    }

    // MARK: - Help

    private static func password(of role: String, in folder: String) throws -> String {
        let lines = try String(contentsOfFile: folder + "/passwords", encoding: .utf8).split(separator: "\n")
        return String(try #require(lines.first { $0.contains(":\(role):") }?.split(separator: ":").last))
    }

    /// A running server as versions before passwords made it.
    private static func makeOldServer(in folder: String) async throws {
        try FileManager.default.createDirectory(
            atPath: folder + "/socket", withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        try await tool(
            "initdb",
            ["-D", folder + "/data", "-U", "motorpool", "-A", "peer", "-E", "UTF8", "--no-locale", "-N"])
        let name = String(cString: getpwuid(geteuid()).pointee.pw_name)
        try "local all all peer map=motorpool\n".write(
            toFile: folder + "/data/pg_hba.conf", atomically: true, encoding: .utf8)
        try "motorpool \"\(name)\" motorpool\n".write(
            toFile: folder + "/data/pg_ident.conf", atomically: true, encoding: .utf8)
        let file = folder + "/data/postgresql.conf"
        let settings =
            "\nlisten_addresses = ''\nunix_socket_directories = '\(folder)/socket'\ninclude_if_exists = 'motorpool.conf'\n"
        try (String(contentsOfFile: file, encoding: .utf8) + settings).write(
            toFile: file, atomically: true, encoding: .utf8)
        try await control(folder, "start")
        for (database, script) in [
            ("postgres", "CREATE DATABASE motorpool"),
            (
                "motorpool",
                """
                CREATE SCHEMA queue; CREATE TYPE queue.state AS ENUM ('new');
                CREATE TABLE queue.jobs (id bigint GENERATED ALWAYS AS IDENTITY, n serial, state queue.state) PARTITION BY LIST (state);
                CREATE TABLE queue.new PARTITION OF queue.jobs FOR VALUES IN ('new');
                CREATE SEQUENCE queue.alone; CREATE VIEW queue.seen AS SELECT * FROM queue.jobs;
                CREATE FUNCTION queue.depth() RETURNS int LANGUAGE sql AS 'SELECT count(*)::int FROM queue.jobs';
                INSERT INTO queue.jobs (state) VALUES ('new');
                """
            ),
        ] {
            let connection = try await Connection.open(
                ConnectionSettings(url: "host=\(folder)/socket dbname=\(database) user=motorpool"))
            try await connection.runScript(script, within: .seconds(30))
            await connection.close()
        }
    }

    private static func control(_ folder: String, _ deed: String) async throws {
        try await tool("pg_ctl", ["-D", folder + "/data", "-l", folder + "/old.log", "-w", "-s", deed])
    }

    private static func tool(_ name: String, _ arguments: [String]) async throws {
        let versions = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql").compactMap {
            Int($0)
        }
        let output = try await ChildProcess.run(
            ["/usr/lib/postgresql/\(try #require(versions.max()))/bin/\(name)"] + arguments,
            environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"], directory: "/",
            deadline: .seconds(120))
        try #require(output.status.isSuccess, "\(output.text)")
    }

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder =
            (ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp") + "/ps\(Int.random(in: 0..<1_000_000))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        do {
            try await body(folder)
        } catch {
            if let process = pid(of: folder) { kill(pid_t(process), SIGQUIT) }
            throw error
        }
    }

    private func run(_ statement: String, on server: PrivateServer) async throws {
        let connection = try await Connection.open(ConnectionSettings(url: server.ownerURL))
        try await connection.runScript(statement, within: .seconds(15))
        await connection.close()
    }

    private func pid(of folder: String) -> Int? {
        let text = try? String(contentsOfFile: folder + "/data/postmaster.pid", encoding: .utf8)
        return text?.split(separator: "\n").first.flatMap { Int($0) }
    }

    private func isZombie(_ process: Int) -> Bool {
        (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8))?.contains(") Z ") ?? true
    }
}
