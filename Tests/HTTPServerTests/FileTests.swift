internal import Glibc
import HTTPServer
import Platform
import TestSupport
import Testing

/// A file of this size, for as long as the body runs; the n-th byte is n times 31, shifted.
private func withFile<T: Sendable>(_ size: Int, _ body: (_ path: String, _ bytes: [UInt8]) async throws -> T)
    async throws -> T
{
    let path = "/tmp/motorpool-http-\(UInt32.random(in: 0...UInt32.max)).file"
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    defer { unlink(path) }
    var position = 0
    while position < size {
        position += bytes[position...].withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
    }
    // A whole second, so that its date says all.
    var times = [timespec(tv_sec: 1_000_000_000, tv_nsec: 0), timespec(tv_sec: 1_000_000_000, tv_nsec: 0)]
    futimens(file, &times)
    close(file)
    return try await body(path, bytes)
}

private func serving(_ path: String, etag: String? = "\"tag\"") -> @Sendable (Request) async -> Response {
    { _ in
        Response(
            200,
            headers: [
                "Content-Type": "application/zip", "Access-Control-Allow-Origin": "*",
                "Cache-Control": "no-cache",
            ], content: .file(FileContent(path: path, etag: etag)))
    }
}

private func get(_ fields: String..., method: String = "GET") -> String {
    "\(method) / HTTP/1.1\r\nHost: a\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
}

private let changed = "Sun, 09 Sep 2001 01:46:40 GMT"

@Suite struct FileTests {
    @Test("a file arrives whole, with its validators", arguments: [0, 1, 10_000_000])
    func whole(_ size: Int) async throws {
        try await withFile(size) { path, bytes in
            try await withServer(handler: serving(path)) { address, _ in
                let caller = try Caller(address)
                try await caller.say(get(method: "HEAD"))
                let heard = try await caller.hear(isBodiless: true)
                #expect(heard.status == 200)
                #expect(heard["Content-Length"] == "\(size)")
                #expect(heard["Content-Type"] == "application/zip")
                #expect(heard["ETag"] == "\"tag\"")
                #expect(heard["Last-Modified"] == changed)
                #expect(heard["Accept-Ranges"] == "bytes")
                try await caller.say(get())
                let body = try await caller.hearExactly(size)
                let isSame = body == bytes
                #expect(isSame)
                // Twice on one connection.
                try await caller.say(get("Range: bytes=0-0"))
                #expect(try await caller.hear().status == (size == 0 ? 416 : 206))
            }
        }
    }

    @Test(
        "a range is answered with its part",
        arguments: [
            ("bytes=0-9", 0, 10), ("bytes=500-999", 500, 1_000), ("bytes=990-5000", 990, 1_000),
            ("bytes=999-", 999, 1_000), ("bytes=0-", 0, 1_000), ("bytes=-1", 999, 1_000),
            ("bytes=-5000", 0, 1_000),
            ("Bytes=1-1", 1, 2), ("bytes= 1-2", 1, 3), ("bytes=0-99999999999999999999", 0, 1_000),
        ])
    func part(_ range: String, _ start: Int, _ end: Int) async throws {
        try await withFile(1_000) { path, bytes in
            try await withServer(handler: serving(path)) { address, _ in
                let caller = try Caller(address)
                try await caller.say(get("Range: \(range)"))
                let heard = try await caller.hear()
                #expect(heard.status == 206)
                #expect(heard["Content-Range"] == "bytes \(start)-\(end - 1)/1000")
                #expect(heard["Content-Length"] == "\(end - start)")
                #expect(heard.body == Array(bytes[start..<end]))
                #expect(heard["ETag"] == "\"tag\"")
            }
        }
    }

    @Test(
        "what is no single range of bytes is answered whole",
        arguments: [
            "bytes=0-1,5-6", "bytes=", "bytes", "lines=0-1", "bytes=5-4", "bytes=a-b", "bytes=-",
            "bytes=+1-2",
            "bytes=1 -2", "bytes=0x1-2", "bytes=1-2-3", "bytes=--1",
        ])
    func ignored(_ range: String) async throws {
        try await withFile(1_000) { path, bytes in
            try await withServer(handler: serving(path)) { address, _ in
                let caller = try Caller(address)
                try await caller.say(get("Range: \(range)"))
                let heard = try await caller.hear()
                #expect(heard.status == 200)
                #expect(heard["Content-Range"] == nil)
                #expect(heard.body == bytes)
            }
        }
    }

    @Test(
        "a range outside of the file is 416 and tells the size",
        arguments: ["bytes=1000-", "bytes=1000-2000", "bytes=-0", "bytes=99999999999999999999-"])
    func outside(_ range: String) async throws {
        try await withFile(1_000) { path, _ in
            try await withServer(handler: serving(path)) { address, _ in
                let caller = try Caller(address)
                try await caller.say(get("Range: \(range)"))
                let heard = try await caller.hear()
                #expect(heard.status == 416)
                #expect(heard["Content-Range"] == "bytes */1000")
                #expect(heard["Access-Control-Allow-Origin"] == "*")
                #expect(heard["Content-Type"] == "application/json")
                #expect(!heard.isLast)
            }
        }
    }

    @Test("HEAD ignores a range")
    func headRange() async throws {
        try await withFile(1_000) { path, _ in
            try await withServer(handler: serving(path)) { address, _ in
                let caller = try Caller(address)
                try await caller.say(get("Range: bytes=0-1", method: "HEAD"))
                let heard = try await caller.hear(isBodiless: true)
                #expect(heard.status == 200)
                #expect(heard["Content-Length"] == "1000")
            }
        }
    }

