import Platform
import Postgres
import TestSupport
import Testing

@Suite("A session", .needsServer)
struct SessionTests {
    @Test("tells a refusal by its code, to strangers blandly and to us with everything but the statement")
    func serverErrors() async throws {
        try await withSession { session in
            try session.runScript(
                "CREATE TABLE t (n int CONSTRAINT few CHECK (n < 3) PRIMARY KEY)", within: limit)
            let error = try failure { try session.run("INSERT INTO t VALUES (\(987))", within: limit) }
            #expect(error?.sqlstate == "23514")
            #expect(error?.isData == true && error?.isTransient == false && error?.isOutcomeUnknown == false)
            guard case .server(let said) = error else { return #expect(Bool(false)) }
            #expect(said.constraint == "few" && said.table == "t" && said.severity == "ERROR")
            #expect(said.statement == "INSERT INTO t VALUES ($1)")
            #expect(!String(reflecting: error).contains("INSERT"))
            #expect(!error!.description.contains("few"))
            let typo = try failure { try session.run("SELEC 1", within: limit) }
            #expect(typo?.sqlstate == "42601")
            #expect(try session.run("SELECT 1", within: limit)[0].get(0) == 1)
        }
    }

    @Test("keeps a prepared statement working when the table changes below it")
    func replan() async throws {
        try await withSession { session in
            try session.runScript("CREATE TABLE t (a int); INSERT INTO t VALUES (1)", within: limit)
            #expect(try session.run("SELECT * FROM t", within: limit).columns == ["a"])
            try session.runScript("ALTER TABLE t ADD b text DEFAULT 'x'", within: limit)
            #expect(try session.run("SELECT * FROM t", within: limit).columns == ["a", "b"])
            try session.runScript("DEALLOCATE ALL", within: limit)
            #expect(try session.run("SELECT * FROM t", within: limit)[0].get(1) == "x")
        }
    }

    @Test("prepares one statement once, whether a parameter is NULL or not, and anew for another type")
    func variants() async throws {
        try await withSession { session in
            for value in [7, nil, 9] as [Int?] {
                #expect(try session.run("SELECT \(value)", within: limit)[0].get(0, as: Int?.self) == value)
            }
            #expect(try session.run("SELECT \("text")", within: limit)[0].get(0) == "text")
            let names = try session.run(
                "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT $1'", within: limit)
            #expect(try names[0].get(0) == 2)
        }
    }

    @Test("never keeps more than its bound of prepared statements")
    func cacheBound() async throws {
        try await withSession { session in
            for number in 0..<600 {
                #expect(
                    try session.run("SELECT \(pasting: String(number))", within: limit)[0].get(0) == number)
            }
            let count = try session.run("SELECT count(*) FROM pg_prepared_statements", within: limit)
            #expect(try count[0].get(0, as: Int.self) <= 256)
        }
    }

    @Test("undoes a whole pipeline when a statement in its middle fails, and goes on")
    func atomic() async throws {
        try await withSession { session in
            try session.runScript("CREATE TABLE t (n int PRIMARY KEY)", within: limit)
            let error = try failure {
                try session.run(
                    all: [
                        "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)",
                    ], within: limit)
            }
            #expect(error?.sqlstate == "23505")
            let answers = try session.run(
                all: ["SELECT count(*) FROM t", "INSERT INTO t VALUES (2)", "SELECT count(*) FROM t"],
                within: limit)
            #expect(try answers[0][0].get(0) == 0)
            #expect(try answers[2][0].get(0) == 1)
        }
    }

    @Test("reports what fails only at the end of the pipeline, and has then done nothing")
    func deferredConstraint() async throws {
        try await withSession { session in
            try session.runScript(
                "CREATE TABLE t (n int, UNIQUE (n) DEFERRABLE INITIALLY DEFERRED); INSERT INTO t VALUES (1)",
                within: limit)
            let error = try failure {
                try session.run(all: ["INSERT INTO t VALUES (1)", "SELECT 1"], within: limit)
            }
            #expect(error?.sqlstate == "23505")
            #expect(try session.run("SELECT count(*) FROM t", within: limit)[0].get(0) == 1)
        }
    }

    @Test("refuses a statement in the middle that cannot even be parsed, and prepares it later")
    func parseError() async throws {
        try await withSession { session in
            let question: SQL = "SELECT count(*) FROM later"
            let early = try failure { try session.run(all: ["SELECT 1", question], within: limit) }
            #expect(early?.sqlstate == "42P01")
            try session.runScript("CREATE TABLE later ()", within: limit)
            #expect(try session.run(question, within: limit)[0].get(0) == 0)
        }
    }

    @Test("refuses COPY without hanging")
    func copy() async throws {
        try await withSession { session in
            let error = try failure { try session.runScript("COPY pg_class TO STDOUT", within: limit) }
            #expect(error?.isOutcomeUnknown == true)
            #expect(session.isBroken)
        }
    }

