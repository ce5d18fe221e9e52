internal import Crypto
internal import Glibc
internal import Platform
internal import Postgres

/// A front of its own for one case: a child process that serves on loopback.
struct FrontChild: Sendable {
    let child: ChildProcess
    let port: Int
    /// What its callers may say they are. Several, because each has its own share of requests a second.
    let secrets: [String]

    private static let callers = 16
    private static let startMax = 200

    static func start(in place: BenchPlace) async throws -> FrontChild {
        let secrets = (0..<callers).map { _ in "mp_" + Hex.text(Secret.random(32)) }
        let tokens = secrets.enumerated().map { index, secret in
            "bench\(index):producer:\(Hex.text(SHA256.digest(secret)))"
        }
        let port = try freePort()
        let child = try ChildProcess.start(
            [place.binary, "serve", "--host", "127.0.0.1", "--port", String(port)],
            environment: [
                "DATABASE_URL": place.settings.url, "MOTORPOOL_JOBS": place.folder, "PATH": "/usr/bin:/bin",
                "MOTORPOOL_POOLED": place.settings.pooled ? "1" : "0",
                "MOTORPOOL_TOKENS": tokens.joined(separator: ","),
            ], output: .file("\(place.folder)/serve.log"))
        let front = FrontChild(child: child, port: port, secrets: secrets)
        do { try await front.answers() } catch {
            await front.end()
            throw error
        }
        return front
    }

    func end() async { _ = try? await blocking("front end") { child.terminate(grace: .seconds(10)) } }

    /// A question as a client with a token sends it.
    func question(_ target: String, as caller: Int) -> [UInt8] {
        let secret = secrets[caller % secrets.count]
        let head =
            "GET \(target) HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nAuthorization: Bearer \(secret)\r\n\r\n"
        return Array(head.utf8)
    }

    private func answers() async throws {
        let clients = HTTPClients(
            port: port, count: 1, questions: [question("/health/ready", as: 0)], span: .milliseconds(50))
        for _ in 0..<Self.startMax {
            if let outcome = try? await clients.run(), outcome.good > 0 { return }
            if let status = child.wait(deadline: .zero) {
                throw BenchError("the front \(status): \(log)")
            }
        }
        throw BenchError("the front did not answer within ten seconds")
    }

    private var log: String { child.outputText }

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

    /// What the process holds in memory, in megabytes.
    var residentMegabytes: Double { Meter.residentMegabytes(child.pid) }
}
