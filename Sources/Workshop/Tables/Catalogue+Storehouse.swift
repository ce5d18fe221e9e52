package import Postgres

/// Who may touch the folder of published files: any number who add, or one who tidies up.
extension Catalogue {
    /// A number of ours among PostgreSQL's advisory locks.
    private static let storehouseLock: Int64 = 0x4d50_5748_454c_4601

    /// Until the transaction ends, nobody tidies up: a file without a row may be one whose row is on its way.
    package func holdStorehouse(in tx: Transaction) async throws {
        try await tx.run("SELECT pg_advisory_xact_lock_shared(\(Catalogue.storehouseLock))")
    }

    /// Runs `body` while nobody is publishing, and nobody else tidies up. Waits for them as long as for any lock.
    /// - Returns: `nil` when that was not long enough.
    package func tidyingStorehouse<T: Sendable>(
        _ body: (Transaction) async throws -> T
    ) async throws -> T? {
        do {
            return try await database.transaction { tx in
                try await tx.run("SELECT pg_advisory_xact_lock(\(Catalogue.storehouseLock))")
                return try await body(tx)
            }
        } catch PostgresError.server(let error) where error.sqlstate == "55P03" {
            return nil
        }
    }

    /// The copies of these mods that are here.
    func files(of ids: [Int64], in tx: Transaction) async throws -> [Int64: PublishedFile] {
        let rows = try await tx.run(
            "SELECT id, zip_bytes, zip_sha256 FROM workshop.mods WHERE id = ANY (\(ids))")
        var files: [Int64: PublishedFile] = [:]
        for row in rows {
            files[try row.get(0)] = PublishedFile(bytes: try row.get(1), sha256: try row.get(2))
        }
        return files
    }

    /// Of which time at the source the copy is that is here; `nil`: none is.
    func updated(_ mod: Int64) async throws -> PostgresTimestamp? {
        try await database.run("SELECT date_update FROM workshop.mods WHERE id = \(mod)").first?.get(0)
    }
}