    @Test("gives up at the caller's deadline, does not know the outcome, and has the server stop")
    func deadline() async throws {
        try await withDatabase { database in
            let session = try Session.open(database.settings, deadline: .seconds(5))
            defer { session.close() }
            let start = BootClock.now
            let error = try failure { try session.run("SELECT pg_sleep(30)", within: .milliseconds(100)) }
            guard case .timedOut(after: .milliseconds(100), outcomeUnknown: true) = error else {
                return #expect(Bool(false), "\(String(describing: error))")
            }
            #expect(BootClock.now - start < .seconds(3))
            #expect(session.isBroken)
            let next = try failure { try session.run("SELECT 1", within: limit) }
            #expect(next?.isOutcomeUnknown == false)
            let other = try Session.open(database.settings, deadline: .seconds(5))
            defer { other.close() }
            try await eventually("the end of the sleep") {
                try other.run(
                    "SELECT count(*) FROM pg_stat_activity WHERE pid = \(session.backendPID) AND state = 'active'",
                    within: limit)[0].get(0) == 0
            }
        }
    }

    @Test("is ended by the server's own timeouts, with codes of their own")
    func serverTimeouts() async throws {
        try await withDatabase { database in
            var settings = database.settings
            settings.statementTimeout = .milliseconds(150)
            settings.lockTimeout = .milliseconds(50)
            let session = try Session.open(settings, deadline: .seconds(5))
            let other = try Session.open(database.settings, deadline: .seconds(5))
            defer {
                session.close()
                other.close()
            }
            let late = try failure { try session.run("SELECT pg_sleep(9)", within: limit) }
            #expect(late?.sqlstate == "57014")
            try other.runScript("CREATE TABLE t ()", within: limit)
            try other.runScript("BEGIN; LOCK TABLE t", within: limit)
            let locked = try failure { try session.run("SELECT * FROM t", within: limit) }
            #expect(locked?.sqlstate == "55P03" && locked?.isTransient == true)
        }
    }

    @Test("runs its set-up after connecting, and says who it is")
    func setup() async throws {
        try await withDatabase { database in
            var settings = database.settings
            settings.sessionSetup = ["SET enable_seqscan = off"]
            settings.applicationName = "a test"
            let session = try Session.open(settings, deadline: .seconds(5))
            defer { session.close() }
            let row = try session.run(
                "SELECT current_setting('enable_seqscan'), current_setting('application_name')", within: limit
            )[0]
            #expect(try row.get(0) == "off" && row.get(1) == "a test")
            #expect(try session.run("SELECT pg_backend_pid()", within: limit)[0].get(0) == session.backendPID)
        }
    }

    @Test("knows, before sending, that its server process is gone")
    func terminated() async throws {
        try await withDatabase { database in
            let session = try Session.open(database.settings, deadline: .seconds(5))
            let other = try Session.open(database.settings, deadline: .seconds(5))
            defer { other.close() }
            _ = try other.run("SELECT pg_terminate_backend(\(session.backendPID), 5000)", within: limit)
            let error = try failure { try session.run("SELECT 1", within: limit) }
            guard case .connectionLost(_, outcomeUnknown: false) = error else {
                return #expect(Bool(false), "\(String(describing: error))")
            }
            session.close()
            session.close()
            guard case .closed = try failure(of: { try session.run("SELECT 1", within: limit) }) else {
                return #expect(Bool(false))
            }
        }
    }

    // MARK: Connecting

    @Test("connects to the second host when the first is dead or silent")
    func hosts() async throws {
        try await withDatabase { database in
            let silent = try SilentPort()
            let url = database.tcpSettings.url
            for dead in [1, silent.port] {
                var settings = database.tcpSettings
                settings.url = url.replacing("@127.0.0.1:", with: "@127.0.0.1:\(dead),127.0.0.1:")
                settings.connectTimeout = .seconds(2)
                let session = try Session.open(settings, deadline: .seconds(30))
                defer { session.close() }
                #expect(try session.run("SELECT 1", within: limit)[0].get(0) == 1)
            }
        }
    }

    @Test("names every host it tried and no password, when none will have it")
    func noHost() async throws {
        let silent = try SilentPort()
        let settings = ConnectionSettings(
            url: "postgres://u:secret@127.0.0.1:1,127.0.0.1:\(silent.port)/d",
            connectTimeout: .milliseconds(200))
        let start = BootClock.now
        let error = try failure { try Session.open(settings, deadline: .seconds(5)) }
        guard case .cannotConnect(let reason) = error else {
            return #expect(Bool(false), "\(String(describing: error))")
        }
        #expect(BootClock.now - start < .seconds(2))
        #expect(reason.contains("127.0.0.1:1:") && reason.contains("127.0.0.1:\(silent.port)"))
        #expect(!reason.contains("secret") && error?.isTransient == true)
    }

    @Test("refuses an address it cannot read, without repeating it")
    func badURL() throws {
        let error = try failure {
            try Session.open(ConnectionSettings(url: "postgress//u:secret@h"), deadline: .seconds(1))
        }
        #expect(error?.debugDescription.contains("secret") == false)
    }
}
