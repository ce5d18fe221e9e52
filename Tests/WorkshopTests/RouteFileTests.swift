import FoundationEssentials
import Front
import Glibc
import HTTPServer
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing
import Workshop

@Suite("ZIPs over a socket")
struct RouteFileTests {
    @Test("A ZIP has its length, its digest as ETag, and may be had in parts and resumed")
    func ranges() async throws {
        try await withShop { shop in
            try await shop.stock(.sample(7, title: "Мост"))
            let whole = Shop.content(of: 7)
            try await serving(shop) { ask in
                let full = try await ask("GET", "/download/7", [:])
                #expect(full.status == 200 && full.body == whole)
                let etag = "\"" + String(repeating: "ab", count: 32) + "\""
                #expect(full.headers["etag"] == etag)
                #expect(full.headers["content-length"] == "1000")
                #expect(full.headers["content-type"] == "application/zip")
                #expect(full.headers["accept-ranges"] == "bytes")
                #expect(
                    full.headers["content-disposition"]
                        == "attachment; filename*=utf-8''%D0%9C%D0%BE%D1%81%D1%82.zip")
                #expect(full.headers["access-control-allow-origin"] == "*")

                let head = try await ask("HEAD", "/download/steam/7", [:])
                #expect(head.status == 200 && head.body.isEmpty && head.headers["content-length"] == "1000")

                let rest = try await ask("GET", "/download/7", ["Range": "bytes=600-", "If-Range": etag])
                #expect(rest.status == 206 && rest.body == Array(whole[600...]))
                #expect(rest.headers["content-range"] == "bytes 600-999/1000")
                let changed = try await ask(
                    "GET", "/download/7", ["Range": "bytes=600-", "If-Range": "\"other\""])
                #expect(changed.status == 200 && changed.body == whole)

                let known = try await ask("GET", "/download/7", ["If-None-Match": etag])
                #expect(known.status == 304 && known.body.isEmpty)
                #expect(known.headers["access-control-allow-origin"] == "*")
                let beyond = try await ask("GET", "/download/7", ["Range": "bytes=5000-"])
                #expect(beyond.status == 416 && beyond.headers["content-range"] == "bytes */1000")
            }
        }
    }

    @Test("Raw brackets and quotes in a path, as browsers send them, are read")
    func rawPath() async throws {
        try await withShop { shop in
            try await shop.stock(.sample(7))
            try await serving(shop) { ask in
                let answer = try await ask("GET", "/condition/mod/[7]", [:])
                #expect(String(decoding: answer.body, as: UTF8.self) == #"{"7":0}"#)
                let pictures = try await ask(
                    "GET", "/list/resources_mods/[7]?types_resources=[\"logo\"]", [:])
                #expect(pictures.status == 200)
            }
        }
    }
}

/// What came back over a socket.
private struct Wire: Sendable {
    let status: Int
    /// By lower-case name.
    let headers: [String: String]
    let body: [UInt8]
}

private typealias Ask = @Sendable (String, String, [String: String]) async throws -> Wire

/// Lends the shop behind a real server.
private func serving(_ shop: Shop, _ body: (Ask) async throws -> Void) async throws {
    var settings = HTTPSettings()
    settings.port = 0
    let front = shop.front
    let server = HTTPServer(settings: settings) { await front.handle($0) }
    let address = try server.start()
    let result: Result<Void, any Error>
    do {
        result = .success(
            try await body { method, target, headers in
                let fields = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
                let text =
                    "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\(fields)\r\n"
                return try await withCheckedThrowingContinuation { continuation in
                    // Blocking calls stay off the pool's few threads.
                    _ = BlockingThread.start("asking") {
                        continuation.resume(with: Result { try exchange(text, address.port) })
                    }
                }
            })
    } catch { result = .failure(error) }
    await server.drain(within: .seconds(2))
    try result.get()
}

private func exchange(_ text: String, _ port: UInt16) throws -> Wire {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let code = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard code == 0, send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL)) == text.utf8.count
    else {
        throw NeverHappened(description: "no connection: \(String(cString: strerror(errno)))")
    }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = recv(descriptor, &part, part.count, 0)
        guard count > 0 else { break }
        bytes += part[..<count]
    }
    guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: [13, 10, 13, 10]) }) else {
        throw NeverHappened(description: "no head: \(String(decoding: bytes, as: UTF8.self))")
    }
    let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
        let halves = line.split(separator: ":", maxSplits: 1)
        headers[halves[0].lowercased()] = halves[1].drop { $0 == " " }.description
    }
    let status = lines.first.map { Int($0.split(separator: " ")[1]) ?? 0 } ?? 0
    return Wire(status: status, headers: headers, body: Array(bytes[(end + 4)...]))
}
