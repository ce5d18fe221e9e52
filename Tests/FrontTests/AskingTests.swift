import Front
import HTTPServer
import Jobs
import Postgres
import Store
import Testing

@Suite struct AskingTests {
    private static func kind(_ name: String, _ text: String) throws -> Definition {
        let file = DefinitionFile(kind: name, file: "\(name).conf", text: text)
        #expect(file.faults.isEmpty)
        return file.definition
    }

    @Test(
        "H1: what a kind does not let callers choose is refused by name; the rest stays theirs",
        arguments: [
            (#""queue":"steam-downloads""#, "queue"), (#""priority":"urgent""#, "priority"),
            (#""limit_key":"k""#, "limit_key"), (#""delay":"1h""#, "delay"),
            (#""run_at":"2030-01-01T00:00:00Z""#, "run_at"),
        ])
    func choices(_ member: String, _ field: String) async throws {
        let choice = field == "delay" ? "run_at" : field
        let kinds = [
            try Self.kind("shut", "asked_by = producer"),
            try Self.kind("free", "asked_by = producer\ncallers_choose = \(choice)"),
        ]
        try await withAskingHouse(kinds) { house in
            for visitor in [AskingHouse.Visitor.asker, .operator] {
                let shut = await house.ask(.post, "/jobs", "{\"kind\":\"shut\",\(member)}", by: visitor)
                #expect(shut.status == 403 && shut.code == "not_yours_to_choose", "\(shut.text)")
                #expect(shut.problem("field") == field)
                let free = await house.ask(.post, "/jobs", "{\"kind\":\"free\",\(member)}", by: visitor)
                #expect(free.status == 202, "\(free.text)")
            }
            let array = await house.ask(
                .post, "/jobs", "[{\"kind\":\"free\"},{\"kind\":\"shut\",\(member)}]", by: .asker)
            #expect(array.status == 403)
            #expect(array.json?["error"]?["index"]?.json.description == "1")
            let plain = await house.ask(
                .post, "/jobs",
                #"{"kind":"shut","subject":"s","key":"k","args":{"n":1},"attempts":2,"meta":{"a":1}}"#,
                by: .asker)
            #expect(plain.status == 202, "\(plain.text)")
        }
    }

    @Test("H1: a job of an array that may not be asked for keeps the whole array out")
    func arrays() async throws {
        try await withAskingHouse { house in
            let before = try await house.store.lastNumber()
            let answer = await house.ask(
                .post, "/jobs", #"[{"kind":"producer-reader"},{"kind":"nobody-asker"}]"#, by: .asker)
            #expect(answer.status == 403 && answer.code == "kind_forbidden")
            #expect(try await house.store.lastNumber() == before)
        }
    }

    @Test("H1: kinds that a caller may not ask for are named neither in the error nor in /openapi.json")
    func names() async throws {
        try await withAskingHouse { house in
            let told = await house.ask(.post, "/jobs", #"{"kind":"nope"}"#, by: .asker)
            #expect(told.status == 400 && told.code == "unknown_kind")
            #expect(told.text.contains("The kinds are: producer-asker, producer-reader."))
            let money = await house.ask(.post, "/jobs", #"{"kind":"nope"}"#, by: .money)
            #expect(money.text.contains("The kinds are: money-money."))
            let document = await house.ask(.get, "/openapi.json", by: .none).text
            #expect(document.contains("producer-asker") && document.contains("money-money"))
            #expect(!document.contains("nobody-"))
        }
    }

    @Test("a caller that asks for a live subject sees its job and may not cancel it; who made it may")
    func joined() async throws {
        try await withAskingHouse { house in
            let body = #"{"kind":"producer-asker","subject":"s"}"#
            let id = try #require(await house.ask(.post, "/jobs", body, by: .asker).id)
            #expect(await house.ask(.get, "/jobs/\(id)", by: .producer).status == 404)
            let joined = await house.ask(.post, "/jobs", body, by: .producer)
            #expect(joined.id == id && joined.json?["verdict"]?.string == "joined")
            #expect(await house.ask(.get, "/jobs/\(id)", by: .producer).status == 200)
            #expect(await house.ask(.get, "/jobs?limit=5", by: .producer).text.contains("\"id\":\(id),"))
            let refused = await house.ask(.delete, "/jobs/\(id)", by: .producer)
            #expect(refused.status == 403 && refused.code == "not_yours")
            #expect(await house.ask(.delete, "/jobs/\(id)", by: .asker).status == 200)
            #expect(await house.ask(.get, "/jobs/\(id)", by: .asker).state == "cancelled")
        }
    }

    @Test("the jobs of an array are its caller's, plain ones and those with subjects")
    func many() async throws {
        try await withAskingHouse { house in
            let one = #"{"kind":"producer-asker"}"#
            let plain = Array(repeating: one, count: 20).joined(separator: ",")
            let answer = await house.ask(
                .post, "/jobs", "[\(plain),{\"kind\":\"producer-asker\",\"subject\":\"s\"}]", by: .asker)
            #expect(answer.status == 202, "\(answer.text)")
            let own: Int = try await house.store.database.run(
                "SELECT count(*) FROM motorpool.askers a JOIN motorpool.jobs j ON j.id = a.job WHERE a.made AND a.caller = 'the-asker'"
            )[0].get(0)
            #expect(own == 21)
            #expect(await house.ask(.get, "/jobs", by: .asker).text.contains("\"subject\":\"s\""))
            #expect(await house.ask(.get, "/jobs", by: .producer).json?["jobs"]?.elementCount == 0)
        }
    }

    @Test("a token that names kinds asks for them and sees them, and no others")
    func tokenKinds() async throws {
        let (secret, token) = Token.new(name: "narrow", role: .producer, kinds: ["producer-reader"])
        let read = try #require(Token(text: token.line))
        #expect(read == token)
        try await withAskingHouse(extra: [token]) { house in
            let narrow = AskingHouse(
                store: house.store, front: house.front, secrets: [.asker: secret, .producer: secret])
            #expect(
                await narrow.ask(.post, "/jobs", #"{"kind":"producer-reader"}"#, by: .asker).status == 202)
            let other = await narrow.ask(.post, "/jobs", #"{"kind":"producer-asker"}"#, by: .asker)
            #expect(other.status == 403 && other.code == "kind_forbidden", "\(other.text)")
            let job = try await house.store.enqueue(NewJob("nobody-reader")).job
            #expect(await house.ask(.get, "/jobs/\(job)", by: .producer).status == 200)
            #expect(await narrow.ask(.get, "/jobs/\(job)", by: .producer).status == 404)
            #expect(await narrow.ask(.get, "/jobs", by: .asker).json?["jobs"]?.elementCount == 1)
        }
    }

    @Test("an operator's token that names kinds opens no page of operators")
    func narrowOperator() async throws {
        let (secret, token) = Token.new(name: "narrow", role: .operator, kinds: ["producer-reader"])
        try await withAskingHouse(extra: [token]) { house in
            let narrow = AskingHouse(store: house.store, front: house.front, secrets: [.operator: secret])
            for path in ["/admin/jobs", "/admin/api/jobs"] {
                #expect(await narrow.ask(.get, path, by: .operator).status == 403)
            }
        }
    }

    @Test("an operator's action on many jobs leaves those of money kinds")
    func bulk() async throws {
        try await withAskingHouse { house in
            let money = try await house.store.enqueue(NewJob("money-money")).job
            let plain = try await house.store.enqueue(NewJob("nobody-asker")).job
            let shown = await house.ask(.get, "/admin/api/bulk?action=cancel", by: .operator)
            #expect(shown.json?["count"]?.json.description == "1", "\(shown.text)")
            let changed = try await house.store.act(
                .cancel, on: [money, plain], target: "all", by: Operator(name: "ann"))
            #expect(changed == 1)
            #expect(try await house.store.job(money)?.state == .waiting)
        }
    }

    @Test("callers without a token who are producers share one identity")
    func anonymous() async throws {
        try await withAskingHouse(AskingHouse.definitions, extra: [], { $0.anonymousRole = .producer }) {
            house in
            let id = try #require(
                await house.ask(.post, "/jobs", #"{"kind":"producer-asker"}"#, by: .none).id)
            #expect(await house.ask(.get, "/jobs/\(id)", by: .none).status == 200)
            #expect(await house.ask(.get, "/jobs/\(id)", by: .producer).status == 404)
            let refused = await house.ask(.post, "/jobs", #"{"kind":"operator-asker"}"#, by: .none)
            #expect(refused.status == 403 && refused.code == "kind_forbidden")
            #expect(await house.ask(.delete, "/jobs/\(id)", by: .none).status == 200)
        }
    }
}
