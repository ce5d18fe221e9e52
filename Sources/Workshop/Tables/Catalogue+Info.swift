internal import Postgres

/// What single answers show.
extension Catalogue {
    /// A mod that is here, or one that is coming, as Steam described it. `nil`: neither.
    package func mod(_ id: Int64) async throws -> (mod: ListedMod, condition: Int)? {
        let rows = try await read(
            """
            SELECT \(pasting: ListedMod.columns), c.number
            FROM workshop.conditions(\([id])) c
            CROSS JOIN LATERAL (
                SELECT id, name, size, source, downloads, short_description, description, date_creation, date_update
                FROM workshop.mods WHERE id = c.id
                UNION ALL
                SELECT id, title, size, 'steam', 0, description, description, date_creation, date_update
                FROM workshop.items WHERE id = c.id AND found
                LIMIT 1) m
            WHERE c.number IS NOT NULL
            """)
        guard let row = rows.first else { return nil }
        return (try ListedMod(row), Int(try row.get(9, as: Int16.self)))
    }

    /// What a mod needs: the first of them, and how many there are.
    package func dependencies(of mod: Int64, atMost limit: Int) async throws -> (ids: [Int64], count: Int64) {
        let rows = try await read(all: [
            "SELECT count(*) FROM workshop.mods_dependencies WHERE mod = \(mod)",
            "SELECT dependency FROM workshop.mods_dependencies WHERE mod = \(mod) ORDER BY place LIMIT \(limit)",
        ])
        return (try rows[1].map { try $0.get(0) }, try rows[0][0].get(0))
    }

    package func game(_ id: Int64) async throws -> ListedGame? {
        try await read(
            "SELECT \(pasting: ListedGame.columns) FROM workshop.games g WHERE g.id = \(id)"
        ).first
            .map { try ListedGame($0) }
    }

    /// Numbers of the whole catalogue, by their names in answers. What is being fetched for the first time counts as a mod.
    package func totals(fetching: [Int64]) async throws -> [(name: String, count: Int64)] {
        let row = try await read(
            """
            SELECT (SELECT count(*) FROM workshop.mods) + (SELECT count(*) FROM unnest(\(fetching)) f(id)
                    WHERE NOT EXISTS (SELECT 1 FROM workshop.mods m WHERE m.id = f.id)),
                (SELECT count(*) FROM workshop.games), (SELECT count(*) FROM workshop.genres),
                (SELECT count(*) FROM workshop.tags), (SELECT count(DISTINCT mod) FROM workshop.mods_dependencies),
                (SELECT count(DISTINCT date) FROM workshop.days),
                (SELECT coalesce(sum(mods_downloads), 0)::bigint FROM workshop.games)
            """)[0]
        let names = [
            "mods", "games", "genres", "mods_tags", "mods_dependencies", "statistics_days", "mods_sent_count",
        ]
        return try names.enumerated().map { ($0.element, try row.get($0.offset)) }
    }
}
