package import Postgres

/// What the kinds of job write and read.
extension Catalogue {
    // MARK: Steam's word

    /// Records what Steam said just now: of `items` everything, of `missing` that there is nothing of that id.
    package func note(_ items: [SteamItem], missing: [Int64] = [], in runner: (any SQLRunner)? = nil)
        async throws
    {
        let runner = runner ?? database
        // In one order, so that two answers can't block each other.
        var statements = items.sorted { $0.id < $1.id }.map { item -> SQL in
            """
            INSERT INTO workshop.items AS i (id, checked_at, found, game, title, description, size, file_url, preview_url,
                tags, date_creation, date_update)
            VALUES (\(item.id), now(), true, \(item.game), \(Catalogue.clean(item.title)),
                \(Catalogue.clean(item.description)), \(item.size), \(Catalogue.clean(item.fileURL)),
                \(Catalogue.clean(item.previewURL)), \(item.tags.map(Catalogue.clean)),
                to_timestamp(\(item.createdAt.seconds)), to_timestamp(\(item.updatedAt.seconds)))
            ON CONFLICT (id) DO UPDATE SET checked_at = excluded.checked_at, found = true, game = excluded.game,
                title = excluded.title, description = excluded.description, size = excluded.size,
                file_url = excluded.file_url, preview_url = excluded.preview_url, tags = excluded.tags,
                date_creation = excluded.date_creation, date_update = excluded.date_update
            """
        }
        if !missing.isEmpty {
            statements.append(
                """
                INSERT INTO workshop.items (id, checked_at, found)
                SELECT id, now(), false FROM unnest(\(missing)) id GROUP BY id ORDER BY id
                ON CONFLICT (id) DO UPDATE SET checked_at = now(), found = false
                """)
        }
        guard !statements.isEmpty else { return }
        try await runner.run(all: statements)
    }

    /// Steam's last word on an item. `nil`: nobody ever asked, or it was forgotten.
    package func word(on id: Int64) async throws -> SteamWord? {
        let rows = try await database.run(
            """
            SELECT extract(epoch FROM now() - checked_at)::float8, found, game, title, description, size, file_url,
                preview_url, tags, date_creation, date_update FROM workshop.items WHERE id = \(id)
            """)
        guard let row = rows.first else { return nil }
        var item: SteamItem?
        if try row.get(1, as: Bool.self) {
            item = SteamItem(
                id: id, game: try row.get(2), title: try row.get(3), description: try row.get(4),
                size: try row.get(5), fileURL: try row.get(6), previewURL: try row.get(7),
                tags: try row.get(8),
                createdAt: try row.get(9), updatedAt: try row.get(10))
        }
        return SteamWord(id: id, age: .seconds(try row.get(0, as: Double.self)), item: item)
    }

    // MARK: Mods

    /// Which of these mods are here, each with its file.
    package func files(of ids: [Int64]) async throws -> [Int64: PublishedFile] {
        let rows = try await database.run(
            "SELECT id, zip_bytes, zip_sha256 FROM workshop.mods WHERE id = ANY (\(ids))")
        var files: [Int64: PublishedFile] = [:]
        for row in rows {
            files[try row.get(0)] = PublishedFile(bytes: try row.get(1), sha256: try row.get(2))
        }
        return files
    }

    /// A mod is here: its row is made, or renewed by a newer copy, and the mod is linked to its game and its tags.
    /// Counts the download as one that went well, and how long it was waited for.
    ///
    /// To be called in the transaction that settles the job, with the file lying in its place.
    /// - Parameter job: the download; while it is still at work (with children), the mod's condition is 1.
    package func publish(_ item: SteamItem, _ file: PublishedFile, by job: Int64, in tx: Transaction)
        async throws
    {
        let name = Catalogue.clean(item.title)
        let description = Catalogue.clean(item.description)
        try await tx.run(all: [
            """
            INSERT INTO workshop.mods AS m (id, name, name_folded, short_description, description, size, source, date_creation,
                date_update, zip_bytes, zip_sha256, published_at, published_by)
            VALUES (\(item.id), \(name), \(name.lowercased()), \(Catalogue.shortened(description)), \(description),
                \(item.size), 'steam', to_timestamp(\(item.createdAt.seconds)), to_timestamp(\(item.updatedAt.seconds)),
                \(file.bytes), \(file.sha256), now(), \(job))
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_folded = excluded.name_folded,
                short_description = excluded.short_description,
                description = excluded.description, size = excluded.size, source = excluded.source,
                date_creation = excluded.date_creation, date_update = excluded.date_update,
                zip_bytes = excluded.zip_bytes, zip_sha256 = excluded.zip_sha256,
                published_at = excluded.published_at, published_by = excluded.published_by
            """,
            """
            WITH waited AS (
                UPDATE workshop.items i SET wanted_at = NULL FROM workshop.items o
                WHERE i.id = \(item.id) AND o.id = i.id AND o.wanted_at IS NOT NULL RETURNING o.wanted_at
            )
            INSERT INTO workshop.delays (type, milliseconds)
            SELECT 'full', (extract(epoch FROM clock_timestamp() - wanted_at) * 1000)::bigint FROM waited
            """,
        ])
        try await link(item.id, to: item.game, tags: item.tags, in: tx)
        try await count(.downloadOK, in: tx)
    }

