import Glibc
import Platform
import Postgres
import TestSupport

/// A PostgreSQL server of a test's own with a hot standby, and an address that leads to one of them.
struct ServerPair: Sendable {
    let primaryPort: Int
    let standbyPort: Int
    let proxy: CuttingProxy
    private let password: String

    /// The address that the farm is given; it leads to the primary at first.
    var url: String { url(port: proxy.port) }

    /// Straight to the primary.
    var primary: ConnectionSettings {
        var settings = ConnectionSettings(url: url(port: primaryPort))
        settings.acceptsAnyServer = true
        return settings
    }

    private func url(port: Int) -> String {
        "postgresql://motorpool:\(password)@127.0.0.1:\(port)/postgres?sslmode=disable&gssencmode=disable"
    }

    /// Cuts every session of the farm, on the primary.
    func cutSessions() async throws {
        let connection = try await Connection.open(primary)
        try await connection.run(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
            """)
        await connection.close()
    }

    func onPrimary(_ script: String) async throws {
        let connection = try await Connection.open(primary)
        try await connection.runScript("SET default_transaction_read_only = off")
        try await connection.runScript(script)
        await connection.close()
    }

    /// Lends a pair; both servers are stopped.
    static func with(_ body: (ServerPair) async throws -> Void) async throws {
        try await withFolder([:]) { folder in
            let cluster = try Cluster(folder)
            let result: Result<Void, any Error>
            do {
                try await cluster.makePrimary()
                try await cluster.makeStandby()
                let proxy = try CuttingProxy(to: cluster.primaryPort)
                proxy.start()
                defer { proxy.stop() }
                let pair = ServerPair(
                    primaryPort: cluster.primaryPort, standbyPort: cluster.standbyPort, proxy: proxy,
                    password: cluster.password)
                result = .success(try await body(pair))
            } catch { result = .failure(error) }
            await cluster.stop()
            try result.get()
        }
    }
}

/// The making of a pair.
private struct Cluster {
    let folder: String
    let tools: String
    let primaryPort: Int
    let standbyPort: Int
    let password: String

    init(_ folder: String) throws {
        self.folder = folder
        let versions = (9...99).reversed().map { "/usr/lib/postgresql/\($0)/bin" }
        guard let tools = versions.first(where: { access($0 + "/initdb", X_OK) == 0 }) else {
            throw Broken(description: "no PostgreSQL server is installed")
        }
        self.tools = tools
        primaryPort = try SilentPort().port
        standbyPort = try SilentPort().port
        // The loopback address is open to everybody on this machine.
        password = (0..<4).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
    }

    func makePrimary() async throws {
        let secret = folder + "/password"
        guard let file = fopen(secret, "w") else { throw Broken(description: "no password file") }
        fputs(password + "\n", file)
        fclose(file)
        try await run(
            "initdb", "-N", "-D", folder + "/a", "-U", "motorpool", "-A", "scram-sha-256", "--pwfile", secret,
            "-E",
            "UTF8", "--no-locale")
        let settings = """

            listen_addresses = '127.0.0.1'
            unix_socket_directories = ''
            fsync = off
            shared_buffers = 32MB
            """
        guard let conf = fopen(folder + "/a/postgresql.conf", "a") else {
            throw Broken(description: "no postgresql.conf")
        }
        fputs(settings + "\n", conf)
        fclose(conf)
        try await start("a", primaryPort)
    }

    func makeStandby() async throws {
        try await run(
            "pg_basebackup", "-D", folder + "/b", "-h", "127.0.0.1", "-p", "\(primaryPort)", "-U",
            "motorpool", "-R",
            "-X", "stream", "-c", "fast")
        try await start("b", standbyPort)
    }

    private func start(_ name: String, _ port: Int) async throws {
        try await run(
            "pg_ctl", "-D", "\(folder)/\(name)", "-l", "\(folder)/\(name).log", "-o", "-p \(port)", "-w",
            "-s", "start")
    }

    func stop() async {
        for name in ["b", "a"] where access("\(folder)/\(name)/postmaster.pid", F_OK) == 0 {
            // A server that will not stop is ended with what carries the name of this run's folder.
            try? await run("pg_ctl", "-D", "\(folder)/\(name)", "-m", "immediate", "-w", "-s", "stop")
        }
    }

    private func run(_ tool: String, _ arguments: String...) async throws {
        let output = try await ChildProcess.run(
            ["\(tools)/\(tool)"] + arguments,
            environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGPASSWORD": password],
            directory: "/",
            deadline: .seconds(90))
        guard output.status.isSuccess else { throw Broken(description: "\(tool): \(output.text)") }
    }
}
