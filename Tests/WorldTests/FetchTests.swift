import Platform
import TestSupport
import Testing
import World

extension WebTests {
    @Suite("Fetching")
    struct Fetching {
        @Test("an answer of any status is told with head and body")
        func statuses() async throws {
            let host = try LoopbackHost { question in
                question.target == "/lost"
                    ? [.answer(404, Array("not here".utf8), ["X-Why: gone", "x-why: twice"])]
                    : [.ok("here", "Content-Type: text/plain")]
            }
            try await withWeb { web in
                let found = try await fetched(web, question(host.address("/found?a=1#part")))
                #expect(found.status == 200 && found.text == "here" && found.isSuccess)
                #expect(found[header: "content-TYPE"] == "text/plain")
                #expect(host.questions.last?.target == "/found?a=1")
                let lost = try await fetched(web, question(host.address("/lost")))
                #expect(lost.status == 404 && lost.text == "not here" && !lost.isSuccess)
                #expect(lost[header: "x-why"] == "gone")
            }
        }

        @Test("method, fields and body arrive as they were given, and connections are used again")
        func questions() async throws {
            let host = try LoopbackHost { _ in [.ok("")] }
            try await withWeb({ $0.userAgent = "Tester/1" }) { web in
                let form = question(host.address("/form")) {
                    $0.method = .post
                    $0.headers = [("Content-Type", "application/x-www-form-urlencoded"), ("X-Key", "k")]
                    $0.body = Array("itemcount=1".utf8)
                }
                _ = try await fetched(web, form)
                for method in [WebRequest.Method.get, .head, .put, .delete] {
                    _ = try await fetched(web, question(host.address()) { $0.method = method })
                }
            }
            let first = try #require(host.questions.first)
            #expect(first.method == "POST")
            #expect(String(decoding: first.body, as: UTF8.self) == "itemcount=1")
            #expect(first.headers["content-type"] == "application/x-www-form-urlencoded")
            #expect(first.headers["x-key"] == "k")
            #expect(first.headers["user-agent"] == "Tester/1")
            #expect(host.questions.map(\.method) == ["POST", "GET", "HEAD", "PUT", "DELETE"])
            #expect(host.connections == 1)
        }

        @Test("gzip, brotli and chunks are undone; the size on the wire is told")
        func packed() async throws {
            let words = "packed words, packed words, packed words"
            let gzip = bytes(
                hex: "1f8b08000000000002032b484cce4e4d5128cf2f4a29d65128c0c90300d184eb2728000000")
            let brotli = bytes(hex: "1b270000a44158c8caa4209b5093cfb559ecc8a600")
            let host = try LoopbackHost { question in
                switch question.target {
                case "/gzip": [.answer(200, gzip, ["Content-Encoding: gzip"])]
                case "/br": [.answer(200, brotli, ["Content-Encoding: br"])]
                default:
                    [
                        .text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\npacke\r\n"),
                        .text("1;x=y\r\nd\r\n0\r\nT: t\r\n\r\n"),
                    ]
                }
            }
            try await withWeb { web in
                let first = try await fetched(web, question(host.address("/gzip")))
                #expect(first.text == words && first.wireBytes == 37)
                let second = try await fetched(web, question(host.address("/br")))
                #expect(second.text == words)
                let third = try await fetched(web, question(host.address("/chunks")))
                #expect(third.text == "packed")
                _ = try await fetched(web, question(host.address()) { $0.acceptsCompression = false })
            }
            #expect(
                host.questions.map { $0.headers["accept-encoding"] } == [
                    "gzip, br", "gzip, br", "gzip, br", nil,
                ])
        }

        @Test("an interim head is no answer, and the one after it is")
        func interim() async throws {
            let host = try LoopbackHost(
                .text("HTTP/1.1 103 Early Hints\r\nX-Early: yes\r\n\r\n"), .ok("late", "X-Late: yes"))
            try await withWeb { web in
                let answer = try await fetched(web, question(host.address()))
                #expect(answer.status == 200 && answer.text == "late")
                #expect(answer[header: "x-early"] == nil && answer[header: "x-late"] == "yes")
            }
        }

