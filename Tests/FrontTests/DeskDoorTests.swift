import Front
import HTTPServer
import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("The desk's door")
struct DeskDoorTests {
    @Test("is shut for everybody but an operator")
    func roles() async throws {
        try await withDeskHouse { house in
            for route in house.desk.routes where route.role == .operator {
                let path = route.pattern.split(separator: "/").map { $0.hasPrefix("{") ? "1" : String($0) }
                    .joined(separator: "/")
                let nobody = await house.ask(route.method, "/\(path)")
                let isPage = route.isPage && route.method == .get
                #expect(nobody.status == (isPage ? 303 : 401), "\(route.method) \(route.pattern)")
                if isPage { #expect(nobody.headers["Location"] == "/admin/login") }
                let reader = await house.ask(route.method, "/\(path)", bearer: house.readerSecret)
                #expect(reader.status == 403, "\(route.method) \(route.pattern)")
            }
            #expect(
                house.desk.routes.filter { $0.role != .operator }.map(\.pattern).sorted() == [
                    "/admin/icon.svg", "/admin/login", "/admin/login", "/admin/style.css",
                ])
        }
    }

    @Test("tells how to open it when there is no operator")
    func closed() async throws {
        try await withDeskHouse { house in
            let desk = Desk(store: house.store, tokens: TokenBook([]))
            let front = Front(store: house.store, more: desk.routes, page: desk.face)
            let shut = DeskHouse(
                store: house.store, desk: desk, front: front, secret: "", readerSecret: "",
                database: house.database)
            let page = await shut.ask(.get, "/admin/login")
            #expect(page.status == 404 && page.text.contains("motorpool token new"))
            #expect(await shut.ask(.get, "/admin").status == 303)
            let guess = await shut.ask(
                .post, "/admin/login", form: [("token", "x")], headers: ["Sec-Fetch-Site": "same-origin"])
            #expect(guess.status == 404)
        }
    }

    @Test("opens for an operator's token, and for no other")
    func logIn() async throws {
        try await withDeskHouse { house in
            for wrong in ["", "x", house.readerSecret, house.secret + "x"] {
                let answer = await house.ask(
                    .post, "/admin/login", form: [("token", wrong)],
                    headers: ["Sec-Fetch-Site": "same-origin"])
                #expect(answer.status == 403 && answer.headers["Set-Cookie"] == nil)
                #expect(!answer.text.contains(house.readerSecret))
            }
            let cookie = try await house.logIn()
            #expect(await house.ask(.get, "/admin", cookie: cookie).status == 200)
        }
    }

    @Test("lets a few guesses in, and then makes them wait")
    func guesses() async throws {
        try await withDeskHouse { house in
            var statuses: [Int] = []
            for _ in 0..<20 {
                statuses.append(
                    await house.ask(
                        .post, "/admin/login", form: [("token", "guess")],
                        headers: ["Sec-Fetch-Site": "same-origin"]
                    ).status)
            }
            #expect(statuses.first == 403 && statuses.last == 429)
        }
    }

