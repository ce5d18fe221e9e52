package import Postgres

/// One page of something, and how much there is of it.
package struct Page<Element: Sendable>: Sendable {
    package let size: Int64
    package let elements: [Element]
}

/// Which part of a list is asked for.
package struct PageRange: Sendable {
    package let limit: Int64
    package let offset: Int64

    package init(limit: Int64, offset: Int64) {
        self.limit = limit
        self.offset = max(0, offset)
    }

    var clause: SQL { " LIMIT \(limit) OFFSET \(offset)" }
}

extension Catalogue {
    /// The condition that whoever has this id is linked to every one of `ids`.
    fileprivate static func linked(
        _ id: String, as owner: String, to ids: [Int64], as column: String, in table: String
    ) -> SQL {
        let ids = Array(Set(ids))
        return """
            \(pasting: id) IN (SELECT l.\(pasting: owner) FROM workshop.\(pasting: table) l
                WHERE l.\(pasting: column) = ANY (\(ids)) GROUP BY l.\(pasting: owner) HAVING count(*) = \(ids.count))
            """
    }
}

/// What mods are looked for; what is empty filters nothing.
package struct ModFilter: Sendable {
    package enum Order: String, Sendable, CaseIterable {
        case name = "NAME"
        case size = "SIZE"
        case dateCreation = "DATE_CREATION"
        case dateUpdate = "DATE_UPDATE"
        case dateRequest = "DATE_REQUEST"
        case source = "SOURCE"
        case downloads = "DOWNLOADS"

        var column: String {
            switch self {
            case .name: "m.name"
            case .size: "m.size"
            case .dateCreation: "m.date_creation"
            case .dateUpdate: "m.date_update"
            case .dateRequest: "m.date_request"
            case .source: "m.source"
            case .downloads: "m.downloads"
            }
        }
    }

    package var order = Order.downloads
    package var isDescending = false
    /// The mod has all of them.
    package var tags: [Int64] = []
    /// The mod belongs to all of them.
    package var games: [Int64] = []
    package var ids: [Int64] = []
    package var sources: [String] = []
    /// Hides mods that need others.
    package var hidesDependent = false
    /// Found anywhere in the name, without case; `%` and `_` stand for any text and any character.
    package var name = ""
    /// Hidden, because they are not ready.
    package var busy: [Int64] = []

    package init() {}

    fileprivate var clause: SQL {
        var clause: SQL = " WHERE m.id <> ALL (\(busy))"
        func and(_ part: SQL) { clause = "\(clause) AND \(part)" }
        if !tags.isEmpty { and(Catalogue.linked("m.id", as: "mod", to: tags, as: "tag", in: "mods_tags")) }
        if !games.isEmpty {
            and(Catalogue.linked("m.id", as: "mod", to: games, as: "game", in: "mods_games"))
        }
        if !ids.isEmpty { and("m.id = ANY (\(ids))") }
        if !sources.isEmpty { and("m.source = ANY (\(sources))") }
        if hidesDependent {
            and("NOT EXISTS (SELECT 1 FROM workshop.mods_dependencies d WHERE d.mod = m.id)")
        }
        if !name.isEmpty { and(Catalogue.search("m", name)) }
        return clause
    }
}

/// What games are looked for; what is empty filters nothing.
package struct GameFilter: Sendable {
    package enum Order: String, Sendable, CaseIterable {
        case name = "NAME"
        case type = "TYPE"
        case creationDate = "CREATION_DATE"
        case modsDownloads = "MODS_DOWNLOADS"
        case modsCount = "MODS_COUNT"
        case source = "SOURCE"

        var column: String {
            switch self {
            case .name: "g.name"
            case .type: "g.type"
            case .creationDate: "g.creation_date"
            case .modsDownloads: "g.mods_downloads"
            case .modsCount: "mods_count"
            case .source: "g.source"
            }
        }
    }

    package var order = Order.modsDownloads
    package var isDescending = false
    package var types: [String] = []
    /// The game has all of them.
    package var genres: [Int64] = []
    package var sources: [String] = []
    package var name = ""

    package init() {}

    fileprivate var clause: SQL {
        var clause: SQL = " WHERE true"
        func and(_ part: SQL) { clause = "\(clause) AND \(part)" }
        if !types.isEmpty { and("g.type = ANY (\(types))") }
        if !genres.isEmpty {
            and(Catalogue.linked("g.id", as: "game", to: genres, as: "genre", in: "games_genres"))
        }
        if !sources.isEmpty { and("g.source = ANY (\(sources))") }
        if !name.isEmpty { and(Catalogue.search("g", name)) }
        return clause
    }
}

/// One mod as lists and answers show it.
package struct ListedMod: Sendable {
    package let id: Int64
    package let name: String
    package let size: Int64
    package let source: String
    package let downloads: Int64
    package let shortDescription: String
    package let description: String
    package let createdAt: PostgresTimestamp
    package let updatedAt: PostgresTimestamp

    static let columns =
        "m.id, m.name, m.size, m.source, m.downloads, m.short_description, m.description, m.date_creation, m.date_update"

    init(_ row: Row) throws {
        id = try row.get(0)
        name = try row.get(1)
        size = try row.get(2)
        source = try row.get(3)
        downloads = try row.get(4)
        shortDescription = try row.get(5)
        description = try row.get(6)
        createdAt = try row.get(7)
        updatedAt = try row.get(8)
    }
}

