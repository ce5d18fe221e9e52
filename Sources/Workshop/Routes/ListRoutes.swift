internal import Front
internal import HTTPServer
internal import Jobs
internal import Platform

/// Pages of mods, games, tags, genres and pictures.
extension WorkshopRoutes {
    var lists: [Route] { [listMods, listGames, listTags, listGenres, listResources] }

    private var listMods: Route {
        OpenWorkshop.route(
            "/list/mods/", "List the mods that are ready",
            Self.pageParameters + [
                Self.word(
                    "sort",
                    "NAME, SIZE, DATE_CREATION, DATE_UPDATE, DATE_REQUEST, SOURCE or DOWNLOADS; with i before it descending"
                ),
                Self.idList("tags", "mods that have all these tags"),
                Self.idList("games", "mods that belong to all these games"),
                Self.idList("allowed_ids", "these mods"),
                Self.flag("dependencies", "hide mods that need others"),
                Self.word("primary_sources", "mods from one of these sources: a JSON array of words"),
                Self.word(
                    "name",
                    "a part of the name; % and _ stand for any text and any character; at most 64 characters with 8 of these"
                ),
                Self.flag("short_description", "tell it"), Self.flag("description", "tell it"),
                Self.flag("dates", "tell them"),
                Self.flag("general", "tell name, size, source and downloads"),
            ], answers: [Self.okay, Self.tooMuch, Self.unreadable]
        ) { exchange in
            var arguments = Arguments(exchange)
            let (size, offset) = Self.page(&arguments)
            let show = ShownMod(&arguments)
            var filter = ModFilter()
            filter.hidesDependent = arguments.flag("dependencies")
            try arguments.check()
            statistics.count(.listMods)
            try Self.checkPage(size)
            filter.tags = arguments.ids("tags")
            filter.games = arguments.ids("games")
            filter.ids = arguments.ids("allowed_ids")
            filter.sources = arguments.words("primary_sources")
            filter.name = try Self.search(arguments.text("name"))
            try Self.checkComplexity(
                filter.tags.count + filter.games.count + filter.sources.count + filter.ids.count, max: 30)
            // An unknown order is the standard one.
            if let (order, isDescending) = Self.order(arguments.text("sort"), ModFilter.Order.self) {
                (filter.order, filter.isDescending) = (order, isDescending)
            }
            let busy = try await busy.value()
            filter.busy = busy.downloads + busy.pages
            let page = try await catalogue.mods(filter, PageRange(limit: size, offset: offset))
            return Self.list(
                page, offset, page.elements.map { .object([("id", .int($0.id))] + show.members(of: $0)) })
        }
    }

    private var listGames: Route {
        OpenWorkshop.route(
            "/list/games/", "List the games that mods are for",
            Self.pageParameters + [
                Self.word(
                    "sort",
                    "NAME, TYPE, CREATION_DATE, MODS_DOWNLOADS, MODS_COUNT or SOURCE; with i before it descending"
                ),
                Self.word("type_app", "games of one of these types: a JSON array of words"),
                Self.idList("genres", "games that have all these genres"),
                Self.word("primary_sources", "games from one of these sources: a JSON array of words"),
                Self.word("name", "a part of the name, as in the list of mods"),
                Self.flag("short_description", "tell it"),
                Self.flag("description", "tell it"), Self.flag("dates", "tell creation_date"),
                Self.flag("statistics", "tell mods_downloads and mods_count"),
            ], answers: [Self.okay, Self.tooMuch, Self.unreadable]
        ) { exchange in
            var arguments = Arguments(exchange)
            let (size, offset) = Self.page(&arguments)
            let show = ShownGame(&arguments)
            try arguments.check()
            statistics.count(.listGames)
            try Self.checkPage(size)
            var filter = GameFilter()
            filter.types = arguments.words("type_app")
            filter.genres = arguments.ids("genres")
            filter.sources = arguments.words("primary_sources")
            filter.name = try Self.search(arguments.text("name"))
            try Self.checkComplexity(filter.types.count + filter.genres.count + filter.sources.count, max: 30)
            let sort = arguments.text("sort")
            if let (order, isDescending) = Self.order(sort, GameFilter.Order.self) {
                (filter.order, filter.isDescending) = (order, isDescending)
            } else {
                // The reference turns around only for what it does not know; nothing at all is the standard order.
                filter.isDescending = !sort.isEmpty
            }
            let page = try await catalogue.games(filter, PageRange(limit: size, offset: offset))
            return Self.list(
                page, offset, page.elements.map { .object([("id", .int($0.id))] + show.members(of: $0)) })
        }
    }

