import HTTPServer
import Platform
import TestSupport
import Testing

private let get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"

@Suite struct ConnectionTests {
    @Test("a connection is kept for the next request")
    func kept() async throws {
        try await withServer { address, server in
            let caller = try Caller(address)
            for number in 1...3 {
                try await caller.say("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
                let heard = try await caller.hear()
                #expect(heard.status == 200)
                #expect(heard.text == "GET /\(number)\n")
                #expect(heard["Connection"] == nil)
            }
            #expect(server.counts.requests == 3)
            #expect(server.counts.connectionsAccepted == 1)
        }
    }

    @Test("who asks for it is told that the connection closes, and it does")
    func closed() async throws {
        try await withServer { address, _ in
            let caller = try Caller(address)
            try await caller.say("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(try await caller.hear().isLast)
            #expect(try await caller.hearsNothing())
        }
    }

    @Test("HTTP/1.0 closes, unless the client asks otherwise")
    func old() async throws {
        try await withServer { address, _ in
            let caller = try Caller(address)
            try await caller.say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try await caller.hear()["Connection"] == "keep-alive")
            try await caller.say("GET / HTTP/1.0\r\n\r\n")
            #expect(try await caller.hear().isLast)
            #expect(try await caller.hearsNothing())
        }
    }

    @Test("requests sent in one piece are answered in order")
    func pipelined() async throws {
        try await withServer { address, _ in
            let caller = try Caller(address)
            let all = (1...2_000).map { "POST /\($0) HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" }
                .joined()
            try await caller.say(all)
            for number in 1...2_000 {
                let heard = try await caller.hear()
                try #require(heard.text == "POST /\(number)\nabc")
            }
        }
    }

    @Test("what is sent ahead of an answer is kept up to a bound, and then not read")
    func pipelinedBound() async throws {
        let gate = Gate()
        try await withServer(handler: { request in
            await gate.pass()
            return await echo(request)
        }) { address, _ in
            let caller = try Caller(address)
            let piece = Array(repeated(get, 4_096).utf8)
            var sent = 0
            // Until the kernel has taken nothing for a while: it keeps some megabytes itself.
            var refusals = 0
            while refusals < 20, sent < 64 << 20 {
                let count = caller.sayWhatFits(piece)
                sent += count
                refusals = count == 0 ? refusals + 1 : 0
                if count == 0 { try await Task.sleep(for: .milliseconds(5)) }
            }
            #expect(sent < 32 << 20)
            gate.open()
            #expect(try await caller.hear().text == "GET /a\n")
        }
    }

    @Test("a handler that waits keeps nobody else waiting")
    func concurrent() async throws {
        let gate = Gate()
        try await withServer(
            { $0.loops = 1 },
            handler: { request in
                if request.path == "/slow" { await gate.pass() }
                return await echo(request)
            }
        ) { address, _ in
            let slow = try Caller(address)
            try await slow.say("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            let other = try Caller(address)
            try await other.say(get)
            #expect(try await other.hear().text == "GET /a\n")
            gate.open()
            #expect(try await slow.hear().text == "GET /slow\n")
        }
    }

    @Test("the handler learns method, path, query, fields, peer and length")
    func request() async throws {
        try await withServer(handler: { request in
            let told = [
                request.method.rawValue, request.path, request.query ?? "-", request.headers["x-a"] ?? "-",
                request.headers.all("X-A").joined(separator: "+"), request.peer,
                request.contentLength.map { String($0) } ?? "-",
            ]
            return Response(200, content: .bytes(Array(told.joined(separator: " ").utf8)))
        }) { address, _ in
            let caller = try Caller(address)
            try await caller.say("DELETE /a%20b?c=d HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a: 2\r\n\r\n")
            #expect(try await caller.hear().text == "DELETE /a%20b c=d 1 1+2 127.0.0.1 0")
            try await caller.say(
                "POST / HTTP/1.1\r\nHost: a\r\nX-A: \u{e9}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
            #expect(try await caller.hear().text == "POST / - é é 127.0.0.1 -")
            // Latin-1, which is no UTF-8.
            try await caller.say(
                Array("GET / HTTP/1.1\r\nHost: a\r\nX-A: ".utf8) + [0xe9] + Array("\r\n\r\n".utf8))
            #expect(try await caller.hear().text == "GET / - é é 127.0.0.1 0")
        }
    }

    @Test("every answer has a date and its length, and nothing a handler says can become another")
    func head() async throws {
        try await withServer(handler: { _ in
            Response(
                200,
                headers: [
                    "X-A": "b\r\nX-Evil: c\r\n\r\nHTTP/1.1 200 OK", "X Y": "no name", "": "none",
                    "Content-Length": "7",
                    "Date": "never", "connection": "upgrade", "Content-Type": "application/json",
                ], content: .bytes([123, 125]))
        }) { address, _ in
            let caller = try Caller(address)
            try await caller.say(get)
            let heard = try await caller.hear()
            #expect(
                heard.fields.map(\.name).sorted() == [
                    "Content-Length", "Content-Type", "Date", "X-A", "X-Content-Type-Options",
                ])
            #expect(heard["Content-Length"] == "2")
            #expect(heard["Content-Type"] == "application/json")
            #expect(heard["X-Content-Type-Options"] == "nosniff")
            #expect(HTTPDate.seconds(heard["Date"] ?? "") != nil)
            caller.endSaying()
            #expect(try await caller.hearsNothing())
        }
    }

    @Test("HEAD gets the fields of GET and no body")
    func headMethod() async throws {
        try await withServer { address, _ in
            let caller = try Caller(address)
            try await caller.say("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + get)
            let heard = try await caller.hear(isBodiless: true)
            #expect(heard["Content-Length"] == "7")
            #expect(try await caller.hear().text == "GET /a\n")
        }
    }

    @Test(
        "204 and 304 have no length; a final status below 200 is our fault",
        arguments: [(204, 204), (304, 304), (102, 500)])
    func bodiless(_ said: Int, _ heard: Int) async throws {
        try await withServer(handler: { _ in Response(said, content: .bytes([1])) }) { address, _ in
            let caller = try Caller(address)
            try await caller.say(get + get)
            for _ in 1...2 {
                let answer = try await caller.hear()
                #expect(answer.status == heard)
                #expect((answer["Content-Length"] == nil) == (heard != 500))
            }
        }
    }

    @Test("an answer with a known validator is not sent again")
    func validator() async throws {
        try await withServer(handler: { _ in
            Response(
                200, headers: ["ETag": "\"v1\"", "Content-Type": "text/plain", "Vary": "Accept"],
                content: .bytes([65]))
        }) { address, _ in
            let caller = try Caller(address)
            try await caller.say("GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: W/\"v1\"\r\n\r\n")
            let heard = try await caller.hear()
            #expect(heard.status == 304)
            #expect(heard["ETag"] == "\"v1\"")
            #expect(heard["Vary"] == "Accept")
            #expect(heard["Content-Type"] == nil)
            try await caller.say("GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"v2\"\r\n\r\n")
            #expect(try await caller.hear().text == "A")
        }
    }

    @Test("a large answer arrives whole", arguments: [0, 1, 16_384, 16_385, 20_000_000])
    func large(_ count: Int) async throws {
        let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        try await withServer(handler: { _ in Response(200, content: .bytes(body)) }) { address, server in
            let caller = try Caller(address)
            try await caller.say(get)
            let heard = try await caller.hearExactly(count)
            let isSame = heard == body
            #expect(isSame)
            try await eventually("the bytes are counted") { server.counts.bytesOut > count }
        }
    }

    @Test("a thousand connections leave no descriptor behind")
    func descriptors() async throws {
        let before = Gate.descriptors
        try await withServer { address, server in
            for _ in 1...10 {
                let callers = try (1...100).map { _ in try Caller(address) }
                for caller in callers { try await caller.say(get) }
                for caller in callers { #expect(try await caller.hear().status == 200) }
            }
            try await eventually("every connection is closed") { server.counts.connectionsOpen == 0 }
        }
        // Other tests have theirs open, too, but not hundreds.
        try await eventually("the descriptors are closed") { Gate.descriptors < before + 200 }
    }
}