        @Test("the budget of a host is asked before each hop, and its refusal is told")
        func budget() async throws {
            let host = try LoopbackHost { question in
                question.target == "/" ? [.redirect(302, to: "/next")] : [.ok("")]
            }
            let asked = Lock<[String]>([])
            try await withWeb { web in
                _ = try await fetched(
                    web,
                    question(host.address()) { $0.admit = { host in asked.withLock { $0.append(host) } } })
                #expect(asked.withLock { $0 } == ["127.0.0.1", "127.0.0.1"])
                struct Spent: Error, CustomStringConvertible { let description = "spent" }
                let refused = await failure(
                    web, question(host.address()) { $0.admit = { _ in throw Spent() } })
                #expect(refused == .notAdmitted("spent"))
                #expect(host.questions.count == 2)
            }
        }

        @Test("a field that would end its line is not sent", arguments: ["a\r\nb: c", "a\nb", "a\u{0}"])
        func injection(value: String) async throws {
            let host = try LoopbackHost(.ok(""))
            try await withWeb { web in
                let error = await failure(web, question(host.address()) { $0.headers = [("X", value)] })
                guard case .badURL? = error else {
                    return #expect(Bool(false), "\(String(describing: error))")
                }
                #expect(host.connections == 0)
            }
        }

        @Test("two hundred at once are all answered, no host by more connections than it may have")
        func crowd() async throws {
            let one = try LoopbackHost { [.pause(.milliseconds(5)), .ok($0.target)] }
            let other = try LoopbackHost { [.pause(.milliseconds(5)), .ok($0.target)] }
            try await withWeb({ $0.hostConnectionsMax = 8 }) { web in
                let texts = try await withThrowingTaskGroup(of: String.self) { group in
                    for index in 0..<200 {
                        let host = index % 2 == 0 ? one : other
                        group.addTask { try await fetched(web, question(host.address("/\(index)"))).text }
                    }
                    return try await group.reduce(into: Set<String>()) { $0.insert($1) }
                }
                #expect(texts == Set((0..<200).map { "/\($0)" }))
            }
            #expect(one.openMax <= 8 && other.openMax <= 8)
            #expect(one.questions.count == 100)
        }

        @Test("cancelling ends a transfer under way and one that waits, and the host sees the hang-up")
        func cancel() async throws {
            let host = try LoopbackHost(.pause(.seconds(60)), .ok(""))
            try await withWeb({ $0.hostConnectionsMax = 1 }) { web in
                let running = Task { await failure(web, question(host.address())) }
                try await eventually("the question came") { host.questions.count == 1 }
                let waiting = Task { await failure(web, question(host.address())) }
                waiting.cancel()
                #expect(await waiting.value == .cancelled)
                running.cancel()
                #expect(await running.value == .cancelled)
                try await eventually("the host saw it") { host.hangUps == 1 }
                let late = Task { () -> WebError? in
                    withUnsafeCurrentTask { $0?.cancel() }
                    return await failure(web, question(host.address()))
                }
                #expect(await late.value == .cancelled)
                #expect(host.questions.count == 1)
            }
        }

        @Test("closing ends what runs; afterwards nothing is asked")
        func close() async throws {
            let host = try LoopbackHost(.pause(.seconds(60)))
            var settings = WebSettings()
            settings.reach = .anywhere
            let web = Web(settings: settings)
            let running = Task { await failure(web, question(host.address())) }
            try await eventually("the question came") { host.questions.count == 1 }
            await web.close()
            await web.close()
            #expect(await running.value == .closed)
            #expect(await failure(web, question(host.address())) == .closed)
        }

        @Test("no descriptor is left, however requests end")
        func descriptors() async throws {
            let host = try LoopbackHost { question in
                switch question.target {
                case "/cut": [.text("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), .hangUp]
                case "/reset": [.reset]
                case "/silent": [.pause(.seconds(30))]
                case "/large": [.ok(String(repeating: "x", count: 5000))]
                default: [.ok("")]
                }
            }
            let before = Loopback.descriptors
            for _ in 0..<3 {
                try await withWeb { web in
                    await withTaskGroup(of: Void.self) { group in
                        for index in 0..<100 {
                            let path = ["/", "/cut", "/reset", "/silent", "/large"][index % 5]
                            group.addTask {
                                _ = await failure(
                                    web,
                                    question(host.address(path)) {
                                        $0.bytesMax = 4000
                                        $0.answerTimeLimit = .milliseconds(100)
                                    })
                            }
                        }
                    }
                }
            }
            try await eventually("every connection is closed") { host.open == 0 }
            #expect(Loopback.descriptors <= before)
        }
    }
}
