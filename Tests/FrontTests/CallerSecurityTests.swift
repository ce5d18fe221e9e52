import Front
import HTTPServer
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

/// What an attacker reached by posing as a local program, by guessing, and with a cookie that should have ended.
@Suite("Callers who are not who they seem")
struct CallerSecurityTests {
    private let same: Headers = ["Sec-Fetch-Site": "same-origin"]

    // MARK: H2, M6: local callers

    private func request(peer: String, user: UInt32? = nil, headers: Headers = [:]) -> Request {
        var headers = headers
        if headers["Host"] == nil { headers["Host"] = "localhost" }
        return Request(method: .get, path: "/jobs", headers: headers, peer: peer, peerUser: user) {
            _ throws(BodyError) in []
        }
    }

    @Test("H2: a program on a loopback address is nobody without a token, whatever it sends")
    func loopback() async throws {
        try await withHouse([Definition(kind: "note")], { $0.trustsLoopback = false }) { house in
            for peer in ["127.0.0.1", "::1", "127.9.9.9"] {
                #expect(await house.front.handle(request(peer: peer)).status == 401, "\(peer)")
            }
        }
    }

    @Test(
        "M6: over a unix socket the user decides: the front's own may enqueue, others and unknown ones may not"
    )
    func unixSocket() async throws {
        try await withHouse([Definition(kind: "note")], { $0.localUsers = [1234] }) { house in
            #expect(await house.front.handle(request(peer: "unix", user: 1234)).status == 200)
            #expect(await house.front.handle(request(peer: "unix", user: 1235)).status == 401)
            #expect(await house.front.handle(request(peer: "unix", user: nil)).status == 401)
            let forwarded = request(peer: "unix", user: 1234, headers: ["X-Forwarded-For": "192.0.2.1"])
            #expect(await house.front.handle(forwarded).status == 401, "a proxy speaks for others")
        }
    }

    @Test(
        "L2: only this machine's names are local names",
        arguments: [
            ("localhost", 200), ("localhost:8000", 200), ("127.0.0.1:8000", 200), ("[::1]:8000", 200),
            ("[::1]", 200),
            ("LOCALHOST", 200), ("127.0.0.1%evil.example", 401), ("[::1%evil.example]", 401),
            ("[::1]evil.example", 401), ("[::1", 401), ("localhost:8000:9", 401), ("localhost:x", 401),
            ("[localhost]", 401), ("localhost.", 401), ("evil.example", 401), ("", 401),
        ])
    func hosts(host: String, status: Int) async throws {
        try await withHouse { house in
            let answer = await house.front.handle(request(peer: "127.0.0.1", headers: ["Host": host]))
            #expect(answer.status == status, "\(host)")
        }
    }

    // MARK: M3, L12, L13: guesses

    @Test(
        "M3: wrong tokens of one address never keep the right one out, neither of programs nor of the dashboard"
    )
    func rightTokenPasses() async throws {
        try await withDeskHouse { house in
            for _ in 0..<20 {
                _ = await house.ask(.get, "/jobs", bearer: "wrong")
                _ = await house.ask(.post, "/admin/login", form: [("token", "wrong")], headers: same)
            }
            #expect(await house.ask(.get, "/jobs", bearer: "wrong").status == 429)
            #expect(await house.ask(.get, "/jobs", bearer: house.secret).status == 200)
            let wrong = await house.ask(.post, "/admin/login", form: [("token", "wrong")], headers: same)
            #expect(wrong.status == 429 && wrong.headers["Retry-After"] != nil)
            _ = try await house.logIn()
        }
    }

    @Test("M3: guesses of programs don't use up those of the dashboard")
    func apart() async throws {
        try await withDeskHouse { house in
            for _ in 0..<20 { _ = await house.ask(.get, "/jobs", bearer: "wrong") }
            let first = await house.ask(.post, "/admin/login", form: [("token", "wrong")], headers: same)
            #expect(first.status == 403)
        }
    }

