import Glibc
import Platform
import TestSupport
import Testing
import World

extension WebTests {
    /// Where requests may go. The canary listens on 127.0.0.1 and ::1, and must never hear a step.
    @Suite("Reach")
    struct Reach {
        /// CANARY stands for the port that listens. None of them may lead anywhere.
        static let inner = [
            "http://127.0.0.1:CANARY/", "http://127.1:CANARY/", "http://127.0.1:CANARY/",
            "http://2130706433:CANARY/",
            "http://0x7f000001:CANARY/", "http://0x7f.1:CANARY/", "http://0x7f.0x0.0x0.0x1:CANARY/",
            "http://0177.0.0.1:CANARY/", "http://017700000001:CANARY/", "http://0177.1:CANARY/",
            "http://127.0.0.1.:CANARY/", "http://0:CANARY/", "http://0.0.0.0:CANARY/",
            "http://127.255.255.254:CANARY/",
            "http://localhost:CANARY/", "http://localhost.:CANARY/", "http://LOCALHOST:CANARY/",
            "http://LocalHost:CANARY/", "http://foo.localhost:CANARY/",
            "http://%6c%6f%63%61%6c%68%6f%73%74:CANARY/",
            "http://127.0.0.1%2f:CANARY/", "http://%31%32%37.0.0.1:CANARY/",
            "http://[::1]:CANARY/", "http://[::]:CANARY/", "http://[0:0:0:0:0:0:0:1]:CANARY/",
            "http://[::ffff:127.0.0.1]:CANARY/", "http://[::ffff:7f00:1]:CANARY/",
            "http://[::127.0.0.1]:CANARY/",
            "http://[64:ff9b::7f00:1]:CANARY/", "http://[2002:7f00:1::]:CANARY/", "http://[fe80::1]:CANARY/",
            "http://[fe80::1%25lo]:CANARY/", "http://[fd00::1]:CANARY/", "http://[ff02::1]:CANARY/",
            "http://[::ffff:169.254.169.254]:CANARY/", "http://169.254.169.254:CANARY/latest/meta-data/",
            "http://2852039166:CANARY/", "http://10.0.0.1:CANARY/", "http://172.16.0.1:CANARY/",
            "http://192.168.0.1:CANARY/", "http://100.64.0.1:CANARY/", "http://198.18.0.1:CANARY/",
            "http://224.0.0.1:CANARY/", "http://255.255.255.255:CANARY/", "http://240.0.0.1:CANARY/",
            "http://127。0。0。1:CANARY/", "http://127．0．0．1:CANARY/", "http://127｡0｡0｡1:CANARY/",
            "http://①②⑦.⓪.⓪.①:CANARY/", "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:CANARY/",
            "http://user@127.0.0.1:CANARY/", "http://public.test:80@127.0.0.1:CANARY/",
            "http://public.test#@127.0.0.1:CANARY/", "http://public.test\\@127.0.0.1:CANARY/",
            "http://127.0.0.1:CANARY#@public.test/", "http://127.0.0.1:CANARY\\@public.test/",
            "http:127.0.0.1:CANARY/", "http:/127.0.0.1:CANARY/", "http:///127.0.0.1:CANARY/",
            "HTTP://127.0.0.1:CANARY/", "https://127.0.0.1:CANARY/", "//127.0.0.1:CANARY/",
            "127.0.0.1:CANARY/",
            "ftp://127.0.0.1:CANARY/", "gopher://127.0.0.1:CANARY/_x", "dict://127.0.0.1:CANARY/d:x",
            "file:///etc/passwd", "file://127.0.0.1/etc/passwd", "data:text/plain,x", "javascript:alert(1)",
            "ldap://127.0.0.1:CANARY/",
            "http://127.0.0.1:CANARY/\r\nHost: x", "http://127.0.0.1 :CANARY/", " http://127.0.0.1:CANARY/",
            "",
            "http://", "http://:CANARY/", "http://192.0.0.170:CANARY/", "http://[2001:db8::1]:CANARY/",
            "http://[2001::1]:CANARY/", "http://[::1:CANARY/", "http://a:b:CANARY/",
        ]

        /// A listener on both loopbacks that counts who comes.
        private func withCanary<T>(_ body: (_ port: Int, _ count: () -> Int) async throws -> T) async throws
            -> T
        {
            let canary = try LoopbackHost(.ok("canary"))
            let six = try? LoopbackHost(on: "::1", port: canary.port) { _ in [.ok("canary")] }
            defer {
                canary.stop()
                six?.stop()
            }
            return try await body(canary.port) { canary.connections + (six?.connections ?? 0) }
        }

        @Test("no spelling of an inner address is asked, though its port is open to public addresses")
        func spellings() async throws {
            try await withCanary { port, count in
                try await withWeb({
                    $0.reach = .publicInternet()
                    $0.publicPorts = [port, 80, 443]
                }) { web in
                    for form in Self.inner {
                        let address = form.replacing("CANARY", with: "\(port)")
                        let error = await failure(web, question(address) { $0.timeLimit = .seconds(3) })
                        switch error {
                        // A form may also be no name at all.
                        case .refusedAddress, .badURL, .dns: break
                        default: #expect(Bool(false), "\(form): \(String(describing: error))")
                        }
                    }
                }
                #expect(count() == 0)
                #expect(Self.inner.count >= 80)
            }
        }