    @Test("hands out a cookie that scripts, other sites and plain HTTP from afar don't get")
    func cookie() async throws {
        try await withDeskHouse { house in
            func field(_ headers: Headers, peer: String = "127.0.0.1") async -> String {
                var headers = headers
                headers["Sec-Fetch-Site"] = "same-origin"
                return await house.ask(
                    .post, "/admin/login", form: [("token", house.secret)], headers: headers, peer: peer
                ).headers["Set-Cookie"] ?? ""
            }
            let near = await field([:])
            #expect(
                near.contains("HttpOnly") && near.contains("SameSite=Strict") && near.contains("Path=/admin"))
            #expect(near.contains("Max-Age=43200") && !near.contains("Secure"))
            #expect(await field(["Host": "farm.example"]).contains("; Secure"))
            #expect(await field(["X-Forwarded-Proto": "https"]).contains("; Secure"))
            #expect(await field([:], peer: "192.0.2.1").contains("; Secure"))
        }
    }

    @Test("knows a forged, a changed, an old and a foreign session")
    func forged() async throws {
        try await withDeskHouse { house in
            let cookie = try await house.logIn()
            let value = cookie.drop { $0 != "=" }.dropFirst()
            let parts = value.split(separator: ".").map(String.init)
            let flipped = parts[2].hasPrefix("0") ? "1" : "0"
            let forgeries = [
                "\(Int64(parts[0], radix: 10).map { $0 + 1 } ?? 0).\(parts[1]).\(parts[2]).ann",
                "\(parts[0]).\(parts[1]).\(flipped)\(parts[2].dropFirst()).ann",
                "\(parts[0]).\(parts[1]).\(parts[2]).bob", "\(parts[0]).\(parts[1]).\(parts[2]).rob",
                "\(parts[0]).00.\(parts[2]).ann", "1.\(parts[1]).\(parts[2]).ann", "", "...", "a.b.c.d",
                String(repeating: "9", count: 5000),
            ]
            for forgery in forgeries {
                let answer = await house.ask(.get, "/admin", cookie: "motorpool_desk=\(forgery)")
                #expect(answer.status == 303, "\(forgery.prefix(80))")
            }
            #expect(
                await house.ask(.get, "/admin", cookie: "motorpool_desk=x; \(cookie)").status == 200,
                "another program of the site can't log out by a cookie of the same name")
            #expect(await house.ask(.get, "/admin", cookie: cookie).status == 200)
        }
    }

    @Test("ends a session after twelve hours, and with its token")
    func ends() async throws {
        try await withDeskHouse { house in
            let cookie = try await house.logIn()
            func status(_ tokens: [Token], after seconds: Int64 = 0) async throws -> Int {
                let desk = Desk(store: house.store, tokens: TokenBook(tokens)) { house.now() + seconds }
                try await desk.loadKey()
                var settings = FrontSettings()
                settings.tokens = desk.tokens
                let front = Front(store: house.store, settings: settings, more: desk.routes, page: desk.face)
                let other = DeskHouse(
                    store: house.store, desk: desk, front: front, secret: "", readerSecret: "",
                    database: house.database)
                return await other.ask(.get, "/admin", cookie: cookie).status
            }
            let tokens = house.desk.tokens.tokens
            #expect(try await status(tokens) == 200)
            #expect(try await status(tokens, after: 12 * 3600 + 1) == 303)
            #expect(try await status([Token.new(name: "ann", role: .operator).token]) == 303)
            #expect(try await status(tokens.filter { $0.name != "ann" }) == 303)
        }
    }

    @Test("lets out who asks, with a form of the session only")
    func logOut() async throws {
        try await withDeskHouse { house in
            let cookie = try await house.logIn()
            let forged = await house.ask(
                .post, "/admin/logout", cookie: cookie, headers: ["Sec-Fetch-Site": "same-origin"])
            #expect(forged.status == 403)
            let out = try await house.post("/admin/logout", cookie: cookie)
            #expect(out.status == 303 && out.headers["Set-Cookie"]?.contains("Max-Age=0") == true)
        }
    }

    @Test("refuses every write that is not from its own pages, and changes nothing")
    func crossSite() async throws {
        try await withDeskHouse { house in
            let cookie = try await house.logIn()
            let other = try await house.logIn()
            let proof = try await house.proof(cookie)
            let foreign = try await house.proof(other)
            let same: Headers = ["Sec-Fetch-Site": "same-origin"]
            let cases: [(String, String?, Headers)] = [
                ("no proof", nil, same), ("empty proof", "", same), ("foreign proof", foreign, same),
                ("cut proof", String(proof.dropLast()), same),
                ("cross-site", proof, ["Sec-Fetch-Site": "cross-site"]),
                ("same site", proof, ["Sec-Fetch-Site": "same-site"]),
                ("by hand", proof, ["Sec-Fetch-Site": "none"]), ("no headers", proof, [:]),
                ("foreign origin", proof, ["Origin": "https://evil.example"]),
                ("null origin", proof, ["Origin": "null"]),
                ("suffixed origin", proof, ["Origin": "http://localhost:8000.evil.example"]),
            ]
            for (name, proof, headers) in cases {
                let answer = await house.ask(
                    .post, "/admin/queues/default/pause", cookie: cookie,
                    form: proof.map { [("proof", $0)] } ?? [("a", "b")],
                    headers: headers)
                #expect(answer.status == 403, "\(name)")
            }
            #expect(try await house.store.pausedQueues().queues.isEmpty)
            let byOrigin = await house.ask(
                .post, "/admin/queues/default/pause", cookie: cookie, form: [("proof", proof)],
                headers: ["Origin": "http://localhost:8000"])
            #expect(byOrigin.status == 303)
            #expect(try await house.store.pausedQueues().queues.count == 1)
        }
    }

    @Test(
        "never writes when it is asked to show",
        arguments: ["/admin/queues/default/pause", "/admin/jobs/1/cancel", "/admin/logout"])
    func reading(path: String) async throws {
        try await withDeskHouse { house in
            let cookie = try await house.logIn()
            #expect(await house.ask(.get, path, cookie: cookie).status == 405)
        }
    }
}
