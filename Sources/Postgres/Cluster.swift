import Glibc
internal import Platform

/// The cluster of a private server: how it is made, configured and brought up.
struct Cluster: Sendable {
    let place: PrivateServer.Place
    let tools: ServerTools
    let roles: PrivateServerRoles

    /// Makes the cluster when there is none.
    ///
    /// What an interrupted attempt left is thrown away.
    func create(log: @Sendable (String) -> Void) async throws {
        FolderTree.remove(place.unfinished)
        guard SmallFile.read(place.data + "/PG_VERSION") == nil else { return }
        log("making a PostgreSQL cluster in \(place.data)")
        try await initialise()
        try include(place.unfinished + "/postgresql.conf")
        // initdb has synced what it wrote; the name must be on disk as well before anything relies on it.
        guard rename(place.unfinished, place.data) == 0 else {
            throw PrivateServerError.folder(place.data, String(cString: strerror(errno)))
        }
        let folder = open(place.folder, O_RDONLY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    /// Nobody ever gets in without a password, not even before the first start.
    private func initialise() async throws {
        let file = place.passwords + ".first"
        let password = try PrivateServerRoles.passwords(in: place.passwords)[.administrator] ?? ""
        try SmallFile.write(password + "\n", to: file)
        defer { unlink(file) }
        try await tools.initialise(place.unfinished, passwordFile: file)
    }

    /// Our settings come last in postgresql.conf.
    ///
    /// What an operator sets by ALTER SYSTEM comes later still and wins.
    private func include(_ path: String) throws {
        guard let text = SmallFile.read(path) else { throw PrivateServerError.folder(path, "cannot be read") }
        try SmallFile.write(text + "\ninclude_if_exists = 'motorpool.conf'\n", to: path)
    }

    /// Writes our settings and who may connect.
    ///
    /// Done at every start, so that a new version of ours takes effect.
    func configure() throws {
        try SmallFile.write(settings, to: place.data + "/motorpool.conf")
        try roles.close()
    }

    private var settings: String {
        """
        # Written by motorpool at every start. Your own settings: ALTER SYSTEM.
        listen_addresses = ''
        port = 5432
        unix_socket_directories = '"\(Self.quoted(place.socket))"'
        unix_socket_permissions = 0700
        password_encryption = 'scram-sha-256'
        max_connections = 100
        shared_buffers = 256MB
        fsync = on
        synchronous_commit = on
        max_wal_size = 4GB
        checkpoint_timeout = 15min
        autovacuum_naptime = 10s
        logging_collector = on
        log_directory = '\(Self.quoted(place.log))'
        log_filename = '\(ServerLog.filename)'
        log_rotation_size = 16MB
        log_rotation_age = 0
        log_line_prefix = '%m [%p] %a '
        timezone = 'UTC'
        log_timezone = 'UTC'

        """
    }

    private static func quoted(_ text: String) -> String {
        text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
    }

    /// Adopts the server that runs, or starts one.
    func bringUp(log: @Sendable (String) -> Void) async throws {
        if let server = ServerProcess.running(on: place.data) {
            log("adopting the PostgreSQL server that still runs (process \(server.pid))")
            if try await adopt() { return }
        }
        ServerProcess.removeStaleFiles(on: place.data, socket: place.socket)
        try await startPatiently(log: log)
    }

    /// Waits until the surviving server accepts connections.
    /// - Returns: False when it ended instead: it was on its way down.
    private func adopt() async throws -> Bool {
        try? await tools.reload(place.data)
        let end = BootClock.now + .seconds(120)
        let settings = ConnectionSettings(
            url: PrivateServer.url(in: place.folder, database: "postgres", role: .administrator))
        while ServerProcess.running(on: place.data) != nil {
            do {
                await (try Connection.open(settings)).close()
                return true
            } catch  where PrivateServerRoles.isRefusal(error) {
                // It accepts connections; whose is seen to next.
                return true
            } catch {
                guard BootClock.now < end else { throw error }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        return false
    }

    /// Starts the server; tries again for a while, because orphans of a killed one hold its memory until they notice.
    private func startPatiently(log: @Sendable (String) -> Void) async throws {
        let end = BootClock.now + .seconds(20)
        while true {
            do {
                return try await tools.start(place.data, logFolder: place.log)
            } catch {
                guard BootClock.now < end, "\(error)".contains("shared memory block") else { throw error }
                log("waiting for the last processes of the old server to end")
                try await Task.sleep(for: .milliseconds(250))
            }
        }
    }
}
