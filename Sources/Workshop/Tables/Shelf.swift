package import Postgres

/// All that a request for one mod's file must know, read in one statement.
package struct Shelf: Sendable {
    /// A copy that is here.
    package struct Copy: Sendable {
        package let name: String
        package let file: PublishedFile
        /// At the source.
        package let updatedAt: PostgresTimestamp
        /// Since it was last asked for, by the database's clock.
        package let unaskedFor: Duration
    }

    /// What Steam said last.
    package struct Word: Sendable {
        package let age: Duration
        /// `nil`: that there is no such item.
        package let updatedAt: PostgresTimestamp?
    }

    package let id: Int64
    package let copy: Copy?
    /// As clients know it; `nil`: neither here nor coming.
    package let condition: Int?
    package let word: Word?
    /// Downloads that failed since the last good one.
    package let failures: Int
    /// How long ago the last download ended. `nil`: there was none, or one is under way.
    package let settledAgo: Duration?

    /// Whether Steam has a newer version than the copy.
    package var isOutdated: Bool {
        guard let copy, let updatedAt = word?.updatedAt else { return false }
        return updatedAt > copy.updatedAt
    }
}

extension Catalogue {
    package func shelf(_ id: Int64) async throws -> Shelf {
        let rows = try await database.run(
            """
            SELECT m.name, m.zip_bytes, m.zip_sha256, m.date_update,
                extract(epoch FROM now() - m.date_request)::float8, c.number,
                extract(epoch FROM now() - i.checked_at)::float8, CASE WHEN i.found THEN i.date_update END,
                coalesce(d.failures_in_a_row, 0)::bigint, extract(epoch FROM now() - d.settled_at)::float8
            FROM workshop.conditions(\([id])) c
            LEFT JOIN workshop.mods m ON m.id = c.id
            LEFT JOIN workshop.items i ON i.id = c.id
            LEFT JOIN motorpool.conditions d ON d.kind = 'steam-download' AND d.subject = c.id::text
            """)
        let row = rows[0]
        var copy: Shelf.Copy?
        if let name = try row.get(0, as: String?.self) {
            copy = Shelf.Copy(
                name: name, file: PublishedFile(bytes: try row.get(1), sha256: try row.get(2)),
                updatedAt: try row.get(3), unaskedFor: .seconds(try row.get(4, as: Double.self)))
        }
        let age = try row.get(6, as: Double?.self)
        let updatedAt = try row.get(7, as: PostgresTimestamp?.self)
        return Shelf(
            id: id, copy: copy, condition: try row.get(5, as: Int16?.self).map(Int.init),
            word: age.map { Shelf.Word(age: .seconds($0), updatedAt: updatedAt) },
            failures: try row.get(8), settledAgo: try row.get(9, as: Double?.self).map { .seconds($0) })
    }

    /// The numbers of those that are here or coming.
    package func conditions(of ids: [Int64]) async throws -> [Int64: Int] {
        var numbers: [Int64: Int] = [:]
        for row in try await database.run(
            "SELECT id, number FROM workshop.conditions(\(Array(Set(ids)))) WHERE number IS NOT NULL")
        {
            numbers[try row.get(0)] = Int(try row.get(1, as: Int16.self))
        }
        return numbers
    }

    /// Takes the turn to ask Steam whether a mod is still the newest: marks it as asked for now.
    /// - Returns: `false` when it is not here, or was asked for less than `span` ago.
    package func takeUpdateTurn(_ id: Int64, every span: Duration) async throws -> Bool {
        try await database.run(
            """
            UPDATE workshop.mods SET date_request = now()
            WHERE id = \(id) AND now() - date_request > make_interval(secs => \(Double(span.components.seconds)))
            """
        ).affected > 0
    }

    /// Marks that a download was asked for, so that its delay can be told when it has come.
    package func wanted(_ id: Int64) async throws {
        try await database.run("UPDATE workshop.items SET wanted_at = now() WHERE id = \(id)")
    }

    /// The mods that are being fetched or registered: what the queue holds of them.
    package func busy() async throws -> (downloads: [Int64], pages: [Int64]) {
        let rows = try await database.run(
            """
            SELECT kind = 'steam-download', subject::bigint FROM motorpool.conditions
            WHERE kind IN ('steam-download', 'steam-page') AND condition IN ('queued', 'working')
                AND subject ~ '^[0-9]{1,18}$'
            """)
        var downloads: [Int64] = []
        var pages: [Int64] = []
        for row in rows {
            let id: Int64 = try row.get(1)
            if try row.get(0, as: Bool.self) { downloads.append(id) } else { pages.append(id) }
        }
        return (downloads, pages)
    }
}
