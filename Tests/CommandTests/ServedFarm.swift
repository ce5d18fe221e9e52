import Glibc
import Platform
import Postgres
import TestSupport

/// A front and a worker as processes of their own, with a caller of each role.
final class ServedFarm: Sendable {
    let database: Program
    private let secrets: [String: String]
    private let lines: String
    private let port: Int
    private let front: Lock<ChildProcess?>

    fileprivate init(_ database: Program) async throws {
        self.database = database
        var secrets: [String: String] = [:]
        var lines: [String] = []
        for (role, name) in [("reader", "eye"), ("producer", "bot"), ("operator", "boss")] {
            let answer = try await database.run(["token", "new", "--role", role, "--name", name])
            let words = answer.text.split(whereSeparator: \.isWhitespace)
            guard let secret = words.first(where: { $0.hasPrefix("mp_") }),
                let line = words.first(where: { $0.hasPrefix("\(name):\(role):") })
            else { throw Broken(description: answer.text) }
            secrets[role] = String(secret)
            lines.append(String(line))
        }
        self.secrets = secrets
        self.lines = lines.joined(separator: ",")
        let (descriptor, port) = try Loopback.listen(on: "127.0.0.1")
        close(descriptor)
        self.port = port
        front = Lock(nil)
        try await start()
    }

    /// The program of a caller; without a token when `nil`.
    func `as`(_ token: String?) -> Program {
        var program = Program(variables: ["MOTORPOOL_URL": "http://127.0.0.1:\(port)"])
        if let token { program.variables["MOTORPOOL_TOKEN"] = token }
        return program
    }

    var reader: Program { self.as(secrets["reader"]) }
    var producer: Program { self.as(secrets["producer"]) }
    var boss: Program { self.as(secrets["operator"]) }

    /// How many connections to the front are open, as the kernel has it.
    var clients: Int {
        get throws {
            let end = ":" + String(port, radix: 16, uppercase: true)
            return try TextOf.file("/proc/net/tcp").split(separator: "\n").count { line in
                let fields = line.split(separator: " ")
                // Its other end is the front, and it is established.
                return fields.count > 3 && fields[2].hasSuffix(end) && fields[3] == "01"
            }
        }
    }

    /// Ends the front in good order and starts it again at the same address.
    func restart() async throws {
        stop()
        try await start()
    }

    func stop() {
        let child = front.withLock { child in
            defer { child = nil }
            return child
        }
        _ = child?.terminate(grace: .seconds(10))
    }

    private func start() async throws {
        let child = try ChildProcess.start(
            [TestServer.binary(), "serve", "--port", "\(port)", "--log", "json"],
            environment: [
                "PATH": "/usr/bin:/bin", "DATABASE_URL": database.database ?? "", "MOTORPOOL_TOKENS": lines,
                "MOTORPOOL_STATE": "/nonexistent/state",
            ], output: .captured(bytesMax: 1 << 20))
        front.withLock { $0 = child }
        try await eventually("the front listens", within: .seconds(20)) {
            _ = child.wait(deadline: .zero)
            return child.outputText.contains("\"event\":\"listening\"")
        }
    }
}

/// Lends a front and a worker over one database; both are ended.
func withFarm<T: Sendable>(_ body: (ServedFarm) async throws -> T) async throws -> T {
    try await withWorker { program, _ in
        let farm = try await ServedFarm(program)
        let result: Result<T, any Error>
        do { result = .success(try await body(farm)) } catch { result = .failure(error) }
        farm.stop()
        return try result.get()
    }
}
