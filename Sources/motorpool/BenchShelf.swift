internal import Bench
internal import Glibc
internal import Postgres
internal import Workshop

/// Makes a file a mod without Steam's help, so that the way of its bytes can be measured.
struct BenchShelf: ModShelf {
    private static let mod: Int64 = 1

    func place(bytes: Int, sha256: [UInt8], in folder: String, of settings: ConnectionSettings) async throws
        -> (
            file: String, target: String
        )
    {
        let storehouse = Storehouse(folder)
        try storehouse.open()
        let file = PublishedFile(bytes: Int64(bytes), sha256: sha256)
        let database = Database(settings, connectionsMax: 1)
        let result: Result<Void, any Error>
        do { result = .success(try await publish(file, in: database)) } catch { result = .failure(error) }
        await database.close()
        try result.get()
        return (storehouse.path(of: Self.mod, file), "/download/\(Self.mod)")
    }

    private func publish(_ file: PublishedFile, in database: Database) async throws {
        let item = SteamItem(
            id: Self.mod, game: 1, title: "large", description: "", size: file.bytes,
            createdAt: PostgresTimestamp(microseconds: 0), updatedAt: PostgresTimestamp(microseconds: 0))
        try await database.transaction { tx in
            try await Catalogue(database).publish(item, file, by: 1, in: tx)
        }
    }
}
