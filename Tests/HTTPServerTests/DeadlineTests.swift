import HTTPServer
import TestSupport
import Testing

/// What a deadline cuts. How late is the clock's affair; that it happens, and how it is told, is ours.
@Suite struct DeadlineTests {
    @Test("a head that drips is cut, however often something comes")
    func headDrips() async throws {
        try await withServer({ $0.headSeconds = 1 }) { address, server in
            let caller = try Caller(address)
            try await caller.say("GET / HTTP/1.1\r\nHost: a\r\nX: ")
            let drip = caller.drip("x")
            let heard = try await caller.hear()
            drip.cancel()
            #expect(heard.status == 408)
            #expect(heard.isLast)
            #expect(try await caller.hearsNothing())
            #expect(server.counts.cuts == [.headTooSlow: 1])
        }
    }

    @Test("empty lines do not keep a connection")
    func emptyLines() async throws {
        try await withServer({ $0.headSeconds = 1 }) { address, server in
            let caller = try Caller(address)
            let drip = caller.drip("\r\n")
            #expect(try await caller.hearsNothing())
            drip.cancel()
            #expect(server.counts.cuts == [.idle: 1])
        }
    }

    @Test("who connects and says nothing is closed without a word")
    func silent() async throws {
        try await withServer({ $0.headSeconds = 1 }) { address, server in
            let caller = try Caller(address)
            #expect(try await caller.hearsNothing())
            #expect(server.counts.cuts == [.idle: 1])
        }
    }

    @Test("a kept connection on which nothing is asked is closed without a word")
    func idle() async throws {
        try await withServer({ $0.idleSeconds = 1 }) { address, server in
            let caller = try Caller(address)
            try await caller.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await caller.hear().status == 200)
            #expect(try await caller.hearsNothing())
            #expect(server.counts.cuts == [.idle: 1])
        }
    }

    @Test("a body below the least rate is cut")
    func bodyDrips() async throws {
        try await withServer({ $0.bodyGraceSeconds = 1 }) { address, server in
            let caller = try Caller(address)
            try await caller.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
            let drip = caller.drip("x")
            let heard = try await caller.hear()
            drip.cancel()
            #expect(heard.status == 408)
            #expect(heard.isLast)
            #expect(server.counts.cuts == [.bodyTooSlow: 1])
        }
    }

    @Test("a body above the least rate has the time that it needs")
    func bodyInTime() async throws {
        try await withServer({
            $0.bodyGraceSeconds = 1
            $0.bodyRateMin = 1_000
        }) { address, _ in
            let caller = try Caller(address)
            try await caller.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30000\r\n\r\n")
            for _ in 1...30 {
                try await caller.say(repeated("x", 1_000))
                try await Task.sleep(for: .milliseconds(70))
            }
            #expect(try await caller.hear().status == 200)
        }
    }

    @Test("the time that a handler takes is not the client's")
    func slowHandler() async throws {
        try await withServer(
            {
                $0.headSeconds = 1
                $0.bodyGraceSeconds = 1
                $0.idleSeconds = 1
            },
            handler: { request in
                try? await Task.sleep(for: .milliseconds(2_300))
                return await echo(request)
            }
        ) { address, _ in
            let caller = try Caller(address)
            try await caller.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab")
            #expect(try await caller.hear().text == "POST /\nab")
        }
    }

    @Test("a reader that takes nothing is closed")
    func stalled() async throws {
        try await withServer(
            { $0.writeStallSeconds = 1 },
            handler: { _ in
                Response(200, content: .bytes([UInt8](repeating: 65, count: 30_000_000)))
            }
        ) { address, server in
            let caller = try Caller(address, receiveBuffer: 4_096)
            try await caller.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("the reader is cut") { server.counts.cuts == [.readerTooSlow: 1] }
            #expect(server.counts.connectionsOpen == 0)
            #expect(try await caller.hearAll().count < 30_000_000)
        }
    }

    @Test("a handler whose client has gone is cancelled")
    func closedClient() async throws {
        let outcome = Lockbox<String>()
        try await withServer(
            { $0.closedGraceSeconds = 1 },
            handler: { _ in
                do {
                    try await Task.sleep(for: .seconds(60))
                    outcome.put("slept")
                } catch {
                    outcome.put("cancelled")
                }
                return Response(200)
            }
        ) { address, server in
            let caller = try Caller(address)
            try await caller.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            caller.endSaying()
            try await eventually("the handler is cancelled") { outcome.content == "cancelled" }
            #expect(server.counts.cuts == [.peerGone: 1])
        }
    }

    @Test("a client that has closed its side still gets an answer that is soon there")
    func halfClosed() async throws {
        try await withServer { address, _ in
            let caller = try Caller(address)
            try await caller.say(
                "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
            caller.endSaying()
            #expect(try await caller.hear().text == "GET /1\n")
            #expect(try await caller.hear().text == "GET /2\n")
            #expect(try await caller.hearsNothing())
        }
    }

    @Test("a hundred drips do not keep others waiting, and all are closed")
    func manyDrips() async throws {
        try await withServer({ $0.headSeconds = 2 }) { address, server in
            let drips = try (1...100).map { _ in try Caller(address) }
            for drip in drips { try await drip.say("G") }
            for number in 1...50 {
                let caller = try Caller(address)
                try await caller.say("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await caller.hear().text == "GET /\(number)\n")
            }
            try await eventually("all drips are cut") { server.counts.cuts[.headTooSlow] == 100 }
            for drip in drips { #expect(try await drip.hear().status == 408) }
        }
    }
}