    @Test(
        "a range is answered only of what the client has the rest of",
        arguments: [
            ("\"tag\"", 206), (changed, 206), ("\"other\"", 200), ("W/\"tag\"", 200),
            ("Sun, 09 Sep 2001 01:46:41 GMT", 200), ("Sun, 09 Sep 2001 01:46:39 GMT", 200), ("nonsense", 200),
        ])
    func ifRange(_ condition: String, _ status: Int) async throws {
        try await withFile(1_000) { path, _ in
            try await withServer(handler: serving(path)) { address, _ in
                let caller = try Caller(address)
                try await caller.say(get("Range: bytes=0-1", "If-Range: \(condition)"))
                #expect(try await caller.hear().status == status)
            }
        }
    }

    @Test(
        "conditions are judged in their order",
        arguments: [
            (["If-None-Match: \"tag\""], 304), (["If-None-Match: W/\"tag\""], 304),
            (["If-None-Match: *"], 304),
            (["If-None-Match: \"a\", \"tag\""], 304),
            (["If-None-Match: \"a,\"", "If-None-Match: \"tag\""], 304),
            (["If-None-Match: \"other\""], 200), (["If-Match: \"tag\""], 200), (["If-Match: *"], 200),
            (["If-Match: \"other\""], 412), (["If-Match: W/\"tag\""], 412),
            (["If-Modified-Since: \(changed)"], 304),
            (["If-Modified-Since: Sun, 09 Sep 2001 01:46:39 GMT"], 200),
            (["If-Modified-Since: Sunday, 09-Sep-01 01:46:40 GMT"], 304),
            (["If-Modified-Since: Sun Sep  9 01:46:40 2001"], 304), (["If-Modified-Since: yesterday"], 200),
            (["If-Unmodified-Since: \(changed)"], 200),
            (["If-Unmodified-Since: Sun, 09 Sep 2001 01:46:39 GMT"], 412),
            // A tag says more than a date.
            (["If-None-Match: \"other\"", "If-Modified-Since: \(changed)"], 200),
            (["If-Match: \"tag\"", "If-Unmodified-Since: Sun, 09 Sep 2001 01:46:39 GMT"], 200),
            (["If-Match: \"other\"", "If-None-Match: \"tag\""], 412),
            (["If-None-Match: \"tag\"", "Range: bytes=0-1"], 304),
        ])
    func conditions(_ fields: [String], _ status: Int) async throws {
        try await withFile(1_000) { path, _ in
            try await withServer(handler: serving(path)) { address, _ in
                for method in ["GET", "HEAD"] {
                    let caller = try Caller(address)
                    try await caller.say(
                        "\(method) / HTTP/1.1\r\nHost: a\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n")
                    let heard = try await caller.hear(isBodiless: method == "HEAD")
                    #expect(heard.status == status)
                    #expect((heard["ETag"] == "\"tag\"") == (status != 412))
                    #expect((heard["Cache-Control"] == "no-cache") == (status != 412))
                    #expect((heard["Content-Type"] == nil) == (status == 304))
                    #expect(heard["Access-Control-Allow-Origin"] == "*")
                }
            }
        }
    }

    @Test("without a tag of the handler's, size and time of change make one")
    func ownTag() async throws {
        try await withFile(1_000) { path, _ in
            try await withServer(handler: serving(path, etag: nil)) { address, _ in
                let caller = try Caller(address)
                try await caller.say(get())
                let tag = try #require(try await caller.hear()["ETag"])
                #expect(tag.hasPrefix("\"") && tag.hasSuffix("\""))
                try await caller.say(get("If-None-Match: \(tag)"))
                #expect(try await caller.hear().status == 304)
                truncate(path, 10)
                try await caller.say(get("If-None-Match: \(tag)"))
                #expect(try await caller.hear().body.count == 10)
            }
        }
    }

    @Test("a link, a folder, a pipe and nothing are no files")
    func noFile() async throws {
        try await withFile(10) { path, _ in
            let link = path + ".link"
            let pipe = path + ".pipe"
            symlink(path, link)
            mkfifo(pipe, 0o600)
            defer {
                unlink(link)
                unlink(pipe)
            }
            for place in [link, pipe, "/tmp", path + ".none", "/dev/null", path + "\u{0}"] {
                try await withServer(handler: serving(place)) { address, _ in
                    let caller = try Caller(address)
                    try await caller.say(get())
                    let heard = try await caller.hear()
                    #expect(heard.status == 404)
                    #expect(heard["Content-Type"] == "application/json")
                    #expect(heard["Access-Control-Allow-Origin"] == "*")
                    #expect(heard["ETag"] == nil)
                }
            }
        }
    }

    @Test("a file that shrinks while it is sent breaks the connection rather than the framing")
    func shrinks() async throws {
        try await withFile(30_000_000) { path, _ in
            try await withServer(handler: serving(path)) { address, server in
                let caller = try Caller(address, receiveBuffer: 4_096)
                try await caller.say(get())
                _ = try await caller.hearSome(atMost: 1_000)
                truncate(path, 1_000)
                #expect(try await caller.hearAll().count < 30_000_000)
                #expect(server.counts.cuts == [.answerBroken: 1])
            }
        }
    }

    @Test("a download that is broken off leaves its file closed")
    func brokenOff() async throws {
        try await withFile(30_000_000) { path, _ in
            try await withServer(handler: serving(path)) { address, server in
                let caller = try Caller(address, receiveBuffer: 4_096)
                try await caller.say(get())
                _ = try await caller.hearSome(atMost: 1_000)
                #expect(Gate.opened(path) == 1)
                caller.reset()
                try await eventually("the file is closed") { Gate.opened(path) == 0 }
                #expect(server.counts.cuts == [.peerGone: 1])
            }
        }
    }
}
