internal import Front
internal import HTTPServer
internal import Jobs

/// What belongs to each of several mods or games.
extension WorkshopRoutes {
    var associations: [Route] { [tagsOfMods, genresOfGames, conditions] }

    private var tagsOfMods: Route {
        OpenWorkshop.route(
            "/list/tags/mods/{mods_ids_list}", "Tell the tags of mods",
            [
                Self.idList("mods_ids_list", in: .path, "the mods"), Self.idList("tags", "only these tags"),
                Self.flag("only_ids", "tell ids instead of objects"),
            ], answers: [Self.okay, Self.tooMuch, Self.unreadable]
        ) { exchange in
            var arguments = Arguments(exchange)
            let onlyIDs = arguments.flag("only_ids")
            try arguments.check()
            statistics.count(.listTagsMods)
            let mods = arguments.pathIDs("mods_ids_list")
            let tags = arguments.ids("tags")
            // The clients know this refusal by another number than its sibling's.
            try Self.checkComplexity(mods.count + tags.count, max: 80, 1)
            return Self.table(mods, try await catalogue.tags(ofMods: mods, only: tags), onlyIDs)
        }
    }

    private var genresOfGames: Route {
        OpenWorkshop.route(
            "/list/genres/games/{games_ids_list}", "Tell the genres of games",
            [
                Self.idList("games_ids_list", in: .path, "the games"),
                Self.idList("genres", "only these genres"),
                Self.flag("only_ids", "tell ids instead of objects"),
            ], answers: [Self.okay, Self.tooMuch, Self.unreadable]
        ) { exchange in
            var arguments = Arguments(exchange)
            let onlyIDs = arguments.flag("only_ids")
            try arguments.check()
            statistics.count(.listGenresGames)
            let games = arguments.pathIDs("games_ids_list")
            let genres = arguments.ids("genres")
            try Self.checkComplexity(games.count + genres.count, max: 80)
            return Self.table(games, try await catalogue.genres(ofGames: games, only: genres), onlyIDs)
        }
    }

    private var conditions: Route {
        OpenWorkshop.route(
            "/condition/mod/{ids_array}", "Tell how it stands with mods",
            [Self.idList("ids_array", in: .path, "1 to 50 mods")], answers: [Self.okay, Self.tooMuch],
            about: """
                3: in line. 2: being fetched. 1: it may be had, and its page is being read. 0: ready. A mod that is \
                neither here nor coming is left out: that is how a failure shows.
                """
        ) { exchange in
            let ids = Arguments(exchange).pathIDs("ids_array")
            statistics.count(.conditionMod)
            guard (1...50).contains(ids.count) else {
                throw Refusal(413, "the size of the array is not correct", 1)
            }
            let numbers = try await catalogue.conditions(of: ids)
            return Told.json(
                .object(
                    Self.unique(ids).compactMap { id in numbers[id].map { (String(id), .int(Int64($0))) } }))
        }
    }

    /// A member for each id that was asked for.
    private static func table(_ ids: [Int64], _ things: [Int64: [NamedThing]], _ onlyIDs: Bool) -> Response {
        Told.json(
            .object(
                unique(ids).filter { $0 != Arguments.noID }.map { id in
                    let found = things[id] ?? []
                    return (String(id), .array(found.map { onlyIDs ? .int($0.id) : $0.json }))
                }))
    }

    private static func unique(_ ids: [Int64]) -> [Int64] {
        var seen = Set<Int64>()
        return ids.filter { seen.insert($0).inserted }
    }
}
