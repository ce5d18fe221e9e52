import Front
import HTTPServer
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

/// What callers without a token may cost, and what they are told.
@Suite("A stranger")
struct StrangerTests {
    private static let budget = 8 << 20

    @Test("an anonymous producer at full rate writes no more than the day's budget, over all fronts (M2)")
    func producer() async throws {
        try await withHouse(
            [Definition(kind: "note")],
            {
                $0.anonymousBytesMax = StrangerTests.budget
                $0.anonymousWrites = Rate(count: 100_000, per: .seconds(1), burst: 100_000)
            }
        ) { house in
            let other = House(
                database: house.database, store: house.store,
                front: Front(store: house.store, settings: house.front.settings), secrets: house.secrets,
                events: house.events)
            let before = try await size(house)
            var accepted = 0
            var refused: House.Answer?
            // Far more than fits: each is a quarter of a megabyte that does not compress.
            for number in 0..<80 {
                let args = String(
                    (0..<250_000).map { _ in "0123456789abcdefghijklmnopqrstuv".randomElement()! })
                let body = #"{"kind":"note","args":{"text":"\#(args)"}}"#
                let answer = await (number % 2 == 0 ? house : other).ask(.post, "/jobs", body)
                if answer.status == 202 { accepted += body.utf8.count } else { refused = answer }
                try await end(house)
            }
            let refusal = try #require(refused)
            #expect(refusal.status == 503)
            #expect(refusal.code == "anonymous_budget")
            #expect(refusal.header("Retry-After").flatMap { Int($0) }.map { 1...86_400 ~= $0 } == true)
            #expect(accepted > StrangerTests.budget / 4, "half of the budget is there for producers")
            #expect(accepted <= StrangerTests.budget / 2)
            let growth = try await size(house) - before
            print("M2: \(accepted) bytes accepted, the database grew by \(growth)")
            // Live rows and their history, each once, and what PostgreSQL keeps free.
            #expect(growth <= Int64(StrangerTests.budget) * 2)
            _ = try await house.put(as: .producer)
        }
    }

    @Test("the history of an anonymous caller's job goes after a day, and that of others stays (M2)")
    func history() async throws {
        try await withHouse { house in
            let strange = try await house.put()
            let known = try await house.put(as: .producer)
            try await end(house)
            let settled = { try await house.store.retain(historyDays: 14, keyHours: 24, deadDays: 30) }
            #expect(try await settled().strangersForgotten == 0)
            await house.expectKnown(strange)
            try await house.store.database.run(
                "UPDATE motorpool.guests_left SET left_at = now() - interval '25 hours'")
            #expect(try await settled().strangersForgotten == 1)
            #expect(await house.ask(.get, "/jobs/\(strange)", as: .operator).status == 410)
            await house.expectKnown(known)
            try await house.expect("guests_left", count: 0)
        }
    }

    @Test(
        "a refusal is not for ever: the next day has its own bytes, and smaller requests may still fit (M2)")
    func days() async throws {
        let (day, now) = (Lock(0), Lock<[Int: Int]>([:]))
        let budget = AnonymousBudget(bytesMax: 2000) { _, bytes, max in
            let today = day.withLock { $0 }
            return now.withLock { taken in
                guard taken[today, default: 0] + bytes <= max else { return (false, .seconds(60)) }
                taken[today, default: 0] += bytes
                return (true, .seconds(60))
            }
        }
        try await budget.charge(900, to: .orders)
        await #expect(throws: Problem.self) { try await budget.charge(200, to: .orders) }
        try await budget.charge(50, to: .orders)
        day.withLock { $0 = 1 }
        try await eventually("the refusal is believed for a second") {
            do {
                try await budget.charge(200, to: .orders)
                return true
            } catch is Problem { return false }
        }
    }

    @Test("the version and the operators' API are told to those who have a token for them (L11)")
    func told() async throws {
        try await withHouse(
            [Definition(kind: "note")], { $0.version = "7.7.7" },
            { house in
                #expect(await house.ask(.get, "/health").json?["version"] == nil)
                #expect(await house.ask(.get, "/health", as: .reader).json?["version"]?.string == "7.7.7")
                for path in ["/openapi.json", "/docs"] {
                    let stranger = await house.ask(.get, path)
                    #expect(!stranger.text.contains("7.7.7"), "\(path)")
                    #expect(stranger.header("Vary") == "Authorization")
                    #expect(await house.ask(.get, path, as: .reader).text.contains("7.7.7"), "\(path)")
                }
            })
    }

    @Test(
        "security.txt has a contact and an end within a year where one is configured, and is not there else (L11)"
    )
    func securityText() async throws {
        try await withHouse { house in
            #expect(await house.ask(.get, "/.well-known/security.txt").status == 404)
        }
        try await withHouse([], { $0.securityContacts = ["mailto:security@example.org"] }) { house in
            let answer = await house.ask(.get, "/.well-known/security.txt")
            #expect(answer.status == 200)
            #expect(answer.header("Content-Type") == "text/plain; charset=utf-8")
            let lines = answer.text.split(separator: "\n")
            #expect(lines.first == "Contact: mailto:security@example.org")
            let expiry = lines.first { $0.hasPrefix("Expires: ") }.map { String($0.dropFirst(9)) }
            let row = try await house.store.database.run(
                "SELECT \(expiry)::text::timestamptz BETWEEN now() + interval '1 month' AND now() + interval '1 year'"
            )
            #expect(try row[0].get(0, as: Bool.self))
        }
    }

    private func size(_ house: House) async throws -> Int64 {
        try await house.store.database.run("SELECT pg_database_size(current_database())")[0].get(0)
    }

    /// Every live job ends well.
    private func end(_ house: House) async throws {
        try await house.store.database.run(
            """
            WITH gone AS (DELETE FROM motorpool.jobs j RETURNING j)
            SELECT motorpool.depart(j, 'done', NULL, NULL, NULL) FROM gone
            """)
    }
}

extension House {
    fileprivate func expectKnown(_ job: JobID) async {
        #expect(await ask(.get, "/jobs/\(job)", as: .reader).status == 200)
    }
}