    private var listTags: Route {
        OpenWorkshop.route(
            "/list/tags/{game_id}", "List the tags of a game's mods",
            [Self.id("game_id", "the game")] + Self.pageParameters,
            answers: [Self.okay, Self.tooMuch, Self.unreadable]
        ) { exchange in
            var arguments = Arguments(exchange)
            let game = arguments.id("game_id")
            let (size, offset) = Self.page(&arguments)
            try arguments.check()
            statistics.count(.listTags)
            try Self.checkPage(size)
            let page = try await catalogue.tags(
                of: game ?? Arguments.noID, PageRange(limit: size, offset: offset))
            return Self.list(page, offset, page.elements.map(\.json))
        }
    }

    private var listGenres: Route {
        OpenWorkshop.route(
            "/list/genres", "List the genres of games", Self.pageParameters,
            answers: [Self.okay, Self.tooMuch, Self.unreadable]
        ) { exchange in
            var arguments = Arguments(exchange)
            let (size, offset) = Self.page(&arguments)
            try arguments.check()
            statistics.count(.listGenres)
            try Self.checkPage(size)
            let page = try await catalogue.genres(PageRange(limit: size, offset: offset))
            return Self.list(page, offset, page.elements.map(\.json))
        }
    }

    private var listResources: Route {
        OpenWorkshop.route(
            "/list/resources_mods/{mods_list_id}", "List pictures of mods",
            [Self.idList("mods_list_id", in: .path, "the mods")] + Self.pageParameters + [
                Self.word(
                    "types_resources",
                    "pictures of one of these types (logo, screenshot): a JSON array of words")
            ], answers: [Self.okay, Self.tooMuch, Self.unreadable]
        ) { exchange in
            var arguments = Arguments(exchange)
            let (size, offset) = Self.page(&arguments)
            try arguments.check()
            statistics.count(.listResourcesMods)
            try Self.checkPage(size, max: 70)
            let mods = arguments.pathIDs("mods_list_id")
            let types = arguments.words("types_resources")
            try Self.checkComplexity(mods.count + types.count, max: 80)
            let page = try await catalogue.resources(
                of: mods, types: types, PageRange(limit: size, offset: offset))
            return Self.list(page, offset, page.elements.map(\.json))
        }
    }

    /// `nil` for an order that nobody knows.
    private static func order<Order: RawRepresentable>(_ sort: String, _ type: Order.Type) -> (Order, Bool)?
    where Order.RawValue == String {
        if let order = Order(rawValue: sort) { return (order, false) }
        guard sort.hasPrefix("i"), let order = Order(rawValue: String(sort.dropFirst())) else { return nil }
        return (order, true)
    }
}

/// Which members of a mod are told.
struct ShownMod {
    private let shortDescription: Bool
    private let description: Bool
    private let dates: Bool
    private let general: Bool

    init(_ arguments: inout Arguments) {
        shortDescription = arguments.flag("short_description")
        description = arguments.flag("description")
        dates = arguments.flag("dates")
        general = arguments.flag("general", true)
    }

    /// - Parameter unwritten: sent, and not written down yet.
    func members(of mod: ListedMod, unwritten: Int64 = 0) -> [(String, JSONText)] {
        var members: [(String, JSONText)] = []
        if general {
            members += [
                ("name", .string(mod.name)), ("size", .int(mod.size)), ("source", .string(mod.source)),
                ("downloads", .int(mod.downloads + unwritten)),
            ]
        }
        if description { members.append(("description", .string(mod.description))) }
        if shortDescription {
            members.append(("short_description", .string(Catalogue.shortened(mod.shortDescription))))
        }
        if dates {
            members += [
                ("date_creation", .string(mod.createdAt.python)),
                ("date_update", .string(mod.updatedAt.python)),
            ]
        }
        return members
    }
}

/// Which members of a game are told.
struct ShownGame {
    private let shortDescription: Bool
    private let description: Bool
    private let dates: Bool
    private let statistics: Bool

    init(_ arguments: inout Arguments) {
        shortDescription = arguments.flag("short_description")
        description = arguments.flag("description")
        dates = arguments.flag("dates")
        statistics = arguments.flag("statistics")
    }

    func members(of game: ListedGame) -> [(String, JSONText)] {
        var members: [(String, JSONText)] = [
            ("name", .string(game.name)), ("type", .string(game.type)), ("logo", .string(game.logo)),
            ("source", .string(game.source)),
        ]
        if shortDescription { members.append(("short_description", .string(game.shortDescription))) }
        if description { members.append(("description", .string(game.description))) }
        if statistics {
            members += [("mods_downloads", .int(game.modsDownloads)), ("mods_count", .int(game.modsCount))]
        }
        if dates { members.append(("creation_date", .string(game.createdAt.python))) }
        return members
    }
}

extension NamedThing {
    var json: JSONText { .object([("id", .int(id)), ("name", .string(name))]) }
}

extension ModResource {
    fileprivate var json: JSONText {
        .object([
            ("owner_id", .int(owner)), ("type", .string(type)), ("url", .string(url)), ("id", .int(id)),
            ("date_event", .string(changedAt.python)),
        ])
    }
}
