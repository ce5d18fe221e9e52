import HTTPServer
import Platform
import TestSupport
import Testing

private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

@Suite struct DrainTests {
    @Test("a drain closes who waits, lets who is answered end, and lets nobody in")
    func drain() async throws {
        let gate = Gate()
        try await withServer(
            { $0.loops = 1 },
            handler: { request in
                if request.path == "/slow" { await gate.pass() }
                return await echo(request)
            }
        ) { address, server in
            let idle = try Caller(address)
            try await idle.say(get)
            #expect(try await idle.hear().isLast == false)
            let busy = try Caller(address)
            try await busy.say("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + get)
            try await eventually("the handler waits") { gate.arrived == 1 }

            let draining = Task { await server.drain(within: .seconds(30)) }
            #expect(try await idle.hearsNothing())
            #expect(throws: Caller.Trouble.self) { try Caller(address) }
            gate.open()
            let heard = try await busy.hear()
            #expect(heard.text == "GET /slow\n")
            #expect(heard.isLast)
            #expect(try await busy.hearsNothing())
            await draining.value
            #expect(server.counts.connectionsOpen == 0)
            #expect(server.counts.cuts == [:])
        }
    }

    @Test("a drain whose patience ends closes the rest and does not wait for a deaf handler")
    func impatient() async throws {
        let gate = Gate()
        try await withServer(handler: { request in
            await gate.pass()
            return await echo(request)
        }) { address, server in
            let caller = try Caller(address)
            try await caller.say(get)
            try await eventually("the handler waits") { gate.arrived == 1 }
            await server.drain(within: .milliseconds(50))
            #expect(try await caller.hearsNothing())
            #expect(server.counts.cuts == [.drained: 1])
            // It comes back to a connection that is gone, and ends.
            gate.open()
        }
    }

    @Test("a second drain waits for the first, and one before the start does nothing")
    func twice() async throws {
        let gate = Gate()
        let server = HTTPServer(settings: HTTPSettings()) { _ in Response(200) }
        await server.drain(within: .seconds(10))
        try await withServer(handler: { request in
            await gate.pass()
            return await echo(request)
        }) { address, server in
            let caller = try Caller(address)
            try await caller.say(get)
            try await eventually("the handler waits") { gate.arrived == 1 }
            let first = Task { await server.drain(within: .seconds(30)) }
            let second = Task { await server.drain(within: .zero) }
            gate.open()
            #expect(try await caller.hear().status == 200)
            await first.value
            await second.value
            await server.drain(within: .zero)
        }
    }

    @Test("a stream is told of a drain at once")
    func stream() async throws {
        let outcome = Lockbox<String>()
        try await withServer(handler: { _ in
            Response(
                200,
                content: .stream { writer in
                    try await writer.write([65])
                    do { try await Task.sleep(for: .seconds(60)) } catch {}
                    do {
                        try await writer.write([66])
                        outcome.put("written")
                    } catch {
                        outcome.put("refused")
                    }
                })
        }) { address, server in
            let caller = try Caller(address)
            try await caller.say(get)
            _ = try await caller.hearSome()
            await server.drain(within: .seconds(30))
            #expect(outcome.content == "refused")
            // It ended in order: nothing is missing.
            let rest = String(decoding: try await caller.hearAll(), as: UTF8.self)
            #expect(rest.hasSuffix("0\r\n\r\n"))
        }
    }

    @Test("a server that is forgotten closes its doors")
    func forgotten() async throws {
        var settings = HTTPSettings()
        settings.port = 0
        let address = try HTTPServer(settings: settings, handler: echo).start()
        try await eventually("nobody is let in") { (try? Caller(address)) == nil }
    }

    @Test("the threads of a drained server end")
    func threads() async throws {
        for _ in 1...5 { try await withServer { _, _ in } }
        try await eventually("no more threads than other tests have") { Gate.threads(named: "http") < 40 }
    }
}

/// Where a server can listen, and where it cannot.
@Suite struct AddressTests {
    @Test("a port that is taken is refused in words", arguments: ["127.0.0.1", "::1"])
    func taken(_ host: String) async throws {
        try await withServer({ $0.host = host }) { address, _ in
            #expect(address.port > 0)
            var settings = HTTPSettings()
            settings.host = host
            settings.port = address.port
            let second = HTTPServer(settings: settings) { _ in Response(200) }
            let failure = #expect(throws: BindFailure.self) { try second.start() }
            #expect(
                failure?.description
                    == "cannot listen on \(host) port \(address.port): another program is listening there")
            let caller = try Caller(address)
            try await caller.say(get)
            #expect(try await caller.hear().status == 200)
        }
    }