        @Test("no redirect leads to one of them")
        func redirects() async throws {
            try await withCanary { port, count in
                let host = try LoopbackHost(on: "127.0.0.2") { question in
                    let index = Int(question.target.dropFirst()) ?? 0
                    return [.redirect(302, to: Self.inner[index].replacing("CANARY", with: "\(port)"))]
                }
                let allowed = try #require(NetworkRange("127.0.0.2:\(host.port)"))
                try await withWeb({
                    $0.reach = .publicInternet(besides: [allowed])
                    $0.publicPorts = [port, 80, 443]
                }) { web in
                    // What is not a line of its own, or is an address beside the redirecting one, is none here.
                    for (index, form) in Self.inner.enumerated() {
                        guard !form.contains("\r"), form.contains("://"), !form.hasPrefix(" ") else {
                            continue
                        }
                        let start = "http://127.0.0.2:\(host.port)/\(index)"
                        let error = await failure(web, question(start) { $0.timeLimit = .seconds(3) })
                        switch error {
                        case .refusedAddress, .badURL, .dns: break
                        default: #expect(Bool(false), "\(form): \(String(describing: error))")
                        }
                    }
                }
                #expect(count() == 0)
                #expect(host.questions.count > 60)
            }
        }

        @Test("a name is judged by the address that answers, each time anew")
        func rebinding() async throws {
            try await withCanary { port, count in
                let host = try LoopbackHost(on: "127.0.0.2", port: port) { _ in
                    [.answer(302, [], ["Location: /again", "Connection: close"]), .hangUp]
                }
                let turns = Lock(0)
                let allowed = try #require(NetworkRange("127.0.0.2:\(port)"))
                try await withWeb({
                    $0.reach = .publicInternet(besides: [allowed])
                    $0.publicPorts = [port]
                    $0.resolve = { _, _ in
                        turns.withLock { turn in
                            turn += 1
                            return turn == 1 ? ["127.0.0.2"] : ["127.0.0.1"]
                        }
                    }
                }) { web in
                    let error = await failure(web, question("http://changing.test:\(port)/"))
                    #expect(error == .refusedAddress("changing.test is at 127.0.0.1 port \(port)"))
                }
                #expect(host.questions.count == 1)
                #expect(count() == 0)
            }
        }

        @Test("of several addresses the inner ones are passed over")
        func mixed() async throws {
            try await withCanary { port, count in
                let host = try LoopbackHost(on: "127.0.0.2", port: port) { _ in [.ok("outer")] }
                let allowed = try #require(NetworkRange("127.0.0.2"))
                try await withWeb({
                    $0.reach = .publicInternet(besides: [allowed])
                    $0.resolve = { _, _ in ["127.0.0.1", "127.0.0.2"] }
                }) { web in
                    let answer = try await fetched(web, question("http://two.test:\(port)/"))
                    #expect(answer.text == "outer")
                }
                #expect(host.connections == 1)
                #expect(count() == 0)
            }
        }

        @Test("what an operator names besides is asked, on its port only")
        func besides() async throws {
            let host = try LoopbackHost(on: "127.0.0.3") { _ in [.ok("mine")] }
            let other = try LoopbackHost(on: "127.0.0.3") { _ in [.ok("not mine")] }
            let allowed = try #require(NetworkRange("127.0.0.3:\(host.port)"))
            try await withWeb({ $0.reach = .publicInternet(besides: [allowed]) }) { web in
                let answer = try await fetched(web, question("http://127.0.0.3:\(host.port)/"))
                #expect(answer.text == "mine")
                let error = await failure(web, question("http://127.0.0.3:\(other.port)/"))
                #expect(error == .refusedAddress("127.0.0.3 port \(other.port)"))
                #expect(other.connections == 0)
            }
        }

        @Test("a public address is asked on the ports of the web only")
        func ports() async throws {
            try await withWeb({ $0.reach = .publicInternet() }) { web in
                #expect(
                    await failure(web, question("http://93.184.216.34:22/"))
                        == .refusedAddress("93.184.216.34 port 22"))
            }
        }

        @Test("a proxy of the environment is not used")
        func proxy() async throws {
            let proxy = try LoopbackHost(.ok("proxied"))
            let host = try LoopbackHost(.ok("direct"))
            setenv("http_proxy", "http://127.0.0.1:\(proxy.port)", 1)
            defer { unsetenv("http_proxy") }
            try await withWeb { web in
                let answer = try await fetched(web, question(host.address()))
                #expect(answer.text == "direct")
            }
            #expect(proxy.connections == 0)
        }

        @Test(
            "ranges of addresses are read strictly",
            arguments: [
                "127.1", "127.0.0.1/33", "127.0.0.1:70000", "[::1", "::1/129", "localhost", "", "10.0.0.0/x",
            ])
        func ranges(text: String) { #expect(NetworkRange(text) == nil) }
    }
}
