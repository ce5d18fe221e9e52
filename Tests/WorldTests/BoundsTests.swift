import Glibc
import Platform
import TestSupport
import Testing
import World

extension WebTests {
    @Suite("Bounds")
    struct Bounds {
        @Test("a body larger than allowed is refused by its length, and by counting")
        func size() async throws {
            let host = try LoopbackHost { question in
                switch question.target {
                case "/said":
                    [.text("HTTP/1.1 200 OK\r\nContent-Length: 2000000000\r\n\r\n"), .pause(.seconds(30))]
                case "/chunks":
                    [.text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")]
                        + Array(
                            repeating: .text("400\r\n\(String(repeating: "x", count: 1024))\r\n"), count: 100)
                default: [.ok(String(repeating: "x", count: 10_000))]
                }
            }
            try await withWeb { web in
                for path in ["/said", "/chunks"] {
                    let error = await failure(web, question(host.address(path)) { $0.bytesMax = 10_000 })
                    #expect(error == .tooLarge("more than 10000 bytes"))
                }
                let exact = try await fetched(web, question(host.address()) { $0.bytesMax = 10_000 })
                #expect(exact.body.count == 10_000)
            }
        }

        @Test("a bomb of 10 GiB in 13 MB is refused after a few of them")
        func bomb() async throws {
            // 64 KiB of zeros, ended so that it may be repeated.
            let block = bytes(
                hex: "ecc101010000008090feafee080a" + String(repeating: "00", count: 62) + "6a000000ffff")
            let start = bytes(hex: "1f8b0800000000000203")
            let many = Array(repeatElement(block, count: 1000).joined())
            let host = try LoopbackHost { _ in
                [
                    .text("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"),
                    .bytes(start),
                ]
                    + Array(repeating: .bytes(many), count: 160) + [.hangUp]
            }
            try await withWeb { web in
                let before = Memory.residentBytes
                let byRatio = await failure(web, question(host.address()) { $0.bytesMax = 1 << 40 })
                #expect(byRatio == .tooLarge("it unpacks to more than 100 times what came"))
                let bySize = await failure(
                    web, question(host.address()) { ($0.bytesMax, $0.ratioMax) = (1 << 20, 1_000_000) })
                #expect(bySize == .tooLarge("more than 1048576 bytes"))
                let growth = Memory.residentBytes - before
                #expect(growth < 64 << 20, "\(growth)")
            }
        }

        @Test("every phase has its limit")
        func phases() async throws {
            let silent = try LoopbackHost(.pause(.seconds(30)))
            let dripping = try LoopbackHost(
                .text("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nx"), .pause(.seconds(30)))
            let short = Duration.milliseconds(300)
            try await withWeb { web in
                let answer = await failure(web, question(silent.address()) { $0.answerTimeLimit = short })
                #expect(answer == .timeout(.answer, after: short))
                let body = await failure(web, question(dripping.address()) { $0.timeLimit = short })
                #expect(body == .timeout(.body, after: short))
                let whole = await failure(web, question(silent.address()) { $0.timeLimit = short })
                #expect(whole == .timeout(.answer, after: short))
                // A port that takes the connection and never says hello.
                let (listener, port) = try Loopback.listen(on: "127.0.0.1")
                defer { Glibc.close(listener) }
                let tls = await failure(
                    web, question("https://127.0.0.1:\(port)/") { $0.connectTimeLimit = short })
                #expect(tls == .timeout(.tls, after: short))
            }
        }

        @Test("connecting has its limit")
        func connecting() async throws {
            let (listener, port) = try Loopback.listen(on: "127.0.0.1", backlog: 0)
            defer { Glibc.close(listener) }
            // The kernel drops further greetings once the line of one is full.
            let guests = (0..<4).map { _ in Loopback.connectSoon(to: port) }
            defer { for guest in guests { Glibc.close(guest) } }
            try await withWeb { web in
                let limit = Duration.milliseconds(400)
                let error = await failure(
                    web, question("http://127.0.0.1:\(port)/") { $0.connectTimeLimit = limit })
                #expect(error == .timeout(.connect, after: limit))
            }
        }

        @Test("waiting for a connection has its limit, and so has the line")
        func queue() async throws {
            let host = try LoopbackHost(.pause(.seconds(30)))
            try await withWeb({ ($0.hostConnectionsMax, $0.waitingMax) = (1, 1) }) { web in
                let first = Task { await failure(web, question(host.address())) }
                try await eventually("the question came") { host.questions.count == 1 }
                let limit = Duration.milliseconds(300)
                let second = Task { await failure(web, question(host.address()) { $0.timeLimit = limit }) }
                let third = Task { await failure(web, question(host.address()) { $0.timeLimit = limit }) }
                let ends = [await second.value, await third.value]
                #expect(Set(ends) == [.timeout(.queue, after: limit), .busy])
                first.cancel()
                _ = await first.value
            }
        }

        @Test("a host that drips heads or trailers without end is cut")
        func endlessHead() async throws {
            let line = String(repeating: "X-Long: \(String(repeating: "x", count: 900))\r\n", count: 10)
            let host = try LoopbackHost { question in
                switch question.target {
                case "/head": [.text("HTTP/1.1 200 OK\r\n")] + Array(repeating: .text(line), count: 20)
                case "/interim":
                    Array(repeating: .text("HTTP/1.1 100 Continue\r\n\(line)\r\n"), count: 20)
                default:
                    [.text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")]
                        + Array(repeating: .text(line), count: 20)
                }
            }
            try await withWeb { web in
                for path in ["/head", "/interim", "/trailer"] {
                    let error = await failure(web, question(host.address(path)))
                    #expect(error == .protocol("a head of more than 65536 bytes"), "\(path)")
                }
            }
        }

        @Test("a body that comes too slowly is cut, one that comes fast enough is not")
        func speed() async throws {
            let host = try LoopbackHost { question in
                let piece = String(repeating: "x", count: question.target == "/slow" ? 10 : 1000)
                return [.text("HTTP/1.1 200 OK\r\nContent-Length: \(piece.utf8.count * 8)\r\n\r\n")]
                    + Array(repeating: [.text(piece), .pause(.milliseconds(150))], count: 8).flatMap { $0 }
            }
            try await withWeb { web in
                let bounds: (inout WebRequest) -> Void = {
                    ($0.bytesPerSecondMin, $0.slowSpan) = (1000, .milliseconds(400))
                }
                #expect(
                    await failure(web, question(host.address("/slow"), bounds))
                        == .tooSlow(bytesPerSecond: 1000))
                let fast = try await fetched(web, question(host.address("/fast"), bounds))
                #expect(fast.body.count == 8000)
            }
        }

        @Test("a name that nobody knows, a closed port, and a host that speaks no TLS are told apart")
        func unreachable() async throws {
            let plain = try LoopbackHost(.ok(""))
            let closed = try LoopbackHost(.ok(""))
            closed.stop()
            try await withWeb { web in
                guard case .dns? = await failure(web, question("http://two..dots/")) else {
                    return #expect(Bool(false), "dns")
                }
                guard case .connect? = await failure(web, question(closed.address())) else {
                    return #expect(Bool(false), "connect")
                }
                guard case .tls? = await failure(web, question("https://127.0.0.1:\(plain.port)/")) else {
                    return #expect(Bool(false), "tls")
                }
            }
        }

        @Test(
            "an answer without its end is truncated",
            arguments: [
                "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nshort",
                "HTTP/1.1 200 OK\r\nContent-Le", "",
            ])
        func truncated(text: String) async throws {
            let host = try LoopbackHost(.text(text), .hangUp)
            try await withWeb { web in
                let error = await failure(web, question(host.address()))
                guard case .truncated? = error else {
                    return #expect(Bool(false), "\(String(describing: error))")
                }
                #expect(error?.isTransient == true)
            }
        }

        @Test("a connection that breaks is truncated")
        func reset() async throws {
            let host = try LoopbackHost(.text("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx"), .reset)
            try await withWeb { web in
                guard case .truncated? = await failure(web, question(host.address())) else {
                    return #expect(Bool(false))
                }
            }
        }

        @Test(
            "an answer that breaks HTTP is no answer",
            arguments: [
                "hello\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: 1\r\n\r\nx",
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
                "HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 1\r\n\r\nx",
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\nno gzip here",
                "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 12\r\n\r\n\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            ])
        func broken(text: String) async throws {
            let host = try LoopbackHost(.text(text), .hangUp)
            try await withWeb { web in
                let error = await failure(web, question(host.address()))
                guard case .protocol? = error else {
                    return #expect(Bool(false), "\(String(describing: error))")
                }
                #expect(error?.isTransient == false)
            }
        }

        @Test(
            "what was packed and breaks off is not taken for whole",
            arguments: [
                ("gzip", "1f8b08000000000002032b484cce4e4d5128cf2f4a29d65128c0c9"), ("gzip", "1f"),
                ("gzip", "1f8b08000000000002032b484cce4e4d5128cf2f4a29d65128c0c90300d184eb27280000"),
                ("br", "1b270000a44158c8caa4209b5093cfb559ecc8a6"), ("br", "1b"),
            ])
        func cut(coding: String, hex: String) async throws {
            let host = try LoopbackHost(.answer(200, bytes(hex: hex), ["Content-Encoding: \(coding)"]))
            try await withWeb { web in
                let error = await failure(web, question(host.address()))
                #expect(error == .truncated("what was packed has no end"))
            }
        }

        @Test(
            "gzip of several members is one body, whichever way it is cut into pieces; garbage behind is refused"
        )
        func members() async throws {
            let gzip = bytes(
                hex: "1f8b08000000000002032b484cce4e4d5128cf2f4a29d65128c0c90300d184eb2728000000")
            let host = try LoopbackHost { question in
                let tail = question.target == "/" ? [] : Array("garbage".utf8)
                let head =
                    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(74 + tail.count)\r\n\r\n"
                return [.text(head)]
                    + (gzip + gzip + tail).flatMap { [.bytes([$0]), .pause(.microseconds(100))] }
            }
            try await withWeb { web in
                let whole = try await fetched(web, question(host.address()))
                let words = "packed words, packed words, packed words"
                #expect(whole.text == words + words)
                let error = await failure(web, question(host.address("/tail")))
                #expect(error == .protocol("what is called gzip can't be unpacked"))
            }
        }
    }
}
