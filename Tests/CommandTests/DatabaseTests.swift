import Glibc
import Platform
import Postgres
import TestSupport
import Testing

@Suite("A database as others have set it up")
struct DatabaseTests {
    private static let jobs = ["--jobs", Checkout.path + "/jobs"]

    /// Runs statements on the test server, in this database.
    private func administer(_ settings: ConnectionSettings, _ statements: String...) async throws {
        var settings = settings
        settings.acceptsAnyServer = true
        // Databases are made and dropped one after another, and many tests want theirs at once.
        settings.lockTimeout = .seconds(60)
        settings.statementTimeout = .seconds(60)
        let connection = try await Connection.open(settings)
        for statement in statements { try await connection.runScript(statement, within: .seconds(60)) }
        await connection.close()
    }

    // MARK: R4, R13

    /// All of `role-settings.sql`: what a careful administrator, an old application or a copied answer leaves.
    private static let odd = [
        "datestyle = 'German, DMY'", "intervalstyle = 'sql_standard'", "timezone = 'America/St_Johns'",
        "bytea_output = 'escape'", "standard_conforming_strings = off", "extra_float_digits = -15",
        "array_nulls = off", "transform_null_equals = on", "statement_timeout = '700ms'",
        "lock_timeout = '5ms'",
        "idle_in_transaction_session_timeout = '1s'", "synchronous_commit = off", "row_security = off",
        "search_path = 'evil, pg_temp'", "work_mem = '64kB'", "plan_cache_mode = 'force_custom_plan'",
        "enable_indexscan = off",
    ]

    @Test(
        "R4, R13: eight migrations at once succeed, limited kinds are admitted, keys and subjects hold, and nothing is 503",
        arguments: [
            ["default_transaction_isolation = 'serializable'"],
            ["default_transaction_isolation = 'repeatable read'"],
            odd, odd + ["default_transaction_isolation = 'serializable'", "idle_session_timeout = '1s'"],
        ])
    func settings(_ settings: [String]) async throws {
        try await withDatabase { database in
            for setting in settings {
                try await administer(database.settings, "ALTER DATABASE \(database.name) SET \(setting)")
            }
            let program = Program(database: database.settings.url)
            let codes = try await withThrowingTaskGroup(of: Program.Answer.self) { group in
                for _ in 0..<8 { group.addTask { try await program("migrate") } }
                return try await group.reduce(into: [Program.Answer]()) { $0.append($1) }
            }
            #expect(codes.allSatisfy { $0.code == 0 }, "\(codes.map(\.text))")
            let worker = try await program.work()
            let front = try program.start(["serve", "--port", "0", "--log", "json"])
            defer {
                worker.child.kill()
                front.child.kill()
            }
            try await front.says("listening")
            for _ in 0..<6 {
                let answer = try await program("enqueue", "effect", "--limit-key", "a")
                #expect(answer.code == 0, "\(answer.text)")
            }
            try await posts(to: try port(of: front))
            for _ in 0..<8 {
                let answer = try await program("enqueue", "noop", "--subject", "one", "--delay", "1h")
                #expect(answer.code == 0, "\(answer.text)")
            }
            try await eventually("the limited ones are done", within: .seconds(30)) {
                let done = try await program("jobs", "--kind", "effect", "--state", "done", "--json")
                return done.text.split(separator: "\n").count == 6
            }
            let doctor = try await program.run(["doctor"] + Self.jobs)
            let names = settings.contains { $0.hasPrefix("synchronous_commit") }
            #expect(doctor.code == (names ? 1 : 0), "\(doctor.text)")
            #expect(doctor.text.contains("synchronous_commit off") == names)
            #expect(!doctor.text.contains("could not look"), "\(doctor.text)")
        }
    }

    private func port(of front: Worker) throws -> UInt16 {
        let mark = "\"address\":\"http://127.0.0.1:"
        let text = front.child.outputText
        guard let place = text.firstRange(of: mark),
            let port = UInt16(text[place.upperBound...].prefix { $0.isNumber })
        else { throw Broken(description: text) }
        return port
    }

