internal import CZlib
import HTTPServer
import Testing

/// What gzip made, as it was before.
private func unpacked(_ bytes: [UInt8]) -> [UInt8]? {
    var stream = z_stream()
    guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
        return nil
    }
    defer { inflateEnd(&stream) }
    var bytes = bytes
    var plain = [UInt8](repeating: 0, count: 10_000_000)
    let code = bytes.withUnsafeMutableBufferPointer { source in
        plain.withUnsafeMutableBufferPointer { target in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            stream.next_out = target.baseAddress
            stream.avail_out = UInt32(target.count)
            return inflate(&stream, Z_FINISH)
        }
    }
    guard code == Z_STREAM_END, stream.avail_in == 0 else { return nil }
    return Array(plain[..<Int(stream.total_out)])
}

private func serving(_ body: [UInt8], _ headers: Headers) -> @Sendable (Request) async -> Response {
    { _ in Response(200, headers: headers, content: .bytes(body)) }
}

private func get(_ accepted: String, method: String = "GET") -> String {
    "\(method) / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: \(accepted)\r\n\r\n"
}

/// Neither all the same nor all different.
private func text(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(97 + ($0 &* $0 >> 5) % 26) } }

@Suite struct GzipTests {
    @Test(
        "JSON is packed for who accepts it, and unpacks to what it was",
        arguments: [1_024, 70_000, 3_000_000])
    func roundTrip(_ count: Int) async throws {
        let body = text(count)
        try await withServer(handler: serving(body, ["Content-Type": "application/json", "ETag": "\"v\""])) {
            address, _ in
            let caller = try Caller(address)
            // The compressor is used again.
            for _ in 1...3 {
                try await caller.say(get("br, gzip"))
                let heard = try await caller.hear()
                #expect(heard["Content-Encoding"] == "gzip")
                #expect(heard["Vary"] == "Accept-Encoding")
                #expect(heard["Content-Type"] == "application/json")
                #expect(heard["ETag"] == "W/\"v\"")
                #expect(heard.body.count < count)
                let isSame = unpacked(heard.body) == body
                #expect(isSame)
                try await caller.say(get("gzip", method: "HEAD"))
                #expect(try await caller.hear(isBodiless: true)["Content-Length"] == "\(heard.body.count)")
            }
            try await caller.say(get("br"))
            let heard = try await caller.hear()
            #expect(heard["Content-Encoding"] == nil)
            #expect(heard["Vary"] == "Accept-Encoding")
            #expect(heard["ETag"] == "\"v\"")
            let isPlain = heard.body == body
            #expect(isPlain)
            try await caller.say("GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: W/\"v\"\r\n\r\n")
            #expect(try await caller.hear().status == 304)
        }
    }

    @Test("what is random is packed and unpacked, too")
    func random() async throws {
        var generator = SystemRandomNumberGenerator()
        let body = (0..<300_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        try await withServer(handler: serving(body, ["Content-Type": "text/plain"])) { address, _ in
            let caller = try Caller(address)
            try await caller.say(get("gzip"))
            let heard = try await caller.hear()
            let isSame = unpacked(heard.body) == body
            #expect(isSame)
        }
    }

    @Test(
        "what is small, no text, packed already or not to be changed is left alone",
        arguments: [
            (1_023, ["Content-Type": "application/json"]), (5_000, ["Content-Type": "application/zip"]),
            (5_000, ["Content-Type": "image/png"]), (5_000, [:]),
            (5_000, ["Content-Type": "text/html", "Content-Encoding": "br"]),
            (5_000, ["Content-Type": "text/html", "Cache-Control": "no-store, no-transform"]),
        ] as [(Int, Headers)])
    func leftAlone(_ count: Int, _ headers: Headers) async throws {
        let body = text(count)
        try await withServer(handler: serving(body, headers)) { address, _ in
            let caller = try Caller(address)
            try await caller.say(get("gzip"))
            let heard = try await caller.hear()
            #expect(heard["Content-Encoding"] == headers["Content-Encoding"])
            let isSame = heard.body == body
            #expect(isSame)
        }
    }

    @Test("an answer that varies already varies by this, too")
    func vary() async throws {
        try await withServer(
            handler: serving(text(5_000), ["Content-Type": "text/html; charset=utf-8", "Vary": "Origin"])
        ) { address, _ in
            let caller = try Caller(address)
            try await caller.say(get("gzip"))
            #expect(try await caller.hear()["Vary"] == "Origin, Accept-Encoding")
        }
    }

    @Test(
        "what a client accepts is read as it is meant",
        arguments: [
            (["gzip"], true), (["GZIP"], true), (["x-gzip"], true), (["deflate, gzip;q=0.5"], true),
            (["deflate", "gzip"], true), (["*"], true), (["gzip;q=0"], false), (["gzip; q=0.0"], false),
            (["*;q=0"], false), (["gzip;q=0, *"], false), (["*, gzip;q=0"], false), ([], false),
            ([""], false),
            (["identity"], false), (["gzipped"], false), (["gzip;q=x"], true),
        ])
    func accepted(_ fields: [String], _ isAllowed: Bool) {
        #expect(AcceptEncoding.allowsGzip(fields) == isAllowed)
    }
}
