import HTTPServer
import TestSupport
import Testing

private func post(_ fields: String, _ body: String = "") -> String {
    "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n\r\n" + body
}

/// Reads a body of ten bytes at most.
@Sendable private func tenBytes(_ request: Request) async -> Response {
    do throws(BodyError) {
        return Response(200, content: .bytes(try await request.body(upTo: 10)))
    } catch {
        return error.response
    }
}

@Suite struct BodyTests {
    @Test("a large body arrives whole, by length and in chunks", arguments: [false, true])
    func large(_ isChunked: Bool) async throws {
        let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 2) }
        let sum = body.reduce(0) { $0 &+ Int($1) }
        try await withServer(handler: { request in
            guard let body = try? await request.body(upTo: 4_000_000) else { return Response(500) }
            return Response(
                200, content: .bytes(Array("\(body.count) \(body.reduce(0) { $0 &+ Int($1) })".utf8)))
        }) { address, _ in
            let caller = try Caller(address)
            if isChunked {
                var bytes = Array(post("Transfer-Encoding: chunked").utf8)
                for start in stride(from: 0, to: body.count, by: 70_001) {
                    let chunk = body[start..<min(body.count, start + 70_001)]
                    bytes += Array((String(chunk.count, radix: 16) + "\r\n").utf8) + chunk + [13, 10]
                }
                try await caller.say(bytes + Array("0\r\n\r\n".utf8))
            } else {
                try await caller.say(Array(post("Content-Length: \(body.count)").utf8) + body)
            }
            #expect(try await caller.hear().text == "3000000 \(sum)")
            try await caller.say(post("Content-Length: 1", "x"))
            #expect(try await caller.hear().text == "1 120")
        }
    }

    @Test("a body at its limit is read, one byte more is 413")
    func limit() async throws {
        try await withServer(handler: tenBytes) { address, _ in
            let caller = try Caller(address)
            try await caller.say(post("Content-Length: 10", "0123456789"))
            #expect(try await caller.hear().status == 200)
            try await caller.say(post("Transfer-Encoding: chunked", "a\r\n0123456789\r\n0\r\n\r\n"))
            #expect(try await caller.hear().status == 200)
            try await caller.say(post("Content-Length: 11"))
            let heard = try await caller.hear()
            #expect(heard.status == 413)
            #expect(heard.isLast)
            #expect(heard.text.contains("at most 10 bytes"))
            #expect(heard["Content-Type"] == "application/json")
        }
    }

    @Test("chunks beyond the limit are 413 before they end")
    func chunkedLimit() async throws {
        try await withServer(handler: tenBytes) { address, _ in
            let caller = try Caller(address)
            try await caller.say(post("Transfer-Encoding: chunked", "b\r\n01234567890\r\n"))
            #expect(try await caller.hear().status == 413)
        }
    }

    @Test("who is still sending hears the refusal, not a reset")
    func stillSending() async throws {
        try await withServer(handler: tenBytes) { address, _ in
            let caller = try Caller(address)
            try await caller.say(post("Content-Length: 300000", repeated("x", 300_000)))
            #expect(try await caller.hear().status == 413)
            #expect(try await caller.hearsNothing())
        }
    }

    @Test("a body that nobody asked for is not taken for a request")
    func unread() async throws {
        try await withServer(handler: { _ in Response(404) }) { address, _ in
            let whole = try Caller(address)
            try await whole.say(post("Content-Length: 5", "hello") + post("Content-Length: 0"))
            #expect(try await whole.hear().isLast == false)
            #expect(try await whole.hear().status == 404)
            let half = try Caller(address)
            try await half.say(post("Content-Length: 50", "GET / HTTP/1.1\r\n"))
            #expect(try await half.hear().isLast)
            #expect(try await half.hearsNothing())
        }
    }

    @Test("who expects a word before the body gets it when the body is asked for")
    func continued() async throws {
        try await withServer(handler: tenBytes) { address, _ in
            let caller = try Caller(address)
            try await caller.say(post("Content-Length: 2\r\nExpect: 100-continue"))
            #expect(try await caller.hear().status == 100)
            try await caller.say("ab")
            #expect(try await caller.hear().text == "ab")
            // What is there needs no word.
            try await caller.say(post("Content-Length: 2\r\nExpect: 100-continue", "ab"))
            #expect(try await caller.hear().text == "ab")
        }
    }

    @Test("who expects a word before a body that is not wanted gets the answer instead")
    func notContinued() async throws {
        try await withServer(handler: { request in
            request.path == "/" ? await tenBytes(request) : Response(401)
        }) { address, _ in
            let large = try Caller(address)
            try await large.say(post("Content-Length: 11\r\nExpect: 100-continue"))
            #expect(try await large.hear().status == 413)
            let stranger = try Caller(address)
            try await stranger.say(
                "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            let heard = try await stranger.hear()
            #expect(heard.status == 401)
            #expect(heard.isLast)
        }
    }

    @Test("a second question for the body, and one after the answer, get nothing")
    func twice() async throws {
        let late = Lockbox<Request>()
        try await withServer(handler: { request in
            late.put(request)
            let first = (try? await request.body(upTo: 10)) ?? []
            let second = (try? await request.body(upTo: 10)) ?? [1]
            return Response(200, content: .bytes(first + second))
        }) { address, _ in
            let caller = try Caller(address)
            try await caller.say(post("Content-Length: 2", "ab"))
            #expect(try await caller.hear().text == "ab")
            let request = try #require(late.content)
            do throws(BodyError) {
                _ = try await request.body(upTo: 10)
                Issue.record("a body after its answer")
            } catch {
                guard case .cutOff = error else {
                    Issue.record("\(error)")
                    return
                }
            }
            try await caller.say(post("Content-Length: 2", "cd"))
            #expect(try await caller.hear().text == "cd")
        }
    }

    @Test("a client that goes in the middle of its body ends the reading")
    func gone() async throws {
        let outcome = Lockbox<String>()
        try await withServer(handler: { request in
            do throws(BodyError) {
                _ = try await request.body(upTo: 100)
                outcome.put("whole")
            } catch {
                outcome.put("\(error)")
            }
            return Response(200)
        }) { address, server in
            let caller = try Caller(address)
            try await caller.say(post("Content-Length: 50", "hello"))
            caller.endSaying()
            #expect(try await caller.hearsNothing())
            #expect(outcome.content == "cutOff")
            #expect(server.counts.cuts == [.peerGone: 1])
        }
    }

    @Test("a body that breaks its framing is answered 400 whatever the handler says")
    func broken() async throws {
        try await withServer(handler: { request in
            _ = try? await request.body(upTo: 100)
            return Response(200)
        }) { address, _ in
            let caller = try Caller(address)
            try await caller.say(post("Transfer-Encoding: chunked", "zz\r\n"))
            let heard = try await caller.hear()
            #expect(heard.status == 400)
            #expect(heard.isLast)
            #expect(try await caller.hearsNothing())
        }
    }
}