    /// Forty requests of eight clients, with five subjects and as many keys.
    private func posts(to port: UInt16) async throws {
        let client = RawClient(port: port)
        let answers = try await withThrowingTaskGroup(of: [RawClient.Answer].self) { group in
            for client8 in 0..<8 {
                group.addTask {
                    var answers: [RawClient.Answer] = []
                    for turn in 0..<5 {
                        let number = (client8 + turn) % 5
                        answers.append(
                            try await client.ask(
                                "POST", "/jobs",
                                "{\"kind\":\"sleep\",\"args\":{\"seconds\":5},\"subject\":\"s\(number)\"}",
                                headers: turn % 2 == 0 ? ["Idempotency-Key: k\(number)"] : []))
                    }
                    return answers
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(answers.count == 40)
        #expect(answers.allSatisfy { $0.status == 202 }, "\(answers.filter { $0.status != 202 }.map(\.text))")
    }

    // MARK: R6

    @Test("R6: an enqueue whose subject an open transaction asks for says so, and leaves nothing behind")
    func locked() async throws {
        try await withProgram { program in
            let worker = try await program.work()
            defer { worker.child.kill() }
            let stranger = try await Connection.open(ConnectionSettings(url: program.database ?? ""))
            try await stranger.run("BEGIN")
            try await stranger.run("SELECT motorpool.enqueue('noop', subject => 'S')")
            let start = BootClock.now
            let answer = try await program("enqueue", "noop", "--subject", "S")
            #expect(answer.code == 75 && answer.text.contains("“S” of noop"), "\(answer.text)")
            #expect(!answer.text.contains("SELECT") && BootClock.now - start < .seconds(8))
            #expect(try await program("enqueue", "noop", "--subject", "T").code == 0)
            try await stranger.run("COMMIT")
            await stranger.close()
            #expect(try await program("enqueue", "noop", "--subject", "S").code == 0)
        }
    }

    // MARK: R9

    @Test(
        "R9: a database that is not UTF8 is refused in one sentence before anything is created",
        arguments: ["LATIN1", "SQL_ASCII"])
    func encoding(_ encoding: String) async throws {
        try await withDatabase { database in
            let name = database.name + "_other"
            try await administer(
                database.settings,
                "CREATE DATABASE \(name) TEMPLATE template0 ENCODING '\(encoding)' LOCALE 'C'")
            var other = try database.settings.inDatabase(name)
            other.acceptsAnyServer = true
            let program = Program(database: other.url)
            for words in [
                ["migrate"], ["migrate", "--dry-run"], ["up", "--port", "0"] + Self.jobs,
                ["work"] + Self.jobs,
                ["serve", "--port", "0"], ["enqueue", "noop"],
            ] {
                let answer = try await program.run(words)
                #expect(answer.code == 2, "\(words): \(answer.text)")
                #expect(
                    answer.text.contains(encoding) && answer.text.contains("needs UTF8"), "\(answer.text)")
                #expect(answer.text.contains("motorpool: "))
            }
            let doctor = try await program.run(["doctor"] + Self.jobs)
            #expect(
                doctor.code == 1 && doctor.text.contains("the database has the encoding \(encoding)"),
                "\(doctor.text)")
            #expect(!doctor.text.contains("run motorpool migrate"))
            let connection = try await Connection.open(other)
            let created: Int = try await connection.run(
                "SELECT count(*) FROM pg_namespace WHERE nspname IN ('motorpool', 'trial', 'workshop')")[0]
                .get(0)
            #expect(created == 0)
            await connection.close()
            try await administer(database.settings, "DROP DATABASE \(name) WITH (FORCE)")
        }
    }

    // MARK: R11

    @Test(
        "R11: what is wrong with an address is named, and nothing of its password",
        arguments: [
            ("postgres://farm:fa%rm77@127.0.0.1:PORT/farm", Int32(69), ["%25"]),
            ("postgres://farm:p@ss77@127.0.0.1:PORT/farm", 69, ["%40"]),
            ("postgres://farm:far77m@127.0.0.1:PORT/farm?schema=public", 69, ["“schema”"]),
            (
                "postgres://farm:far77m@127.0.0.1:PORT/farm?pgbouncer=true&connection_limit=1", 69,
                ["“pgbouncer”"]
            ),
            ("postgres://farm:far77m@127.0.0.1:PORT/farm?sslmode=no-verify", 69, ["no-verify"]),
            ("postgresql+asyncpg://farm:far77m@127.0.0.1:PORT/farm", 2, ["postgres://user@host/name"]),
            ("postgres://farm:ss77/word@127.0.0.1:PORT/farm", 69, ["%2F"]),
            ("host=127.0.0.1 port=PORT password=a ss77=b", 69, ["behind the password"]),
        ])
    func addresses(_ url: String, _ code: Int32, _ named: [String]) async throws {
        let port = try #require(Address(TestServer.tcpSettings().url).port)
        let url = url.split(separator: "PORT").joined(separator: "\(port)")
        for words in [
            ["migrate"], ["migrate", "--database-url", url], ["doctor"] + Self.jobs,
            ["serve", "--port", "0"],
        ] {
            let program = Program(database: words.count > 2 && words[1] == "--database-url" ? nil : url)
            let answer = try await program.run(words)
            #expect(answer.code == code, "\(answer.text)")
            let text = answer.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(named.allSatisfy(text.contains), "\(text)")
            for piece in ["rm77", "ss77", "far77m", "@127.0.0.1"] {
                #expect(!text.contains(piece), "\(text)")
            }
        }
        // In a wrong place it is not repeated either.
        for words in [
            [url], ["migrate", url], ["migrate", "--databaseurl=" + url],
            ["migrate", "--database-url" + url],
        ] {
            let answer = try await Program().run(words)
            #expect(answer.code == 64, "\(answer.text)")
            for piece in ["rm77", "ss77", "far77m"] {
                #expect(!answer.text.contains(piece), "\(answer.text)")
            }
        }
    }

    @Test("R11: odd names and passwords connect when they are escaped, and options of the address hold")
    func escaped() async throws {
        try await withDatabase { database in
            let name = "we ird%db-名'" + database.name
            try await administer(
                database.settings,
                #"CREATE ROLE "we@ird:us/er" LOGIN PASSWORD 'p@ss/w:rd%#? ü''"\x'"#,
                #"CREATE DATABASE "\#(name)" OWNER "we@ird:us/er""#)
            let port = try #require(Address(database.tcpSettings.url).port)
            let url =
                "postgres://we%40ird%3Aus%2Fer:p%40ss%2Fw%3Ard%25%23%3F%20%C3%BC%27%22%5Cx@127.0.0.1:\(port)/we%20ird%25db-%E5%90%8D%27\(database.name)"
            let answer = try await Program(database: url)("migrate")
            #expect(answer.code == 0, "\(answer.text)")
            try await administer(
                database.settings, #"DROP DATABASE "\#(name)" WITH (FORCE)"#, #"DROP ROLE "we@ird:us/er""#)
            let program = Program(database: database.tcpSettings.url + "&options=-c%20search_path%3Devil")
            #expect(try await program("migrate").code == 0)
            let worker = try await program.work()
            defer { worker.child.kill() }
            let done = try await program("enqueue", "noop", "--wait")
            #expect(done.code == 0, "\(done.text)")
        }
    }
}
