import Glibc
internal import Platform

/// A PostgreSQL cluster that belongs to one state folder, for farms that were given no server.
///
/// The server outlives us on purpose: a farm that is killed leaves a healthy database behind, and the next farm on the
/// same folder adopts it. It listens on a socket in the folder only, and everybody needs a password
/// (`PrivateServerRoles`).
///
/// What stands in the folder:
///
///     farm.lock      held while a farm runs
///     data/          the cluster; appears in one step, when it is complete
///     data.new/      a cluster in the making, or what an interrupted start left of it
///     passwords      mode 0600, one a role, as libpq reads them
///     socket/        mode 0700
///     log/           the server's log, bounded by `ServerLog`
package final class PrivateServer: Sendable {
    private let place: Place
    private let tools: ServerTools
    private let lock: FolderLock
    private let care: Task<Void, Never>

    /// Where everything of one state folder stands.
    struct Place: Sendable {
        let folder: String
        var data: String { folder + "/data" }
        var unfinished: String { folder + "/data.new" }
        var socket: String { folder + "/socket" }
        var log: String { folder + "/log" }
        var passwords: String { folder + "/passwords" }
    }

    private init(
        place: Place, tools: ServerTools, lock: FolderLock, cluster: Cluster,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.place = place
        self.tools = tools
        self.lock = lock
        // It must outlive the start that made it: it runs as long as the server is ours, and `stop` ends it.
        care = Task { await PrivateServer.care(for: cluster, in: place, log: log) }
    }

    deinit { care.cancel() }

    /// Keeps the server's log short, and starts the server again when it has died.
    private static func care(for cluster: Cluster, in place: Place, log: @Sendable (String) -> Void) async {
        var trimmedAt: Duration?
        var pause = Duration.seconds(1)
        while !Task.isCancelled {
            if trimmedAt.map({ BootClock.now - $0 > .seconds(60) }) ?? true {
                ServerLog.trim(place.log)
                trimmedAt = BootClock.now
            }
            try? await Task.sleep(for: pause)
            guard !Task.isCancelled, ServerProcess.running(on: place.data) == nil else {
                pause = .seconds(1)
                continue
            }
            log("the server has died under us; starting it again")
            do { try await cluster.bringUp(log: log) } catch {
                log("it can't be started: \(error)")
                pause = min(pause * 2, .seconds(30))
            }
        }
    }

    /// The address of the cluster's `motorpool` database, for libpq, with the role that reads and writes rows. It holds no
    /// password, but names the file that does.
    package var url: String { Self.url(in: place.folder) }

    /// The same with the role that owns the schemas, for migrations.
    package var ownerURL: String { Self.ownerURL(in: place.folder) }

    /// The same with the superuser, for measurements on scratch databases.
    package var administratorURL: String {
        Self.url(in: place.folder, database: "motorpool", role: .administrator)
    }

    /// The address that the cluster in this folder has or would have.
    package static func url(in folder: String) -> String {
        url(in: absolute(folder), database: "motorpool", role: .worker)
    }

    package static func ownerURL(in folder: String) -> String {
        url(in: absolute(folder), database: "motorpool", role: .owner)
    }

    static func url(in folder: String, database: String, role: PrivateServerRoles.Role) -> String {
        let place = Place(folder: folder)
        return "postgresql:///\(database)?host=\(percentEncoded(place.socket))&user=\(role.rawValue)"
            + "&passfile=\(percentEncoded(place.passwords))"
    }

    /// Takes the folder and returns when its server accepts connections and has the database `motorpool`.
    ///
    /// A missing cluster is made, a surviving server is adopted, a stopped or crashed one is started.
    /// - Parameter log: Is told, in sentences, what takes time or is worth knowing.
    /// - Throws: `PrivateServerError`, each with a sentence that says what to do.
    package static func start(
        in folder: String, log: @escaping @Sendable (String) -> Void
    ) async throws -> PrivateServer {
        let place = Place(folder: absolute(folder))
        let user = try owner()
        try checkSocketLength(place)
        try makeFolder(place.folder)
        let lock = try FolderLock(place.folder + "/farm.lock")
        let tools = try ServerTools.find(for: place.data)
        try makeFolder(place.socket)
        try makeFolder(place.log)
        let roles = PrivateServerRoles(place: place, tools: tools, user: user)
        let cluster = Cluster(place: place, tools: tools, roles: roles)
        try await cluster.create(log: log)
        try cluster.configure()
        try await cluster.bringUp(log: log)
        try await roles.establish(log: log)
        return PrivateServer(place: place, tools: tools, lock: lock, cluster: cluster, log: log)
    }

    /// Stops the server and gives the folder back.
    ///
    /// Call it last, when every connection of ours is closed.
    ///
    /// Connections that are still open are ended. Safe to call twice; the second call does nothing.
    package func stop() async throws {
        care.cancel()
        // A start that is under way would come after the stop.
        await care.value
        defer { lock.release() }
        guard ServerProcess.running(on: place.data) != nil else { return }
        try await tools.stop(place.data)
    }
}

// MARK: - Checks at the entrance

extension PrivateServer {
    /// The name of the account that we run as.
    private static func owner() throws -> String {
        guard geteuid() != 0 else { throw PrivateServerError.root }
        // `peer` authentication and initdb both look the account up by its number.
        guard let entry = getpwuid(geteuid()) else { throw PrivateServerError.noAccount(geteuid()) }
        return String(cString: entry.pointee.pw_name)
    }

    private static func checkSocketLength(_ place: Place) throws {
        // sockaddr_un holds 108 bytes, the last one a NUL.
        let path = place.socket + "/.s.PGSQL.5432"
        guard path.utf8.count < 108 else {
            throw PrivateServerError.folderTooLong(
                place.folder, bytesMax: 107 - (path.utf8.count - place.folder.utf8.count))
        }
    }

    /// Makes a folder, and those above it, for its owner alone.
    private static func makeFolder(_ path: String) throws {
        var part = ""
        for name in path.split(separator: "/") {
            part += "/" + name
            guard mkdir(part, 0o700) != 0, errno != EEXIST else { continue }
            // A folder above that we may not write in is no harm as long as it exists.
            guard access(part, F_OK) != 0 else { continue }
            throw PrivateServerError.folder(part, String(cString: strerror(errno)))
        }
        guard access(path, R_OK | W_OK | X_OK) == 0 else {
            throw PrivateServerError.folder(path, String(cString: strerror(errno)))
        }
    }

    static func absolute(_ path: String) -> String {
        var path = path
        if !path.hasPrefix("/"), let here = getcwd(nil, 0) {
            path = String(cString: here) + "/" + path
            free(here)
        }
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        return path
    }

    private static func percentEncoded(_ text: String) -> String {
        text.utf8.map { byte in
            let character = Character(UnicodeScalar(byte))
            if byte < 128 && (character.isLetter || character.isNumber || "-._~".contains(character)) {
                return String(character)
            }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (byte < 16 ? "0" : "") + digits
        }.joined()
    }
}
