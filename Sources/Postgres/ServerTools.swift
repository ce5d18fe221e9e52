import Glibc
internal import Platform

/// The programs that come with a PostgreSQL server.
struct ServerTools: Sendable {
    /// The folder they stand in.
    let folder: String

    private static let debian = "/usr/lib/postgresql"
    private static let environment = ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"]

    /// Those that fit the cluster in `data`; when there is none yet, the newest.
    static func find(for data: String) throws -> ServerTools {
        guard let version = SmallFile.read(data + "/PG_VERSION")?.split(separator: "\n").first else {
            guard let newest = installed().last?.folder ?? inPath() else {
                throw PrivateServerError.noTools(
                    "install one (apt-get install postgresql), or set DATABASE_URL")
            }
            return ServerTools(folder: newest)
        }
        // A cluster opens only under the major version that made it.
        guard let fitting = installed().first(where: { String($0.version) == version })?.folder ?? inPath()
        else {
            throw PrivateServerError.noTools(
                "\(data) needs version \(version): install postgresql-\(version), or set DATABASE_URL")
        }
        return ServerTools(folder: fitting)
    }

    private static func installed() -> [(version: Int, folder: String)] {
        (FolderListing.names(in: debian) ?? [])
            .compactMap { name in Int(name).map { ($0, "\(debian)/\(name)/bin") } }
            .filter { access($0.1 + "/initdb", X_OK) == 0 && access($0.1 + "/postgres", X_OK) == 0 }
            .sorted { $0.0 < $1.0 }
            .map { (version: $0.0, folder: $0.1) }
    }

    private static func inPath() -> String? {
        // Where distributions other than Debian put them; the entrance alone reads the environment.
        ["/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"].first { access($0 + "/initdb", X_OK) == 0 }
    }

    /// Makes a cluster of a superuser `motorpool` with the password that stands in a file.
    func initialise(_ data: String, passwordFile: String) async throws {
        try await run(
            "making a PostgreSQL cluster", "initdb",
            [
                "-D", data, "-U", "motorpool", "-A", "scram-sha-256", "--pwfile", passwordFile, "-E", "UTF8",
                "--no-locale",
            ], within: .seconds(120))
    }

    /// Starts the server; returns when it accepts connections.
    ///
    /// pg_ctl puts it in a session of its own, so that neither our end nor a key pressed in our terminal reaches it.
    func start(_ data: String, logFolder: String) async throws {
        let log = logFolder + "/start.log"
        FolderTree.remove(log)
        do {
            try await run(
                "starting PostgreSQL", "pg_ctl", ["-D", data, "-l", log, "-w", "-t", "120", "-s", "start"],
                within: .seconds(150))
        } catch PrivateServerError.failed(let deed, let said) {
            // What it says before its log collector runs stands here, the rest in the newest file of the collector.
            let details = [log, ServerLog.newest(in: logFolder)].compactMap { $0.flatMap(SmallFile.read) }
            throw PrivateServerError.failed(deed, said + details.map { "\n" + $0.suffix(2000) }.joined())
        }
    }

    /// Stops the server; ends open connections.
    ///
    /// When it has not stopped in a minute it is stopped without a checkpoint, and recovers at its next
    /// start.
    func stop(_ data: String) async throws {
        do {
            try await run(
                "stopping PostgreSQL", "pg_ctl", ["-D", data, "-m", "fast", "-w", "-t", "60", "-s", "stop"],
                within: .seconds(90))
        } catch {
            guard ServerProcess.running(on: data) != nil else { return }
            try await run(
                "stopping PostgreSQL", "pg_ctl",
                ["-D", data, "-m", "immediate", "-w", "-t", "30", "-s", "stop"],
                within: .seconds(60))
        }
    }

    /// Makes a running server read its configuration again.
    func reload(_ data: String) async throws {
        try await run("reloading PostgreSQL", "pg_ctl", ["-D", data, "-s", "reload"], within: .seconds(30))
    }

    private func run(_ deed: String, _ program: String, _ arguments: [String], within: Duration) async throws
    {
        let output = try await ChildProcess.run(
            ["\(folder)/\(program)"] + arguments, environment: Self.environment, directory: "/",
            deadline: within)
        guard output.status.isSuccess else {
            throw PrivateServerError.failed(deed, "\(program) \(output.status)\n\(output.text)")
        }
    }
}
