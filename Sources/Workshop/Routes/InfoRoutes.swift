internal import Front
internal import HTTPServer
internal import Jobs
internal import Platform
internal import Postgres

/// One mod, one game, the line.
extension WorkshopRoutes {
    var infos: [Route] { [infoMod, infoGame, queueSize] }

    static let dependenciesMax = 20

    private var infoMod: Route {
        OpenWorkshop.route(
            "/info/mod/{mod_id}", "Tell about a mod",
            [
                Self.id("mod_id", "the mod"),
                Self.flag(
                    "dependencies",
                    "tell what it needs, the first \(Self.dependenciesMax), and how many there are"),
                Self.flag("short_description", "tell it"), Self.flag("description", "tell it"),
                Self.flag("dates", "tell them"),
                Self.flag("general", "tell name, size, source and downloads"),
            ], answers: [Self.okay, Self.unreadable]
        ) { exchange in
            var arguments = Arguments(exchange)
            let id = arguments.id("mod_id")
            let tellsDependencies = arguments.flag("dependencies")
            let show = ShownMod(&arguments)
            try arguments.check()
            statistics.count(.infoMod)
            var members: [(String, JSONText)] = [("result", .null)]
            if let id, let (mod, condition) = try await catalogue.mod(id) {
                let unwritten = statistics.pending(id).sent
                members = [
                    (
                        "result",
                        .object(
                            [("condition", .int(Int64(condition)))]
                                + show.members(of: mod, unwritten: unwritten))
                    )
                ]
            }
            if tellsDependencies {
                let (ids, count) = try await catalogue.dependencies(
                    of: id ?? Arguments.noID, atMost: Self.dependenciesMax)
                members += [
                    ("dependencies", .array(ids.map { .int($0) })), ("dependencies_count", .int(count)),
                ]
            }
            return Told.json(.object(members))
        }
    }

    private var infoGame: Route {
        OpenWorkshop.route(
            "/info/game/{game_id}", "Tell about a game",
            [
                Self.id("game_id", "the game"), Self.flag("short_description", "tell it"),
                Self.flag("description", "tell it"), Self.flag("dates", "tell creation_date"),
                Self.flag("statistics", "tell mods_downloads and mods_count"),
            ], answers: [Self.okay, Self.unreadable]
        ) { exchange in
            var arguments = Arguments(exchange)
            let id = arguments.id("game_id")
            let show = ShownGame(&arguments)
            try arguments.check()
            statistics.count(.infoGame)
            var game: ListedGame?
            if let id { game = try await catalogue.game(id) }
            return Told.json(.object([("result", game.map { .object(show.members(of: $0)) } ?? .null)]))
        }
    }

    private var queueSize: Route {
        OpenWorkshop.route(
            "/info/queue/size", "Tell how long the line is",
            answers: [
                .init(
                    200, "a number: half the mods in line, rounded to even; -1: it can't be told", .integer())
            ]
        ) { _ in
            statistics.count(.infoQueueSize)
            do {
                let waiting = Double(try await busy.value().downloads.count)
                return Told.json(.int(Int64((waiting / 2).rounded(.toNearestOrEven))))
            } catch is PostgresError {
                return Told.json(-1)
            }
        }
    }
}
