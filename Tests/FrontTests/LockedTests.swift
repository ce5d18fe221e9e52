import Front
import HTTPServer
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

@Suite struct LockedTests {
    /// Lends a house while a stranger's open transaction has asked for the subject S.
    private func withStranger(_ body: (House) async throws -> Void) async throws {
        try await withHouse { house in
            try await withOpen("SELECT motorpool.enqueue('note', subject => 'S')", house) {
                try await body(house)
            }
        }
    }

    private func withOpen(_ statement: SQL, _ house: House, _ body: () async throws -> Void) async throws {
        let stranger = Database(house.database.settings, connectionsMax: 1)
        let result: Result<Void, any Error>
        do {
            try await stranger.transaction(within: .seconds(60)) { tx in
                try await tx.run(statement)
                try await body()
            }
            result = .success(())
        } catch { result = .failure(error) }
        await stranger.close()
        try result.get()
    }

    @Test("R6: a stranger's transaction makes those wait that want its subject, and nobody else")
    func subject() async throws {
        try await withStranger { house in
            let end = BootClock.now + .seconds(4)
            let blocked = (0..<12).map { _ in
                Task {
                    var answers: [(House.Answer, Duration)] = []
                    while BootClock.now < end {
                        let start = BootClock.now
                        let answer = await house.ask(
                            .post, "/jobs", #"{"kind":"note","subject":"S"}"#, as: .producer)
                        answers.append((answer, BootClock.now - start))
                    }
                    return answers
                }
            }
            try await Task.sleep(for: .milliseconds(100))
            var slowest = Duration.zero
            var number = 0
            while BootClock.now < end {
                number += 1
                let asked: [(Method, String, String?)] = [
                    (.post, "/jobs", #"{"kind":"note"}"#),
                    (.post, "/jobs", "{\"kind\":\"note\",\"subject\":\"T\(number)\",\"key\":\"k\(number)\"}"),
                    (.get, "/jobs/1", nil), (.get, "/jobs", nil), (.get, "/health/ready", nil),
                ]
                for (method, path, body) in asked {
                    let start = BootClock.now
                    let answer = await house.ask(method, path, body, as: .producer)
                    slowest = max(slowest, BootClock.now - start)
                    #expect([200, 202, 404].contains(answer.status), "\(method) \(path): \(answer.text)")
                }
            }
            print("R6: \(number * 5) other requests, the slowest took \(slowest)")
            #expect(slowest < .seconds(1))
            for task in blocked {
                for (answer, took) in await task.value {
                    #expect(answer.status == 503 && answer.code == "locked", "\(answer.text)")
                    #expect(answer.problem("subject") == "S" && answer.problem("kind") == "note")
                    #expect(answer.header("Retry-After") == "1")
                    #expect(answer.problem("message")?.contains("“S” of note") == true)
                    #expect(took < .seconds(4))
                }
            }
        }
    }

    @Test("R6: when the stranger has committed, the subject is joined at once")
    func committed() async throws {
        try await withHouse { house in
            try await withOpen("SELECT motorpool.enqueue('note', subject => 'S')", house) {
                let answer = await house.ask(.post, "/jobs", #"{"kind":"note","subject":"S"}"#)
                #expect(answer.code == "locked")
            }
            let answer = await house.ask(.post, "/jobs", #"{"kind":"note","subject":"S"}"#)
            #expect(answer.status == 202 && answer.json?["verdict"]?.string == "joined", "\(answer.text)")
        }
    }

    @Test("R6: an array of many names the subject that it waited for, and leaves nothing behind")
    func many() async throws {
        try await withStranger { house in
            let jobs = (0..<20).map { "{\"kind\":\"note\"\($0 % 2 == 0 ? "" : ",\"subject\":\"T\($0)\"")}" }
            let all = jobs + [#"{"kind":"note","subject":"S"}"#]
            for role in [nil, Role.producer] {
                let answer = await house.ask(
                    .post, "/jobs", "[\(all.joined(separator: ","))]", as: role,
                    headers: ["Idempotency-Key": "a"])
                #expect(answer.code == "locked" && answer.problem("subject") == "S", "\(answer.text)")
            }
            try await house.expect("jobs", count: 0)
            try await house.expect("keys", count: 0)
        }
    }

    @Test("R6: a job whose row somebody holds can't be cancelled now, and is named")
    func cancel() async throws {
        try await withHouse { house in
            let job = try await house.put()
            try await withOpen("SELECT 1 FROM motorpool.jobs FOR UPDATE", house) {
                let answer = await house.ask(.delete, "/jobs/\(job)")
                #expect(answer.status == 503 && answer.code == "locked")
                #expect(answer.json?["error"]?["job"]?.json.description == "\(job)")
            }
            #expect(await house.ask(.delete, "/jobs/\(job)").status == 200)
        }
    }

    @Test("a database that takes no writes is told as that, and found again when it does")
    func readOnly() async throws {
        try await withHouse { house in
            _ = try await house.put()
            let name = house.database.name
            var settings = house.database.settings
            settings.acceptsAnyServer = true
            let operators = try await Connection.open(settings)
            try await operators.runScript("ALTER DATABASE \(name) SET default_transaction_read_only = on")
            // Sessions that are there already go on, until they are cut.
            try await operators.run(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            for (method, path) in [(Method.post, "/jobs"), (.delete, "/jobs/1"), (.get, "/health/ready")] {
                let answer = await house.ask(method, path, #"{"kind":"note"}"#)
                #expect(answer.status == 503 && answer.code == "database_read_only", "\(answer.text)")
                #expect(answer.header("Retry-After") != nil)
            }
            try await operators.runScript("SET default_transaction_read_only = off")
            try await operators.runScript("ALTER DATABASE \(name) RESET default_transaction_read_only")
            await operators.close()
            try await eventually("writes are taken", within: .seconds(15)) {
                await house.ask(.post, "/jobs", #"{"kind":"note"}"#).status == 202
            }
            #expect(await house.ask(.get, "/health/ready").status == 200)
        }
    }

    @Test("tables that are gone, rights that are missing and locks on tables are told as what they are")
    func words() async throws {
        try await withHouse { house in
            let job = try await house.put()
            try await withOpen("LOCK TABLE motorpool.jobs", house) {
                let answer = await house.ask(.post, "/jobs", #"{"kind":"note"}"#)
                #expect(answer.status == 503 && answer.code == "locked", "\(answer.text)")
                let shown = await house.ask(.get, "/jobs/\(job)")
                #expect(shown.status == 503 && shown.code == "locked", "\(shown.text)")
            }
            try await house.store.database.run("ALTER SCHEMA motorpool RENAME TO gone")
            for (method, path) in [(Method.get, "/jobs/1"), (.post, "/jobs"), (.get, "/health/ready")] {
                let answer = await house.ask(method, path, #"{"kind":"note"}"#)
                #expect(answer.status == 503 && answer.code == "schema_behind", "\(answer.text)")
            }
            #expect(house.events.withLock { $0 }.allSatisfy { $0.trouble?.contains("SELECT") != true })
        }
    }
}
