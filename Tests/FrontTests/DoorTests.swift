import Crypto
import Front
import HTTPServer
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

@Suite struct DoorTests {
    /// Every cell of the table of routes and roles: a route that was added without thought shows here.
    @Test("each route lets in the roles that suffice, and nobody else")
    func roles() async throws {
        try await withHouse([Definition(kind: "note")], { $0.localRole = .anyone }) { house in
            let callers: [Role?] = [nil] + Role.allCases.filter { $0 != .anyone }
            for route in house.front.router.routes {
                let path = route.pattern.split(separator: "{").enumerated()
                    .map {
                        $0.offset == 0 ? String($0.element) : "1" + $0.element.drop { $0 != "}" }.dropFirst()
                    }.joined()
                for caller in callers {
                    let answer = await house.ask(route.method, path, "{}", as: caller)
                    let isLetIn = route.admits(caller ?? .anyone)
                    let expected = isLetIn ? nil : caller == nil ? 401 : 403
                    let told = [401, 403].contains(answer.status) ? answer.status : nil
                    #expect(
                        told == expected, "\(route.method) \(route.pattern) for \(String(describing: caller))"
                    )
                }
            }
        }
    }

    @Test("only what is documented to be open to anyone is")
    func open() {
        let open = Front.routes.filter { $0.role == .anyone }.map(\.pattern)
        #expect(
            open == [
                "/health", "/health/live", "/health/ready", "/", "/openapi.json", "/docs", "/docs/style.css",
                "/.well-known/security.txt",
            ])
        #expect(Front.routes.allSatisfy { $0.cors == .none })
        #expect(Front.routes.allSatisfy { $0.method.isSafe || $0.role != .anyone })
    }

    @Test(
        "a token that is none is refused, and guessing is slow",
        arguments: [
            "Bearer", "Bearer x", "Basic YTpi", "mp_x", "Bearer a b", "bearer \u{e9}",
        ])
    func tokens(_ authorization: String) async throws {
        try await withHouse { house in
            let answer = await house.ask(.get, "/jobs", headers: ["Authorization": authorization])
            #expect(answer.status == 401)
            #expect(answer.header("WWW-Authenticate")?.hasPrefix("Bearer") == true)
            #expect(!answer.text.contains("mp_x"))
            for _ in 0..<10 { await house.ask(.get, "/jobs", headers: ["Authorization": authorization]) }
            let slowed = await house.ask(.get, "/jobs", headers: ["Authorization": authorization])
            #expect(slowed.status == 429)
            #expect(await house.ask(.get, "/health", headers: ["Authorization": authorization]).status == 200)
            #expect(await house.ask(.get, "/jobs", as: .reader).status == 200, "who has one is not kept out")
        }
    }

    @Test(
        "whoever is on this machine is trusted only without a proxy and by a name of this machine",
        arguments: [
            ([:], "127.0.0.1", 200), (["Host": "localhost:8000"], "127.0.0.1", 200),
            (["Host": "[::1]:8000"], "::1", 200),
            (["Host": "evil.example:8000"], "127.0.0.1", 401),
            (["X-Forwarded-For": "127.0.0.1"], "127.0.0.1", 401),
            (["Forwarded": "for=127.0.0.1"], "127.0.0.1", 401), ([:], "192.0.2.7", 401),
            ([:], "::ffff:192.0.2.7", 401),
            (["Sec-Fetch-Site": "cross-site"], "127.0.0.1", 403),
        ] as [([String: String], String, Int)])
    func local(_ fields: [String: String], _ peer: String, _ status: Int) async throws {
        try await withHouse { house in
            var headers = Headers()
            for (name, value) in fields { headers.add(name, value) }
            #expect(await house.ask(.get, "/jobs", headers: headers, peer: peer).status == status)
        }
    }

    @Test(
        "a page of another site can't make a browser ask for jobs",
        arguments: [
            ["Sec-Fetch-Site": "cross-site"], ["Sec-Fetch-Site": "same-site"],
            ["Origin": "https://evil.example", "Host": "127.0.0.1:8000"],
            ["Origin": "null", "Host": "127.0.0.1:8000"],
        ])
    func forgery(_ fields: [String: String]) async throws {
        try await withHouse { house in
            var headers: Headers = ["Content-Type": "text/plain"]
            for (name, value) in fields { headers.add(name, value) }
            let answer = await house.ask(.post, "/jobs", #"{"kind":"note"}"#, headers: headers)
            #expect(answer.status == 403)
            try await house.expect("jobs", count: 0)
            #expect(answer.header("Access-Control-Allow-Origin") == nil)
            let same: Headers = [
                "Origin": "http://127.0.0.1:8000", "Host": "127.0.0.1:8000", "Sec-Fetch-Site": "same-origin",
            ]
            #expect(await house.ask(.post, "/jobs", #"{"kind":"note"}"#, headers: same).status == 202)
        }
    }

    @Test("an address has its share, and forged headers give no more")
    func limits() async throws {
        try await withHouse(
            [Definition(kind: "note")], { $0.anonymousReads = Rate(count: 1, per: .seconds(3600), burst: 10) }
        ) { house in
            var answers: [Int] = []
            for turn in 0..<12 {
                answers.append(
                    await house.ask(.get, "/docs", headers: ["X-Forwarded-For": "192.0.2.\(turn)"]).status)
            }
            #expect(answers == [Int](repeating: 200, count: 10) + [429, 429])
            let refused = await house.ask(.get, "/docs")
            #expect(refused.header("Retry-After").flatMap { Int($0) } ?? 0 > 0)
            #expect(
                await house.ask(.get, "/docs", peer: "192.0.2.1").status == 200, "another address has its own"
            )
            #expect(await house.ask(.get, "/jobs", as: .reader).status == 200, "a token has its own")
            #expect(await house.ask(.get, "/health").status == 200)
        }
    }

    @Test("a trusted proxy tells who asks, and only the last hop that it saw counts")
    func proxies() async throws {
        let rate = Rate(count: 1, per: .seconds(3600), burst: 1)
        try await withHouse(
            [Definition(kind: "note")],
            {
                $0.anonymousReads = rate
                $0.trustedProxies = [AddressRange("10.0.0.0/8")!]
            }
        ) { house in
            func ask(_ hops: String) async -> Int {
                await house.ask(.get, "/docs", headers: ["X-Forwarded-For": hops], peer: "10.1.2.3").status
            }
            #expect(await ask("192.0.2.1") == 200)
            #expect(
                await ask("198.51.100.9, 192.0.2.1") == 429, "what the client wrote himself is not believed")
            #expect(await ask("192.0.2.2, 10.9.9.9") == 200)
            #expect(await ask("192.0.2.2") == 429)
        }
    }

    @Test("callers without a token share a backlog")
    func backlog() async throws {
        try await withHouse([Definition(kind: "note")], { $0.guestJobsMax = 5 }) { house in
            for _ in 0..<5 { _ = try await house.put() }
            let refused = await house.ask(.post, "/jobs", #"{"kind":"note"}"#)
            #expect(refused.status == 503)
            #expect(refused.code == "backlog_full")
            _ = try await house.put(as: .producer)
            let worker = try await house.worker()
            for job in try await house.claim(by: worker) { try await house.settle(job, .finish(result: nil)) }
            _ = try await house.put()
        }
    }

    @Test("an unknown path, a wrong method and OPTIONS are answered as such")
    func paths() async throws {
        try await withHouse([], { $0.securityContacts = ["mailto:a@example.org"] }) { house in
            #expect(await house.ask(.get, "/nothing").code == "not_found")
            #expect(await house.ask(.get, "/jobs/").status == 404)
            #expect(await house.ask(.get, "//jobs").status == 404)
            #expect(await house.ask(.get, "/jobs/%2e%2e").status == 404)
            #expect(await house.ask(.get, "/jobs/%00").status == 404)
            let wrong = await house.ask(.put, "/jobs")
            #expect(wrong.status == 405)
            #expect(wrong.header("Allow") == "POST, GET, HEAD, OPTIONS")
            let options = await house.ask(
                .options, "/jobs",
                headers: ["Origin": "https://a.example", "Access-Control-Request-Method": "POST"])
            #expect(options.status == 204)
            #expect(options.header("Allow") == "POST, GET, HEAD, OPTIONS")
            #expect(options.header("Access-Control-Allow-Origin") == nil)
            #expect(await house.ask(.options, "/nothing").status == 404)
            for route in Front.routes
            where route.method == .get && !route.pattern.contains("{") && route.pattern != "/conditions" {
                let status = await house.ask(.head, route.pattern).status
                #expect([200, 307].contains(status), "HEAD \(route.pattern) answered \(status)")
            }
        }
    }

    @Test("a database that is away is told at once and without its words")
    func away() async throws {
        try await withHouse { house in
            await house.store.close()
            for (method, path) in [
                (Method.get, "/jobs"), (.get, "/jobs/1"), (.post, "/jobs"), (.get, "/health/ready"),
            ] {
                let answer = await house.ask(method, path, #"{"kind":"note"}"#)
                #expect(answer.status == 503)
                #expect(answer.header("Retry-After") != nil)
                #expect(!answer.text.contains("postgres"))
            }
            #expect(await house.ask(.get, "/health").status == 200)
            let metrics = await house.ask(.get, "/metrics")
            #expect(metrics.status == 200)
            #expect(metrics.text.contains("motorpool_database_up 0"))
        }
    }

    @Test("a request's name is taken when it is sane, and made otherwise")
    func requestIDs() async throws {
        try await withHouse { house in
            #expect(
                await house.ask(.get, "/health", headers: ["X-Request-Id": "abc-1"]).header("X-Request-Id")
                    == "abc-1")
            for odd in ["a b", "", "é", String(repeating: "x", count: 65), "a\"b"] {
                let answer = await house.ask(.get, "/nothing", headers: ["X-Request-Id": odd])
                let id = try #require(answer.header("X-Request-Id"))
                #expect(id != odd && id.count == 16)
                #expect(answer.problem("request_id") == id)
            }
            #expect(house.events.withLock { $0.count } == 6)
        }
    }

    @Test(
        "what comes from outside into a query is a value and never a statement",
        arguments: [
            "'", "\"", "';DROP TABLE motorpool.jobs;--", "1 OR 1=1", "\\'", "%' OR '1'='1", "$1", "${jndi:x}",
            "\u{202e}", "\u{0}", "null",
            "1);SELECT pg_sleep(9)--", "0x27", "{{7*7}}", "../../etc/passwd",
            String(repeating: "a", count: 600),
        ])
    func injection(_ text: String) async throws {
        try await withHouse { house in
            _ = try await house.put()
            let value = PercentText.encoded(text)
            for path in [
                "/jobs?kind=\(value)", "/jobs?queue=\(value)", "/jobs?subject=\(value)",
                "/jobs?before=\(value)", "/jobs?state=\(value)",
                "/jobs/\(value)", "/conditions?kind=\(value)&subject=\(value)", "/jobs?\(value)=1",
            ] {
                let answer = await house.ask(.get, path)
                #expect(
                    [200, 400, 404].contains(answer.status),
                    "\(path) answered \(answer.status): \(answer.text)")
            }
            let quoted = JSON.quoted(text)
            for member in ["kind", "subject", "queue", "limit_key", "key", "priority", "run_at", "delay"] {
                let body =
                    member == "kind" ? "{\"kind\":\(quoted)}" : "{\"kind\":\"note\",\"\(member)\":\(quoted)}"
                let answer = await house.ask(.post, "/jobs", body)
                #expect(
                    [202, 400].contains(answer.status), "\(member) answered \(answer.status): \(answer.text)")
            }
            try await house.expect("kinds", count: 1)
        }
    }
}