    @Test("L12: a route that needs no token ignores a foreign Authorization, however often")
    func foreignAuthorization() async throws {
        try await withHouse { house in
            for _ in 0..<50 {
                let answer = await house.ask(.get, "/docs", headers: ["Authorization": "Bearer eyJ.x.y"])
                #expect(answer.status == 200)
            }
            let right = await house.ask(.get, "/jobs", headers: ["Authorization": "Bearer eyJ.x.y"])
            #expect(right.status == 401, "none of them was charged as a guess")
        }
    }

    @Test("L13: wrong tokens stand in the audit ledger, with their address, and only a few a minute")
    func noted() async throws {
        try await withDeskHouse { house in
            for host in 1...100 {
                _ = await house.ask(.get, "/jobs", bearer: "wrong", peer: "192.0.2.\(host)")
            }
            _ = await house.ask(
                .post, "/admin/login", form: [("token", "wrong")], headers: same, peer: "198.51.100.1")
            let entries = try await house.store.audit(limit: 200).filter { $0.action == "wrong token" }
            #expect((30...40).contains(entries.count), "\(entries.count)")
            #expect(entries.allSatisfy { $0.address?.hasPrefix("192.0.2.") == true })
            #expect(entries.allSatisfy { $0.actor == "public" })
        }
    }

    // MARK: M4, L1, L6: sessions