    /// The mod belongs to this game and has these tags and no others. Unknown tags are made, and allowed for the game.
    package func link(_ mod: Int64, to game: Int64, tags: [String], in runner: any SQLRunner) async throws {
        // Trimmed and each once, in their order. Made in alphabetic order, so that two mods can't block each other.
        var names: [String] = []
        for tag in tags {
            let name = Catalogue.trimmed(Catalogue.clean(tag))
            if !name.isEmpty, !names.contains(name) { names.append(name) }
        }
        try await runner.run(all: [
            // One mod of a game at a time: two that bring the same tags in another order would block each other.
            "SELECT pg_advisory_xact_lock(hashtextextended('workshop.games ' || \(game)::bigint, 0))",
            "DELETE FROM workshop.mods_games WHERE mod = \(mod) AND game <> \(game)",
            "INSERT INTO workshop.mods_games (mod, game) VALUES (\(mod), \(game)) ON CONFLICT DO NOTHING",
            "INSERT INTO workshop.tags (name) SELECT n FROM unnest(\(names.sorted())) n ON CONFLICT DO NOTHING",
            """
            DELETE FROM workshop.mods_tags l USING workshop.tags t
            WHERE l.mod = \(mod) AND t.id = l.tag AND t.name <> ALL (\(names))
            """,
            """
            INSERT INTO workshop.mods_tags (mod, tag)
            SELECT \(mod), t.id FROM unnest(\(names)) WITH ORDINALITY n(name, place)
            JOIN workshop.tags t ON t.name = n.name ORDER BY n.place ON CONFLICT DO NOTHING
            """,
            """
            INSERT INTO workshop.games_tags (game, tag)
            SELECT \(game), t.id FROM unnest(\(names)) WITH ORDINALITY n(name, place)
            JOIN workshop.tags t ON t.name = n.name ORDER BY n.place ON CONFLICT DO NOTHING
            """,
        ])
    }

    /// Records what an item's page said: its dependencies, screenshots and logo are these and no others. A mod that is
    /// no longer here is passed over.
    package func register(_ page: SteamPage, of mod: Int64, in runner: any SQLRunner) async throws {
        let held = try await runner.run(
            """
            UPDATE workshop.mods SET page_version = \(page.version), page_sha256 = \(page.sha256)
            WHERE id = \(mod) RETURNING id
            """)
        guard held.count > 0 else { return }
        let logo = page.logo.isEmpty ? [] : [("logo", Catalogue.clean(page.logo))]
        let shots = page.screenshots.map { ("screenshot", Catalogue.clean($0)) }
        let pictures = (logo + shots).filter { $0.1.utf8.count <= Catalogue.addressBytesMax }
        let urls = pictures.map(\.1)
        try await runner.run(all: [
            // One page at a time: two that show the same pictures in another order would block each other.
            "SELECT pg_advisory_xact_lock(hashtextextended('workshop.resources', 0))",
            "DELETE FROM workshop.mods_dependencies WHERE mod = \(mod) AND dependency <> ALL (\(page.dependencies))",
            """
            INSERT INTO workshop.mods_dependencies (mod, dependency)
            SELECT \(mod), d FROM unnest(\(page.dependencies)) WITH ORDINALITY a(d, place)
            WHERE d <> \(mod) ORDER BY place ON CONFLICT DO NOTHING
            """,
            "DELETE FROM workshop.resources WHERE mod = \(mod) AND url <> ALL (\(urls))",
            """
            INSERT INTO workshop.resources (mod, type, url)
            SELECT \(mod), type, url FROM unnest(\(pictures.map(\.0)), \(urls)) WITH ORDINALITY a(type, url, place)
            ORDER BY place ON CONFLICT DO NOTHING
            """,
        ])
    }

    /// Whether a game stands in the catalogue.
    package func knows(game: Int64) async throws -> Bool {
        try await database.run("SELECT 1 FROM workshop.games WHERE id = \(game)").count > 0
    }