/// One game as lists and answers show it.
package struct ListedGame: Sendable {
    package let id: Int64
    package let name: String
    package let type: String
    package let logo: String
    package let source: String
    package let shortDescription: String
    package let description: String
    package let modsDownloads: Int64
    package let modsCount: Int64
    package let createdAt: PostgresTimestamp

    static let columns = """
        g.id, g.name, g.type, g.logo, g.source, g.short_description, g.description, g.mods_downloads,
        (SELECT count(*) FROM workshop.mods_games l WHERE l.game = g.id) AS mods_count, g.creation_date
        """

    init(_ row: Row) throws {
        id = try row.get(0)
        name = try row.get(1)
        type = try row.get(2)
        logo = try row.get(3)
        source = try row.get(4)
        shortDescription = try row.get(5)
        description = try row.get(6)
        modsDownloads = try row.get(7)
        modsCount = try row.get(8)
        createdAt = try row.get(9)
    }
}

/// A tag or a genre.
package struct NamedThing: Sendable {
    package let id: Int64
    package let name: String
}

/// A picture of a mod.
package struct ModResource: Sendable {
    package let id: Int64
    package let owner: Int64
    package let type: String
    package let url: String
    package let changedAt: PostgresTimestamp
}

/// What lists show.
extension Catalogue {
    /// The ids of the page come first, by the order's index; names and descriptions are read of these alone.
    package func mods(_ filter: ModFilter, _ range: PageRange) async throws -> Page<ListedMod> {
        let order = "\(filter.order.column)\(filter.isDescending ? " DESC" : ""), m.id"
        return try await page(
            count: "SELECT count(*) FROM workshop.mods m\(filter.clause)",
            """
            SELECT \(pasting: ListedMod.columns) FROM workshop.mods m JOIN (
                SELECT m.id FROM workshop.mods m\(filter.clause) ORDER BY \(pasting: order)\(range.clause)
            ) page ON page.id = m.id ORDER BY \(pasting: order)
            """, ListedMod.init)
    }

    package func games(_ filter: GameFilter, _ range: PageRange) async throws -> Page<ListedGame> {
        let order = "\(filter.order.column)\(filter.isDescending ? " DESC" : ""), g.id"
        return try await page(
            count: "SELECT count(*) FROM workshop.games g\(filter.clause)",
            """
            SELECT \(pasting: ListedGame.columns) FROM workshop.games g\(filter.clause)
            ORDER BY \(pasting: order)\(range.clause)
            """, ListedGame.init)
    }

    /// The tags that are allowed for a game, in the order in which they came up.
    package func tags(of game: Int64, _ range: PageRange) async throws -> Page<NamedThing> {
        try await page(
            count: "SELECT count(*) FROM workshop.games_tags WHERE game = \(game)",
            """
            SELECT t.id, t.name FROM workshop.games_tags l JOIN workshop.tags t ON t.id = l.tag
            WHERE l.game = \(game) ORDER BY l.place\(range.clause)
            """, Catalogue.thing)
    }

    package func genres(_ range: PageRange) async throws -> Page<NamedThing> {
        try await page(
            count: "SELECT count(*) FROM workshop.genres",
            "SELECT id, name FROM workshop.genres ORDER BY place\(range.clause)", Catalogue.thing)
    }

    /// The tags of each of these mods; only these tags, unless `tags` is empty.
    package func tags(ofMods mods: [Int64], only tags: [Int64]) async throws -> [Int64: [NamedThing]] {
        try await things(
            """
            SELECT t.id, t.name, l.mod FROM workshop.mods_tags l JOIN workshop.tags t ON t.id = l.tag
            WHERE l.mod = ANY (\(mods)) AND (\(tags.isEmpty) OR l.tag = ANY (\(tags))) ORDER BY l.place
            """)
    }

    /// The genres of each of these games; only these genres, unless `genres` is empty.
    package func genres(ofGames games: [Int64], only genres: [Int64]) async throws -> [Int64: [NamedThing]] {
        try await things(
            """
            SELECT g.id, g.name, l.game FROM workshop.games_genres l JOIN workshop.genres g ON g.id = l.genre
            WHERE l.game = ANY (\(games)) AND (\(genres.isEmpty) OR l.genre = ANY (\(genres))) ORDER BY l.place
            """)
    }

    /// Pictures, of all mods or of these, in the order in which they were found.
    package func resources(of mods: [Int64], types: [String], _ range: PageRange) async throws -> Page<
        ModResource
    > {
        let clause: SQL = """
             WHERE (\(mods.isEmpty) OR mod = ANY (\(mods))) AND (\(types.isEmpty) OR type = ANY (\(types)))
            """
        return try await page(
            count: "SELECT count(*) FROM workshop.resources\(clause)",
            "SELECT id, mod, type, url, date_event FROM workshop.resources\(clause) ORDER BY id\(range.clause)"
        ) { row in
            ModResource(
                id: try row.get(0), owner: try row.get(1), type: try row.get(2), url: try row.get(3),
                changedAt: try row.get(4))
        }
    }

    /// Matches a name without case. No character escapes another, as the pattern's writers expect.
    fileprivate static func search(_ table: String, _ name: String) -> SQL {
        "\(pasting: table).name_folded LIKE \("%" + clean(name).lowercased() + "%") ESCAPE ''"
    }

    private static func thing(_ row: Row) throws -> NamedThing {
        NamedThing(id: try row.get(0), name: try row.get(1))
    }

    private func things(_ statement: SQL) async throws -> [Int64: [NamedThing]] {
        var found: [Int64: [NamedThing]] = [:]
        for row in try await read(statement) {
            found[try row.get(2), default: []].append(try Catalogue.thing(row))
        }
        return found
    }

    private func page<Element: Sendable>(
        count: SQL, _ statement: SQL, _ element: (Row) throws -> Element
    ) async throws -> Page<Element> {
        let rows = try await read(all: [count, statement])
        return Page(size: try rows[0][0].get(0), elements: try rows[1].map(element))
    }
}