    @Test("M4: log-out ends the session at once and in every process")
    func logOutEnds() async throws {
        try await withDeskHouse { house in
            let cookie = try await house.logIn()
            let other = try await house.logIn()
            #expect(try await house.post("/admin/logout", cookie: cookie).status == 303)
            #expect(await house.ask(.get, "/admin/queues", cookie: cookie).status == 303, "to the log-in")
            let desk = Desk(store: house.store, tokens: house.desk.tokens)
            try await desk.loadKey()
            var settings = FrontSettings()
            settings.tokens = desk.tokens
            let twin = DeskHouse(
                store: house.store, desk: desk,
                front: Front(store: house.store, settings: settings, more: desk.routes, page: desk.face),
                secret: "", readerSecret: "", database: house.database)
            #expect(await twin.ask(.get, "/admin/queues", cookie: cookie).status == 303)
            #expect(
                await twin.ask(.get, "/admin/queues", cookie: other).status == 200, "another session goes on")
        }
    }

    @Test("M4: an hour without use ends a session; use within it does not")
    func idle() async throws {
        try await withDeskHouse { house in
            let cookie = try await house.logIn()
            try await house.store.database.run(
                "UPDATE motorpool.sessions SET seen_at = now() - interval '59 minutes'")
            #expect(await house.ask(.get, "/admin/queues", cookie: cookie).status == 200)
            let rows = try await house.store.database.run(
                "SELECT count(*) FROM motorpool.sessions WHERE seen_at > now() - interval '1 minute'")
            #expect(try rows[0].get(0, as: Int64.self) == 1, "its use is noted")
            try await house.store.database.run(
                "UPDATE motorpool.sessions SET seen_at = now() - interval '61 minutes'")
            #expect(await house.ask(.get, "/admin/queues", cookie: cookie).status == 303)
        }
    }

    @Test("M4: an operator ends one session by its number, which is noted, and the others go on")
    func endOne() async throws {
        try await withDeskHouse { house in
            let mine = try await house.logIn()
            let stolen = try await house.logIn()
            let list = await house.ask(.get, "/admin/sessions", cookie: mine)
            #expect(list.status == 200 && list.text.contains("/admin/sessions/2/end"))
            #expect(try await house.post("/admin/sessions/2/end", cookie: mine).status == 303)
            #expect(await house.ask(.get, "/admin", cookie: stolen).status == 303)
            #expect(await house.ask(.get, "/admin", cookie: mine).status == 200)
            #expect(try await house.store.audit(limit: 1).first?.action == "end session")
            let again = try await house.post("/admin/sessions/2/end", cookie: mine)
            #expect(again.headers["Location"]?.contains("flash=nothing") == true)
            let api = await house.ask(.post, "/admin/api/sessions/1/end", bearer: house.secret)
            #expect(api.status == 200)
            #expect(await house.ask(.get, "/admin", cookie: mine).status == 303)
        }
    }

    @Test("M4: a session whose row was removed, or that the database never had, is none")
    func unknownRow() async throws {
        try await withDeskHouse { house in
            let cookie = try await house.logIn()
            try await house.store.database.run("DELETE FROM motorpool.sessions")
            #expect(await house.ask(.get, "/admin", cookie: cookie).status == 303)
        }
    }

    @Test("L1: a session opens the operators' pages alone: a job is not enqueued by its cookie")
    func cookieElsewhere() async throws {
        try await withDeskHouse { house in
            let cookie = try await house.logIn()
            for headers in [same, ["Sec-Fetch-Site": "cross-site"], [:]] as [Headers] {
                let answer = await house.ask(
                    .post, "/jobs", cookie: cookie, form: [("kind", "note")], headers: headers)
                #expect(answer.status == 401)
            }
            #expect(await house.ask(.get, "/jobs", cookie: cookie).status == 401)
        }
    }

    @Test(
        "L6: over TLS the cookie has the prefix that keeps plain pages from setting it, and it is read first")
    func securePrefix() async throws {
        try await withDeskHouse { house in
            let answer = await house.ask(
                .post, "/admin/login", form: [("token", house.secret)],
                headers: ["Sec-Fetch-Site": "same-origin", "X-Forwarded-Proto": "https"])
            let field = try #require(answer.headers["Set-Cookie"])
            #expect(field.hasPrefix("__Secure-motorpool_desk=") && field.contains("; Secure"))
            let cookie = String(field.prefix { $0 != ";" })
            #expect(await house.ask(.get, "/admin", cookie: cookie).status == 200)
        }
    }

    @Test("L6: an unknown path below /admin is told as a page, with a page's headers")
    func unknownPage() async throws {
        try await withDeskHouse { house in
            let answer = await house.ask(.get, "/admin/nothing")
            #expect(answer.status == 404)
            #expect(answer.headers["Content-Security-Policy"]?.contains("default-src 'none'") == true)
            #expect(answer.headers["Content-Type"]?.hasPrefix("text/html") == true)
            let api = await house.ask(.get, "/admin/api/nothing")
            #expect(api.headers["Content-Type"]?.hasPrefix("application/") == true)
        }
    }

    // MARK: L5: what a link can make a page say

    @Test(
        "L5: a link can't make a page say that something was done",
        arguments: [
            "cancel.999999", "cancel.5.0000000000000000", "paused", "paused.", "queued.ffffffffffffffff",
        ])
    func flash(code: String) async throws {
        try await withDeskHouse { house in
            let cookie = try await house.logIn()
            let page = await house.ask(.get, "/admin/jobs?flash=\(code)", cookie: cookie)
            #expect(page.status == 200 && !page.text.contains("class=\"flash\""))
        }
    }

    @Test("what was done is said on the page that follows")
    func sealed() async throws {
        try await withDeskHouse { house in
            let cookie = try await house.logIn()
            let done = try await house.post("/admin/queues/default/pause", cookie: cookie)
            let page = await house.ask(.get, try #require(done.headers["Location"]), cookie: cookie)
            #expect(page.text.contains("class=\"flash\""))
        }
    }

    // MARK: M9: event streams

    @Test("M9: one caller has a share of the event streams, and others still get theirs")
    func streams() async throws {
        try await withHouse(
            [Definition(kind: "note")],
            {
                $0.streamsPerCallerMax = 3
                $0.anonymousRole = .reader
                $0.trustedProxies = [AddressRange("10.0.0.0/8")!]
            }
        ) { house in
            let job = try await house.store.enqueue(NewJob("note")).job
            var open: [Response] = []
            for _ in 0..<3 { open.append(await events(house, job, "192.0.2.1")) }
            #expect(open.allSatisfy { $0.status == 200 })
            #expect(await events(house, job, "192.0.2.1").status == 503)
            #expect(await events(house, job, "192.0.2.2").status == 200)
            open.removeAll()
            #expect(
                await events(house, job, "192.0.2.1").status == 200,
                "a place is free when its stream has ended")
        }
    }

    private func events(_ house: House, _ job: JobID, _ address: String) async -> Response {
        await house.front.handle(
            Request(
                method: .get, path: "/jobs/\(job)/events",
                headers: ["Host": "localhost", "X-Forwarded-For": address], peer: "10.0.0.1"
            ) { _ throws(BodyError) in [] })
    }
}
