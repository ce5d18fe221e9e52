internal import Crypto
internal import Glibc
internal import Platform
internal import Postgres

/// A front of its own for one case: a child process that serves on loopback.
struct FrontChild: Sendable {
    let child: ChildProcess
    let port: Int
    private let secret: String
    private let log: String

    private static let startMax = 200

    /// - Parameter besides: more of its environment.
    static func start(in place: BenchPlace, besides: [String: String] = [:]) async throws -> FrontChild {
        let log = "\(place.folder)/serve.log"
        let secret = "mp_" + Hex.text(Secret.random(32))
        let token = "bench:producer:\(Hex.text(SHA256.digest(secret)))"
        let port = try freePort()
        let child = try ChildProcess.start(
            [place.binary, "serve", "--host", "127.0.0.1", "--port", String(port)],
            environment: [
                "DATABASE_URL": place.settings.url, "MOTORPOOL_JOBS": place.folder, "PATH": "/usr/bin:/bin",
                "MOTORPOOL_POOLED": place.settings.pooled ? "1" : "0",
                "MOTORPOOL_TOKENS": token,
                // One caller is many here; everything else is as it is by default.
                "MOTORPOOL_TOKEN_READ_RATE": "100000/s burst 100000", "MOTORPOOL_HTTP_CONNECTIONS": "2000",
                "MOTORPOOL_HTTP_REQUESTS": "2000",
            ].merging(besides) { $1 }, output: .file(log))
        let front = FrontChild(child: child, port: port, secret: secret, log: log)
        do { try await front.answers() } catch {
            await front.end()
            throw error
        }
        return front
    }

    func end() async { _ = try? await blocking("front end") { child.terminate(grace: .seconds(10)) } }

    /// A question as a client with a token sends it, with more lines in its head; with a body of so many bytes to
    /// follow, it is a POST.
    func question(_ target: String, posting bytes: Int? = nil, saying more: [String] = []) -> [UInt8] {
        var lines = [
            "\(bytes == nil ? "GET" : "POST") \(target) HTTP/1.1", "Host: localhost",
            "Accept: application/json",
            "Authorization: Bearer \(secret)",
        ]
        if let bytes { lines += ["Content-Type: application/json", "Content-Length: \(bytes)"] }
        lines += more
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    private func answers() async throws {
        let clients = HTTPClients(
            port: port, count: 1, questions: [question("/health/ready")], span: .milliseconds(50))
        for _ in 0..<Self.startMax {
            if let outcome = try? await clients.run(), outcome.good > 0 { return }
            if let status = child.wait(deadline: .zero) {
                throw BenchError("the front \(status); it said: \(told)")
            }
        }
        throw BenchError("the front did not answer within ten seconds")
    }

    /// The end of its log: the folder is gone when somebody reads the error.
    private var told: String {
        guard let stream = fopen(log, "r") else { return "nothing" }
        defer { fclose(stream) }
        var bytes = [UInt8](repeating: 0, count: 16_384)
        let count = fread(&bytes, 1, bytes.count, stream)
        return String(String(decoding: bytes[..<count], as: UTF8.self).suffix(500))
    }

    /// A port that nobody has at this moment.
    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 ? getsockname(descriptor, $0, &size) : -1
            }
        }
        guard code == 0 else { throw BenchError("no port is free: \(String(cString: strerror(errno)))") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// User and system seconds of the process so far.
    var cpuSeconds: Double { Meter.cpu(of: child.pid) }

    /// What the process holds in memory, in megabytes.
    var residentMegabytes: Double { Meter.residentMegabytes(child.pid) }
}
