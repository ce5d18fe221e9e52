internal import Glibc
internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// The scratch database and the jobs folder that a benchmark works in.
struct BenchPlace: Sendable {
    let name: String
    let settings: ConnectionSettings
    let server: ConnectionSettings
    let binary: String
    let folder: String
    let database: Database

    static func make(
        on server: ConnectionSettings, migrators: [Migrator], binary: String
    ) async throws -> BenchPlace {
        let name = "motorpool_bench_\(getpid())"
        let admin = Database(server, connectionsMax: 1)
        try await admin.run(SQL("CREATE DATABASE \(pasting: name) TEMPLATE template0"), within: .seconds(60))
        await admin.close()
        let settings = try server.inDatabase(name)
        for migrator in migrators { _ = try await migrator.migrate(settings) }
        let database = Database(settings, connectionsMax: 4)
        try await database.run(SQL(Ceiling.table))
        let folder = "/tmp/\(name)"
        mkdir(folder, 0o755)
        return BenchPlace(
            name: name, settings: settings, server: server, binary: binary, folder: folder, database: database
        )
    }

    /// Drops the database and the folder.
    func remove() async throws {
        await database.close()
        let admin = Database(server, connectionsMax: 1)
        try await admin.run(
            SQL("DROP DATABASE IF EXISTS \(pasting: name) WITH (FORCE)"), within: .seconds(60))
        await admin.close()
        FolderTree.remove(folder)
    }

    func write(_ text: String, to file: String) throws {
        let path = "\(folder)/\(file)"
        guard let stream = fopen(path, "w") else { throw BenchError("can't write \(path)") }
        defer { fclose(stream) }
        fputs(text, stream)
    }

    /// Empties the queue and settles the server down, so that every case begins alike.
    func reset() async throws {
        try await database.run(
            SQL(
                "TRUNCATE motorpool.jobs, motorpool.history, motorpool.dead, motorpool.subjects, motorpool.keys"
            ),
            within: .seconds(60))
        try await database.run(SQL("UPDATE motorpool.queues SET paused_at = NULL, paused_by = NULL"))
        // As autovacuum leaves the table of an idle farm: plans made now must still be right for the burst that follows.
        try await database.run(SQL("ANALYZE motorpool.jobs"))
        try await database.run(SQL("CHECKPOINT"), within: .seconds(120))
    }

    /// What the figures can only be read with: the machine and the server's own settings.
    func header() async throws -> [String] {
        let names = [
            "fsync", "synchronous_commit", "full_page_writes", "wal_level", "shared_buffers", "max_wal_size",
            "checkpoint_timeout", "autovacuum", "max_connections",
        ]
        let rows = try await database.run(
            "SELECT name, current_setting(name) FROM unnest(\(names)) WITH ORDINALITY n(name, i) ORDER BY i")
        let settings = try rows.map { try "\($0.get(0, as: String.self))=\($0.get(1, as: String.self))" }
        let version: String =
            try await database.run("SELECT split_part(version(), ' on ', 1)").first?.get(0) ?? "?"
        return ["\(version), \(sysconf(Int32(_SC_NPROCESSORS_ONLN))) cores", settings.joined(separator: " ")]
    }
}
