import Glibc
import Platform
import Postgres

/// A PostgreSQL cluster of our own, durable as in production, that may be crashed at will.
final class TortureServer: Sendable {
    let port: UInt16
    private let password: String
    private let data: String
    private let log: String
    private let tools: String

    /// Makes the cluster in `scratch` and returns when it accepts connections.
    /// - Throws: `TortureError`, also for root, whom PostgreSQL refuses.
    static func start(in scratch: Scratch, seed: UInt64) async throws -> TortureServer {
        guard geteuid() != 0 else {
            throw TortureError(
                "PostgreSQL refuses to run as root: call ./test torture, which changes to an unprivileged account first"
            )
        }
        let server = try TortureServer(scratch, seed: seed)
        do {
            try await server.initialise(scratch)
            try await server.control("start")
        } catch {
            // It may have come up all the same; in a task of its own, because ours may be cancelled.
            await Task { await server.stop() }.value
            throw error
        }
        return server
    }

    private init(_ scratch: Scratch, seed: UInt64) throws {
        data = "\(scratch.path)/data"
        log = "\(scratch.path)/server.log"
        tools = try TortureServer.newestTools()
        port = try TortureServer.freePort()
        // The loopback address is open to everybody on this machine; the seed is printed, so it has no part in this.
        password = (0..<4).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
    }

    /// How to reach a database, straight or by a proxy's port.
    func settings(_ database: String, port: UInt16? = nil) -> ConnectionSettings {
        ConnectionSettings(url: url(database, port: port), applicationName: "torture")
    }

    /// libpq's own manners are switched off, so that a proxy between sees the plain conversation.
    func url(_ database: String, port: UInt16? = nil) -> String {
        "postgresql://motorpool:\(password)@127.0.0.1:\(port ?? self.port)/\(database)?sslmode=disable&gssencmode=disable"
    }

    /// As after a power cut: no checkpoint, recovery at the start.
    func crashAndRestart() async throws { try await control("restart", mode: "immediate") }

    /// What it holds is thrown away, so it need not be written out.
    func stop() async { try? await control("stop", mode: "immediate") }

    /// The end of what the server said, for a torture that went wrong.
    var lastWords: String { String(TextFile.read(log).suffix(3000)) }

    private func initialise(_ scratch: Scratch) async throws {
        let secret = "\(scratch.path)/password"
        try TextFile.write(password + "\n", to: secret)
        try await run(
            "initdb",
            [
                "-N", "-D", data, "-U", "motorpool", "-A", "scram-sha-256", "--pwfile", secret, "-E", "UTF8",
                "--no-locale",
            ])
        let settings = """
            listen_addresses = '127.0.0.1'
            port = \(port)
            unix_socket_directories = ''
            fsync = on
            synchronous_commit = on
            full_page_writes = on
            max_connections = 300
            shared_buffers = 128MB
            max_wal_size = 2GB
            autovacuum_naptime = 10s
            timezone = 'UTC'
            """
        try TextFile.write(
            TextFile.read("\(data)/postgresql.conf") + settings + "\n", to: "\(data)/postgresql.conf")
    }

    private func control(_ verb: String, mode: String? = nil) async throws {
        try await run(
            "pg_ctl",
            ["-D", data, "-l", log, "-w", "-t", "60", "-s"] + (mode.map { ["-m", $0] } ?? []) + [verb])
    }

    private func run(_ tool: String, _ arguments: [String]) async throws {
        let output = try await ChildProcess.run(
            ["\(tools)/\(tool)"] + arguments, environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"],
            directory: "/", deadline: .seconds(90))
        guard output.status.isSuccess else {
            throw TortureError("\(tool) \(output.status): \(output.text)\n\(lastWords)")
        }
    }

    private static func newestTools() throws -> String {
        let versions = (9...99).reversed().map { "/usr/lib/postgresql/\($0)/bin" }
        let folders = versions + ["/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"]
        guard let found = folders.first(where: { access("\($0)/initdb", X_OK) == 0 }) else {
            throw TortureError("no PostgreSQL server is installed (apt-get install postgresql)")
        }
        return found
    }

    private static func freePort() throws -> UInt16 {
        let listener = try LoopbackSocket.listen()
        defer { close(listener) }
        return LoopbackSocket.port(of: listener)
    }
}
