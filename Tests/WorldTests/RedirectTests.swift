import TestSupport
import Testing
import World

extension WebTests {
    @Suite("Redirects")
    struct Redirects {
        @Test("they are followed hop by hop, and the last address is told")
        func chain() async throws {
            let host = try LoopbackHost { question in
                switch question.target {
                case "/a": [.redirect(301, to: "/b?x=1")]
                case "/b?x=1": [.redirect(302, to: "c/d")]
                case "/c/d": [.redirect(307, to: "../e#f")]
                default: [.ok("end")]
                }
            }
            try await withWeb { web in
                let answer = try await fetched(web, question(host.address("/a")))
                #expect(answer.text == "end" && answer.redirects == 3)
                #expect(answer.address.text == host.address("/e"))
            }
            #expect(host.questions.map(\.target) == ["/a", "/b?x=1", "/c/d", "/e"])
        }

        @Test("a circle ends, and none are followed when none are wanted")
        func circle() async throws {
            let host = try LoopbackHost(.redirect(302, to: "/"))
            try await withWeb { web in
                #expect(await failure(web, question(host.address())) == .tooManyRedirects(max: 5))
                #expect(host.questions.count == 6)
                let answer = try await fetched(web, question(host.address()) { $0.redirectsMax = 0 })
                #expect(answer.status == 302)
            }
        }

        @Test("the body of a redirect costs no more than 64 KiB, and its size no time")
        func body() async throws {
            let host = try LoopbackHost { question in
                guard question.target == "/" else { return [.ok("end")] }
                return [.text("HTTP/1.1 302 So\r\nLocation: /next\r\nContent-Length: 900000000\r\n\r\n")]
                    + Array(repeating: .text(String(repeating: "x", count: 4096)), count: 40)
                    + [.pause(.seconds(30))]
            }
            try await withWeb { web in
                let answer = try await fetched(web, question(host.address()))
                #expect(answer.text == "end")
            }
        }

        @Test(
            "301, 302 and 303 turn a POST into a GET without its body; 307 and 308 keep both",
            arguments: [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
        func method(status: Int, kept: String) async throws {
            let host = try LoopbackHost { $0.target == "/" ? [.redirect(status, to: "/to")] : [.ok("")] }
            try await withWeb { web in
                _ = try await fetched(
                    web,
                    question(host.address()) {
                        ($0.method, $0.body) = (.post, Array("body".utf8))
                        $0.headers = [("Content-Type", "text/plain"), ("X-Own", "1")]
                    })
            }
            let last = try #require(host.questions.last)
            let hasBody = kept == "POST"
            #expect(last.method == kept && last.body.isEmpty != hasBody)
            #expect((last.headers["content-type"] == nil) != hasBody)
            #expect(last.headers["x-own"] == "1")
        }

        @Test("another host gets none of the fields and never a body")
        func secrets() async throws {
            let other = try LoopbackHost(.ok("there"))
            let host = try LoopbackHost { question in
                [.redirect(question.target == "/keep" ? 307 : 302, to: other.address("/taken"))]
            }
            try await withWeb { web in
                let secret: (inout WebRequest) -> Void = {
                    $0.headers = [("Authorization", "Bearer s"), ("Cookie", "s=1"), ("X-Key", "s")]
                }
                let answer = try await fetched(web, question(host.address(), secret))
                #expect(answer.text == "there")
                let taken = try #require(other.questions.last)
                #expect(taken.headers["authorization"] == nil && taken.headers["cookie"] == nil)
                #expect(taken.headers["x-key"] == nil)
                let error = await failure(
                    web,
                    question(host.address("/keep")) {
                        secret(&$0)
                        ($0.method, $0.body) = (.post, Array("key=s".utf8))
                    })
                #expect(error == .refusedAddress("a redirect that takes the body to 127.0.0.1"))
                #expect(other.questions.count == 1)
            }
        }

        @Test("only the hosts of the request are asked, on every hop")
        func hosts() async throws {
            let host = try LoopbackHost { question in
                question.target == "/"
                    ? [.redirect(302, to: "/same")] : [.redirect(302, to: "http://other.test/")]
            }
            try await withWeb({ $0.resolve = { _, _ in ["127.0.0.1"] } }) { web in
                let error = await failure(
                    web,
                    question("http://cdn.example.test:\(host.port)/") { $0.hosts = ["*.example.test"] })
                #expect(error == .refusedAddress("other.test is none of the hosts that may be asked"))
                #expect(host.questions.map(\.target) == ["/", "/same"])
                for name in ["example.test", "badexample.test", "cdn.example.test.evil.test"] {
                    let error = await failure(
                        web, question("http://\(name):\(host.port)/") { $0.hosts = ["*.example.test"] })
                    #expect(error == .refusedAddress("\(name) is none of the hosts that may be asked"))
                }
            }
        }
    }
}