    /// Records what the store said of a game; what was counted for it stays.
    package func register(_ game: SteamGame, in runner: (any SQLRunner)? = nil) async throws {
        let genres = game.genres.sorted { $0.id < $1.id }
        let name = Catalogue.clean(game.name)
        try await (runner ?? database as any SQLRunner).run(all: [
            """
            INSERT INTO workshop.games (id, name, name_folded, type, logo, short_description, description, source)
            VALUES (\(game.id), \(name), \(name.lowercased()), \(Catalogue.clean(game.type)),
                \(Catalogue.clean(game.logo)), \(Catalogue.clean(game.shortDescription)),
                \(Catalogue.clean(game.description)), 'steam')
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_folded = excluded.name_folded, type = excluded.type, logo = excluded.logo,
                short_description = excluded.short_description, description = excluded.description
            """,
            """
            INSERT INTO workshop.genres (id, name)
            SELECT DISTINCT ON (id) id, name
            FROM unnest(\(genres.map(\.id)), \(genres.map { Catalogue.clean($0.name) })) a(id, name) ORDER BY id
            ON CONFLICT (id) DO UPDATE SET name = excluded.name
            """,
            "DELETE FROM workshop.games_genres WHERE game = \(game.id) AND genre <> ALL (\(genres.map(\.id)))",
            """
            INSERT INTO workshop.games_genres (game, genre)
            SELECT \(game.id), id FROM unnest(\(game.genres.map(\.id))) WITH ORDINALITY a(id, place)
            ORDER BY place ON CONFLICT DO NOTHING
            """,
        ])
    }

    // MARK: Upkeep

    /// Bytes of all ZIPs that are here.
    package func bytesStored() async throws -> Int64 {
        try await database.run("SELECT coalesce(sum(zip_bytes), 0)::bigint FROM workshop.mods")[0].get(0)
    }

    /// Mods that were asked for longest ago go, one after another, while what is kept is more than `bytesMax`, or what went
    /// is less than `bytesLacking`.
    ///
    /// - Parameter limit: so many go at once, and no more.
    /// - Returns: how many went, and the bytes of their files, which may be removed after the commit.
    package func forgetOldest(
        keeping bytesMax: Int64, freeing bytesLacking: Int64, atMost limit: Int, in tx: Transaction
    ) async throws -> (count: Int, bytes: Int64) {
        let gone = try await tx.run(
            """
            DELETE FROM workshop.mods WHERE id = ANY (ARRAY(
                SELECT id FROM (
                    SELECT id, date_request, sum(zip_bytes) OVER () AS stored,
                        coalesce(sum(zip_bytes) OVER (ORDER BY date_request, id
                            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS older
                    FROM workshop.mods) m
                WHERE stored - older > \(bytesMax) OR older < \(bytesLacking) ORDER BY date_request, id LIMIT \(limit)))
            RETURNING zip_bytes
            """)
        return (gone.count, try gone.reduce(0) { try $0 + $1.get(0, as: Int64.self) })
    }

    /// The mod is not here any more: its row goes, with its links, dependencies and resources.
    ///
    /// - Parameter file: `nil`: whatever copy it is; else only when this copy is still the one that is here.
    /// - Returns: whether it went. Its file may be removed after the commit.
    @discardableResult
    package func forget(_ mod: Int64, copy file: PublishedFile? = nil, in runner: (any SQLRunner)? = nil)
        async throws -> Bool
    {
        let gone = try await (runner ?? database as any SQLRunner).run(
            """
            DELETE FROM workshop.mods WHERE id = \(mod)
                AND (\(file == nil) OR zip_sha256 = \(file?.sha256 ?? [])) RETURNING id
            """)
        return gone.count > 0
    }

    /// Forgets what Steam said longer ago than `age` of mods that are not here, and all but the last delays.
    package func forgetWords(olderThan age: Duration) async throws {
        try await database.run(all: [
            """
            DELETE FROM workshop.items WHERE id = ANY (ARRAY(SELECT i.id FROM workshop.items i
                WHERE i.checked_at < now() - make_interval(secs => \(Double(age.components.seconds)))
                AND NOT EXISTS (SELECT 1 FROM workshop.mods m WHERE m.id = i.id) ORDER BY i.checked_at LIMIT 10000))
            """,
            """
            DELETE FROM workshop.delays d WHERE d.id < ALL (ARRAY(SELECT l.id FROM workshop.delays l
                WHERE l.type = d.type ORDER BY l.id DESC LIMIT 20))
            """,
        ])
    }

    /// Longer addresses of pictures are passed over.
    static let addressBytesMax = 2000

    private static func trimmed(_ text: String) -> String {
        let isSpace: (Character) -> Bool = { $0.isWhitespace }
        let tail = text.drop(while: isSpace)
        return String(tail.reversed().drop(while: isSpace).reversed())
    }
}