    @Test(
        "an address that is none, or not ours, is refused in words",
        arguments: ["localhost", "1.2.3", "", "192.0.2.1"])
    func wrong(_ host: String) {
        var settings = HTTPSettings()
        settings.host = host
        let server = HTTPServer(settings: settings) { _ in Response(200) }
        let failure = #expect(throws: BindFailure.self) { try server.start() }
        let words = failure?.description ?? ""
        #expect(words.contains("expected") || words.contains("does not have that address"))
    }

    @Test("IPv6 peers are told by their address")
    func ipv6() async throws {
        try await withServer(
            { $0.host = "::1" }, handler: { Response(200, content: .bytes(Array($0.peer.utf8))) }
        ) {
            address, _ in
            #expect(address.description == "http://[::1]:\(address.port)")
            let caller = try Caller(address)
            try await caller.say(get)
            #expect(try await caller.hear().text == "::1")
        }
    }

    @Test("a unix socket replaces a dead one, not a living one, and is gone after the end")
    func unixSocket() async throws {
        let path = "/tmp/motorpool-http-\(UInt32.random(in: 0...UInt32.max)).socket"
        for _ in 1...2 {
            try await withServer(
                { $0.host = path }, handler: { Response(200, content: .bytes(Array($0.peer.utf8))) }
            ) {
                address, _ in
                #expect(address.description == "unix:\(path)")
                let caller = try Caller(address)
                try await caller.say(get)
                #expect(try await caller.hear().text == "unix")
                var settings = HTTPSettings()
                settings.host = path
                let second = HTTPServer(settings: settings) { _ in Response(200) }
                #expect(throws: BindFailure.self) { try second.start() }
                try await caller.say(get)
                #expect(try await caller.hear().status == 200)
            }
            #expect(throws: Caller.Trouble.self) { try Caller(Caller.place(path)) }
            try Caller.leaveDeadSocket(path)
        }
        Caller.remove(path)
    }
}

@Suite struct DoorTests {
    @Test("one connection too many from an address is told so, and another's end makes room")
    func perAddress() async throws {
        try await withServer({ $0.connectionsPerAddressMax = 3 }) { address, server in
            var inside = try (1...3).map { _ in try Caller(address) }
            for caller in inside {
                try await caller.say(get)
                #expect(try await caller.hear().status == 200)
            }
            let refused = try await Caller(address).hear()
            #expect(refused.status == 429)
            #expect(refused.isLast)
            #expect(refused["Retry-After"] == "1")
            #expect(refused["Content-Type"] == "application/json")
            inside.removeFirst()
            try await eventually("its end is seen") { server.counts.connectionsOpen == 2 }
            let next = try Caller(address)
            try await next.say(get)
            #expect(try await next.hear().status == 200)
            #expect(server.counts.connectionsRefused == 1)
            for caller in inside {
                try await caller.say(get)
                #expect(try await caller.hear().status == 200)
            }
        }
    }

    @Test("one connection too many is told so")
    func total() async throws {
        try await withServer({ $0.connectionsMax = 2 }) { address, server in
            let inside = try (1...2).map { _ in try Caller(address) }
            try await eventually("both are inside") { server.counts.connectionsOpen == 2 }
            for _ in 1...20 { #expect(try await Caller(address).hear().status == 503) }
            for caller in inside {
                try await caller.say(get)
                #expect(try await caller.hear().status == 200)
            }
            #expect(server.counts.connectionsRefused == 20)
            #expect(server.counts.connectionsAccepted == 2)
        }
    }

    @Test("this machine's own clients can be freed from the limit of an address")
    func loopback() async throws {
        try await withServer({
            $0.connectionsPerAddressMax = 1
            $0.limitsLoopback = false
        }) { address, _ in
            let callers = try (1...5).map { _ in try Caller(address) }
            for caller in callers {
                try await caller.say(get)
                #expect(try await caller.hear().status == 200)
            }
        }
    }
}
