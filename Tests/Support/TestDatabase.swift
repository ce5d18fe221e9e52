import Glibc
internal import Platform
package import Postgres

/// A database of its own for one test, on the server of this run.
package struct TestDatabase: Sendable {
    package let name: String
    /// By the server's socket.
    package let settings: ConnectionSettings
    /// By loopback, for tests that put something between; see `tcpSettings(port:)`.
    package let tcpSettings: ConnectionSettings

    /// By loopback through another port: a proxy's, or a pooler's.
    package func tcpSettings(port: Int) -> ConnectionSettings {
        var settings = tcpSettings
        settings.url = Address(settings.url).port(port).url
        return settings
    }

    fileprivate init(name: String) throws {
        self.name = name
        settings = try TestServer.settings().database(name)
        tcpSettings = try TestServer.tcpSettings().database(name)
    }
}

/// Lends an empty database; it is dropped at the end, with whoever is still connected.
package func withDatabase<T: Sendable>(_ body: (TestDatabase) async throws -> T) async throws -> T {
    try await withDatabase(from: "template0", body)
}

/// Lends a database in which `migrate` was already done.
///
/// `migrate` runs once a process for each `schema`, in a template; every test gets a copy of that.
package func withMigratedDatabase<T: Sendable>(
    _ schema: String = "motorpool",
    migrate: @escaping @Sendable (ConnectionSettings) async throws -> Void,
    _ body: (TestDatabase) async throws -> T
) async throws -> T {
    let template = try await Templates.shared.name(of: schema, migrate: migrate)
    return try await withDatabase(from: template, body)
}

private func withDatabase<T: Sendable>(
    from template: String, _ body: (TestDatabase) async throws -> T
) async throws -> T {
    let database = try TestDatabase(name: Names.next())
    try await create(database.name, from: template)
    let result: Result<T, any Error>
    do { result = .success(try await body(database)) } catch { result = .failure(error) }
    try await drop(database.name)
    return try result.get()
}

// MARK: - Making and dropping

/// Copies through the log.
///
/// Copying by file takes two checkpoints: measured with fsync on, 0.6 s for making and dropping an empty database against
/// 0.2 s this way, most of which is the drop's.
private func create(_ name: String, from template: String) async throws {
    try await administer("CREATE DATABASE \(name) TEMPLATE \(template) STRATEGY wal_log")
}

private func drop(_ name: String) async throws {
    // In a task of its own: a cancelled test must not leave its database behind.
    try await Task { try await administer("DROP DATABASE IF EXISTS \(name) WITH (FORCE)") }.value
}

private func administer(_ statement: String) async throws {
    var settings = try TestServer.settings()
    // Databases are made and dropped one after another, and many tests want theirs at once.
    settings.lockTimeout = .seconds(60)
    settings.statementTimeout = .seconds(60)
    let connection = try await Connection.open(settings)
    do {
        try await connection.runScript(statement, within: .seconds(60))
    } catch {
        await connection.close()
        throw error
    }
    await connection.close()
}

/// Names that no other test, process or run on this server has.
private enum Names {
    private static let count = Lock(0)

    static func next() -> String {
        let number = count.withLock { count in
            count += 1
            return count
        }
        return "test_\(getpid())_\(number)"
    }
}

/// The templates that this process has made, each once.
private actor Templates {
    static let shared = Templates()
    private var made: [String: Task<String, any Error>] = [:]

    func name(
        of schema: String, migrate: @escaping @Sendable (ConnectionSettings) async throws -> Void
    ) async throws -> String {
        if let task = made[schema] { return try await task.value }
        // Not a child of the test that happens to come first: others wait for it too.
        let task = Task {
            let name = Names.next() + "_template"
            try await create(name, from: "template0")
            try await migrate(try TestServer.settings().database(name))
            return name
        }
        made[schema] = task
        return try await task.value
    }
}

extension ConnectionSettings {
    /// The same server in another database.
    fileprivate func database(_ name: String) -> ConnectionSettings {
        var settings = self
        settings.url = Address(url).database(name).url
        return settings
    }
}
