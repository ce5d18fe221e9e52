import Front
import HTTPServer
import Jobs
import Postgres
import Store
import TestSupport
import Workshop

/// The contract's lines, on the stock that `fill` makes.
extension ContractRow {
    // Mods that are ready: 101 Bridge, 102 alpha, 103 Мост, 109 zeta (whose file is lost).
    // On their way: 104 in line, 105 being fetched, 106 being registered, 107 waiting for an update.
    static func fill(_ shop: Shop) async throws {
        let catalogue = shop.catalogue
        let map = ["Map", "Fun"]
        try await catalogue.register(.sample(4000, name: "Garry's Mod"))
        try await catalogue.register(
            .sample(
                294100, name: "RimWorld",
                genres: [.init(id: 23, name: "Indie"), .init(id: 1, name: "Action")]))
        try await catalogue.register(.sample(7, name: "Ящик", type: "app", genres: []))
        let long = String(repeating: "д", count: 300)
        for item in [
            SteamItem.sample(
                101, title: "Bridge", size: 300, tags: map, created: 1_600_000_000, updated: 1_600_001_000,
                description: long),
            .sample(
                102, title: "alpha", size: 100, tags: ["Map"], created: 1_600_000_300, updated: 1_600_000_900),
            .sample(
                103, title: "Мост %_", game: 294100, size: 200, tags: ["Fun"], created: 1_600_000_200,
                updated: 1_600_001_100),
            .sample(106, title: "Fresh", size: 50), .sample(107, title: "Older"),
            .sample(
                109, title: "zeta", game: 294100, size: 400, created: 1_600_000_100, updated: 1_600_000_800),
        ] { try await shop.stock(item) }
        try await shop.loseFile(of: 109)
        let database = shop.store.database
        try await catalogue.register(
            .sample(screenshots: ["https://cdn.example/101a.jpg"], logo: "https://cdn.example/101.jpg"),
            of: 101,
            in: database)
        try await catalogue.register(
            .sample(dependencies: [101], logo: "https://cdn.example/102.jpg"), of: 102, in: database)
        try await catalogue.register(.sample(dependencies: Array(1...25)), of: 106, in: database)
        for (mod, count) in [(109, 1), (101, 2), (102, 5)] as [(Int64, Int64)] {
            var tally = Tally()
            tally.sent[mod] = count
            try await catalogue.add(tally)
        }
        try await catalogue.note(
            [.sample(104, title: "Coming"), .sample(105, title: "Nearly"), .sample(108, title: "Failed")],
            missing: [77])
        try await shop.ask("steam-download", about: 104)
        try await shop.start(try await shop.ask("steam-download", about: 105))
        try await shop.ask("steam-page", about: 106)
        try await shop.ask("steam-download", about: 107)
        try await shop.end(try await shop.ask("steam-download", about: 108), as: "dead")
        var tally = Tally()
        tally.counts = [.start: 1]
        try await catalogue.add(tally)
    }

    static let all =
        conditions + infos + modLists + modFilters + gameLists + smallLists + statistics + forms + ways
        + files

    private static let notSize = refusal("the size of the array is not correct", 1)
    private static let badPage = refusal("incorrect page size", 1)
    private static let tooComplex = refusal("the maximum complexity of filters is 30 elements in sum", 2)
    private static func ids(_ count: Int) -> String {
        "[" + (1...count).map(String.init).joined(separator: ",") + "]"
    }

    private static let conditions: [ContractRow] = [
        .init("2.3 condition 0: ready", "/condition/mod/[101]", 200, .body(#"{"101":0}"#)),
        .init("2.3 condition 3: in line", "/condition/mod/[104]", 200, .body(#"{"104":3}"#)),
        .init("2.3 condition 2: being fetched", "/condition/mod/[105]", 200, .body(#"{"105":2}"#)),
        .init("2.3 condition 1: being registered", "/condition/mod/[106]", 200, .body(#"{"106":1}"#)),
        .init("2.1 condition of an update: 3", "/condition/mod/[107]", 200, .body(#"{"107":3}"#)),
        .init("2.1 a failed mod is absent", "/condition/mod/[108]", 200, .body("{}")),
        .init("2.3 an unknown mod is absent", "/condition/mod/[999]", 200, .body("{}")),
        .init(
            "2.3 keys are strings, in the order asked", "/condition/mod/[104,101,999,105]", 200,
            .body(#"{"104":3,"101":0,"105":2}"#)),
        .init(
            "3 the extension's brackets are encoded", "/condition/mod/%5B101%2C102%5D", 200,
            .body(#"{"101":0,"102":0}"#)),
        .init(
            "2.3 a space behind the comma", "/condition/mod/[101,%20102]", 200, .body(#"{"101":0,"102":0}"#)),
        .init("2.3 ids as strings", "/condition/mod/[%22101%22]", 200, .body(#"{"101":0}"#)),
        .init("2.3 ids as 1.0", "/condition/mod/[101.0]", 200, .body(#"{"101":0}"#)),
        .init("2.3 an id twice", "/condition/mod/[101,101]", 200, .body(#"{"101":0}"#)),
        .init("1.7 an id over int64", "/condition/mod/[99999999999999999999,101]", 200, .body(#"{"101":0}"#)),
        .init("1.7 a nested list", "/condition/mod/[[101],102]", 200, .body(#"{"102":0}"#)),
        .init("2.3 an empty list", "/condition/mod/[]", 413, notSize),
        .init("2.3 no list but ids", "/condition/mod/1,2", 413, notSize),
        .init("2.3 an object", "/condition/mod/%7B%7D", 413, notSize),
        .init("2.3 a bare id", "/condition/mod/101", 413, notSize),
        .init("2.3 a word", "/condition/mod/abc", 413, notSize),
        .init("2.3 50 ids", "/condition/mod/\(ids(50))", 200, .body("{}")),
        .init("2.3 51 ids", "/condition/mod/\(ids(51))", 413, notSize),
        .init("2.3 a plus in a path is no space", "/condition/mod/[1,+2]", 413, notSize),
    ]

    private static let infos: [ContractRow] = [
        .init(
            "2.3 info/mod", "/info/mod/101", 200,
            .body(#"{"result":{"condition":0,"name":"Bridge","size":300,"source":"steam","downloads":2}}"#)),
        .init(
            "2.3 info/mod of a mod in line", "/info/mod/104", 200,
            .contains(#""condition":3,"name":"Coming""#)),
        .init("2.3 info/mod of a mod being fetched", "/info/mod/105", 200, .contains(#""condition":2"#)),
        .init("2.3 info/mod of a mod being registered", "/info/mod/106", 200, .contains(#""condition":1"#)),
        .init("2.3 info/mod of an unknown mod", "/info/mod/999", 200, .body(#"{"result":null}"#)),
        .init("2.1 info/mod of a failed mod", "/info/mod/108", 200, .body(#"{"result":null}"#)),
        .init("1.7 info/mod over int64", "/info/mod/99999999999999999999", 200, .body(#"{"result":null}"#)),
        .init("2.3 info/mod below zero", "/info/mod/-5", 200, .body(#"{"result":null}"#)),
        .init("2.3 info/mod general=false", "/info/mod/101?general=false", 200, .keys(["condition"])),
        .init(
            "2.3 info/mod dates are ISO", "/info/mod/101?dates=true", 200,
            .contains(#""date_creation":"2020-09-13T12:26:40","date_update":"2020-09-13T12:43:20""#)),
        .init(
            "2.1 short_description is cut to 253 and three dots",
            "/info/mod/101?short_description=true&general=false", 200,
            .body(
                #"{"result":{"condition":0,"short_description":"\#(String(repeating: "д", count: 253))..."}}"#
            )),
        .init(
            "2.3 info/mod description is whole", "/info/mod/101?description=true&general=false", 200,
            .body(#"{"result":{"condition":0,"description":"\#(String(repeating: "д", count: 300))"}}"#)),
        .init(
            "2.3 dependencies stand beside result", "/info/mod/102?dependencies=true", 200,
            .member("dependencies", "[101]"),
            .member("dependencies_count", "1")),
        .init(
            "2.3 at most 20 dependencies are told, and how many there are", "/info/mod/106?dependencies=true",
            200,
            .member("dependencies", ids(20)), .member("dependencies_count", "25")),
        .init(
            "2.3 dependencies also when result is null", "/info/mod/999?dependencies=1", 200,
            .body(#"{"result":null,"dependencies":[],"dependencies_count":0}"#)),
        .init("2.3 no dependencies unless asked", "/info/mod/102", 200, .lacks("dependencies")),
        .init(
            "3 the updater's game=false is ignored", "/info/mod/101?dependencies=false&game=false", 200,
            .member("result", #"{"condition":0,"name":"Bridge","size":300,"source":"steam","downloads":2}"#)),
        .init(
            "2.3 info/game", "/info/game/4000", 200,
            .body(
                #"{"result":{"name":"Garry's Mod","type":"game","logo":"https://cdn.example/4000.jpg","source":"steam"}}"#
            )),
        .init("2.3 info/game of an unknown game", "/info/game/1", 200, .body(#"{"result":null}"#)),
        .init("1.7 info/game over int64", "/info/game/99999999999999999999", 200, .body(#"{"result":null}"#)),
        .init(
            "2.3 info/game statistics", "/info/game/4000?statistics=true", 200,
            .contains(#""mods_downloads":7,"mods_count":4"#), .lacks("creation_date")),
        .init(
            "2.3 info/game dates", "/info/game/4000?dates=true", 200,
            .keys(["creation_date", "logo", "name", "source", "type"])),
        .init(
            "2.3 info/game descriptions", "/info/game/4000?short_description=1&description=1", 200,
            .keys(["description", "logo", "name", "short_description", "source", "type"])),
        .init(
            "2.3 queue/size is a bare number: 3 in line, halved, to even", "/info/queue/size", 200, .body("2")
        ),
    ]

    private static let modLists: [ContractRow] = [
        .init(
            "2.3 list/mods: only condition 0, by DOWNLOADS ascending", "/list/mods/", 200,
            .ids([103, 109, 101, 102])),
        .init(
            "2.3 the key is offset", "/list/mods/?page_size=2&page=1", 200, .ids([101, 102]),
            .member("offset", "2")),
        .init(
            "2.3 database_size counts what the filters leave", "/list/mods/?page_size=1", 200,
            .member("database_size", "4")),
        .init(
            "1.5 page=-1 shows the first page", "/list/mods/?page=-1", 200, .ids([103, 109, 101, 102]),
            .member("offset", "-10")),
        .init(
            "2.3 a page behind the end", "/list/mods/?page=9", 200, .member("results", "[]"),
            .member("offset", "90")),
        .init("2.3 page over int64", "/list/mods/?page=99999999999999999999", 200, .member("results", "[]")),
        .init(
            "2.3 items are objects", "/list/mods/?allowed_ids=[101]", 200,
            .keys(["downloads", "id", "name", "size", "source"])),
        .init(
            "2.3 general=false leaves the id", "/list/mods/?general=false&page_size=1", 200,
            .member("results", #"[{"id":103}]"#)),
        .init(
            "2.3 dates in lists", "/list/mods/?general=false&dates=true&page_size=1", 200,
            .member(
                "results",
                #"[{"id":103,"date_creation":"2020-09-13T12:30:00","date_update":"2020-09-13T12:45:00"}]"#)),
        .init(
            "2.3 short_description in lists", "/list/mods/?allowed_ids=[102]&general=0&short_description=1",
            200, .member("results", #"[{"id":102,"short_description":"What it does."}]"#)),
        .init(
            "2.3 description in lists", "/list/mods/?allowed_ids=[102]&general=0&description=1", 200,
            .member("results", #"[{"id":102,"description":"What it does."}]"#)),
        .init("2.3 page_size 0", "/list/mods/?page_size=0", 413, badPage),
        .init("2.3 page_size 51", "/list/mods/?page_size=51", 413, badPage),
        .init("2.3 page_size -1", "/list/mods/?page_size=-1", 413, badPage),
        .init("2.3 page_size 1", "/list/mods/?page_size=1", 200, .ids([103])),
        .init("2.3 page_size 50", "/list/mods/?page_size=50", 200, .ids([103, 109, 101, 102])),
        .init("1.6 NAME is byte order", "/list/mods/?sort=NAME", 200, .ids([101, 102, 109, 103])),
        .init("2.3 iNAME", "/list/mods/?sort=iNAME", 200, .ids([103, 109, 102, 101])),
        .init("2.3 SIZE", "/list/mods/?sort=SIZE", 200, .ids([102, 103, 101, 109])),
        .init("2.3 iSIZE", "/list/mods/?sort=iSIZE", 200, .ids([109, 101, 103, 102])),
        .init("2.3 DATE_CREATION", "/list/mods/?sort=DATE_CREATION", 200, .ids([101, 109, 103, 102])),
        .init("2.3 iDATE_CREATION", "/list/mods/?sort=iDATE_CREATION", 200, .ids([102, 103, 109, 101])),
        .init("2.3 DATE_UPDATE", "/list/mods/?sort=DATE_UPDATE", 200, .ids([109, 102, 101, 103])),
        .init("2.3 iDATE_UPDATE", "/list/mods/?sort=iDATE_UPDATE", 200, .ids([103, 101, 102, 109])),
        .init("2.3 DATE_REQUEST", "/list/mods/?sort=DATE_REQUEST", 200, .ids([103, 109, 101, 102])),
        .init("2.3 iDATE_REQUEST", "/list/mods/?sort=iDATE_REQUEST", 200, .ids([102, 101, 109, 103])),
        .init("2.3 SOURCE", "/list/mods/?sort=SOURCE", 200, .ids([101, 102, 103, 109])),
        .init("2.3 DOWNLOADS", "/list/mods/?sort=DOWNLOADS", 200, .ids([103, 109, 101, 102])),
        .init("2.3 iDOWNLOADS", "/list/mods/?sort=iDOWNLOADS", 200, .ids([102, 101, 109, 103])),
        .init(
            "2.3 an unknown sort is DOWNLOADS ascending", "/list/mods/?sort=abc", 200,
            .ids([103, 109, 101, 102])),
        .init(
            "3 the updater's iUPDATE_DATE is unknown",
            "/list/mods/?page_size=40&page=0&sort=iUPDATE_DATE&general=false&primary_sources=[%22steam%22]",
            200,
            .ids([103, 109, 101, 102])),
    ]

    private static let modFilters: [ContractRow] = [
        .init("2.3 one tag", "/list/mods/?tags=[2]", 200, .ids([101, 102])),
        .init("2.3 AND over tags", "/list/mods/?tags=[1,2]", 200, .ids([101])),
        .init("2.3 a tag twice is one", "/list/mods/?tags=[1,1]", 200, .ids([103, 101])),
        .init("2.3 an unknown tag", "/list/mods/?tags=[999]", 200, .ids([]), .member("database_size", "0")),
        .init("2.3 one game", "/list/mods/?games=[294100]", 200, .ids([103, 109])),
        .init("2.3 two games are none", "/list/mods/?games=[4000,294100]", 200, .ids([])),
        .init(
            "2.3 OR over sources", "/list/mods/?primary_sources=[%22steam%22,%22local%22]", 200,
            .ids([103, 109, 101, 102])),
        .init("2.3 another source", "/list/mods/?primary_sources=[%22local%22]", 200, .ids([])),
        .init("2.3 OR over ids", "/list/mods/?allowed_ids=[101,102,999]", 200, .ids([101, 102])),
        .init(
            "3 the web site's ids with a space",
            "/list/mods/?page_size=30&page=0&allowed_ids=[101,+102]&general=true", 200, .ids([101, 102])),
        .init(
            "2.3 ids of mods that are not ready", "/list/mods/?allowed_ids=[104,105,106,107]", 200, .ids([])),
        .init(
            "2.3 dependencies=true hides mods that need others", "/list/mods/?dependencies=true", 200,
            .ids([103, 109, 101])),
        .init(
            "2.3 dependencies=false shows all", "/list/mods/?dependencies=false", 200,
            .ids([103, 109, 101, 102])),
        .init("1.6 name is looked for anywhere, without case", "/list/mods/?name=RID", 200, .ids([101])),
        .init(
            "1.6 name without case in Cyrillic", "/list/mods/?name=%D0%9C%D0%9E%D0%A1%D0%A2", 200, .ids([103])
        ),
        .init("1.6 name=% matches all", "/list/mods/?name=%25", 200, .ids([103, 109, 101, 102])),
        .init("1.6 a bare % matches all", "/list/mods/?name=%", 200, .ids([103, 109, 101, 102])),
        .init("1.6 _ stands for a character", "/list/mods/?name=br_dge", 200, .ids([101])),
        .init("1.6 a backslash escapes nothing", "/list/mods/?name=%5C", 200, .ids([])),
        .init("2.3 an empty name filters nothing", "/list/mods/?name=", 200, .ids([103, 109, 101, 102])),
        .init("2.3 tags=1,2 is no list", "/list/mods/?tags=1,2", 200, .ids([103, 109, 101, 102])),
        .init("2.3 tags=[] filters nothing", "/list/mods/?tags=[]", 200, .ids([103, 109, 101, 102])),
        .init(
            "2.3 an object is no list", "/list/mods/?tags=%7B%222%22:1%7D", 200, .ids([103, 109, 101, 102])),
        .init(
            "2.3 the last of repeated arguments counts", "/list/mods/?tags=[1]&tags=[2]", 200,
            .ids([101, 102])),
        .init("1.7 a nested list matches nothing", "/list/mods/?tags=[[2]]", 200, .ids([])),
        .init("1.7 a tag over int64", "/list/mods/?tags=[99999999999999999999]", 200, .ids([])),
        .init(
            "2.3 complexity 30", "/list/mods/?tags=\(ids(10))&games=\(ids(10))&allowed_ids=\(ids(10))", 200,
            .ids([])),
        .init(
            "2.3 complexity 31 with allowed_ids",
            "/list/mods/?tags=\(ids(10))&games=\(ids(10))&allowed_ids=\(ids(11))", 413, tooComplex),
        .init("2.3 complexity 31 of sources", "/list/mods/?primary_sources=\(ids(31))", 413, tooComplex),
        .init(
            "2.3 the page is judged before the filters", "/list/mods/?page_size=0&tags=\(ids(31))", 413,
            badPage),
    ]

    private static let gameLists: [ContractRow] = [
        .init("2.3 list/games: MODS_DOWNLOADS ascending", "/list/games/", 200, .ids([7, 294100, 4000])),
        .init("2.3 MODS_DOWNLOADS said", "/list/games/?sort=MODS_DOWNLOADS", 200, .ids([7, 294100, 4000])),
        .init("2.3 iMODS_DOWNLOADS", "/list/games/?sort=iMODS_DOWNLOADS", 200, .ids([4000, 294100, 7])),
        .init("2.3 an unknown sort is descending", "/list/games/?sort=abc", 200, .ids([4000, 294100, 7])),
        .init("2.3 games by NAME", "/list/games/?sort=NAME", 200, .ids([4000, 294100, 7])),
        .init("2.3 games by iNAME", "/list/games/?sort=iNAME", 200, .ids([7, 294100, 4000])),
        .init("2.3 games by TYPE", "/list/games/?sort=TYPE", 200, .ids([7, 4000, 294100])),
        .init("2.3 games by CREATION_DATE", "/list/games/?sort=CREATION_DATE", 200, .ids([4000, 294100, 7])),
        .init("2.3 games by MODS_COUNT", "/list/games/?sort=MODS_COUNT", 200, .ids([7, 294100, 4000])),
        .init("2.3 games by iMODS_COUNT", "/list/games/?sort=iMODS_COUNT", 200, .ids([4000, 294100, 7])),
        .init("2.3 games by SOURCE", "/list/games/?sort=SOURCE", 200, .ids([7, 4000, 294100])),
        .init("2.3 games of a type", "/list/games/?type_app=[%22app%22]", 200, .ids([7])),
        .init(
            "2.3 games of two types", "/list/games/?type_app=[%22app%22,%22game%22]", 200,
            .ids([7, 294100, 4000])),
        .init("2.3 games of a genre", "/list/games/?genres=[23]", 200, .ids([294100])),
        .init(
            "2.3 games of a source", "/list/games/?primary_sources=[%22steam%22]", 200,
            .ids([7, 294100, 4000])),
        .init("2.3 games by name without case", "/list/games/?name=rim", 200, .ids([294100])),
        .init(
            "2.3 games' members", "/list/games/?page_size=1", 200,
            .keys(["id", "logo", "name", "source", "type"]), .member("database_size", "3")),
        .init(
            "2.3 games' statistics", "/list/games/?statistics=true&sort=iMODS_COUNT", 200,
            .contains(#""mods_downloads":7,"mods_count":4"#)),
        .init("2.3 games' dates", "/list/games/?dates=true", 200, .contains("\"creation_date\":\"20")),
        .init(
            "2.3 games' descriptions", "/list/games/?short_description=t&description=on", 200,
            .contains(#""short_description":"Short.","description":"Long.""#)),
        .init("2.3 games page_size 51", "/list/games/?page_size=51", 413, badPage),
        .init(
            "2.3 games complexity 31", "/list/games/?genres=\(ids(20))&type_app=\(ids(11))", 413, tooComplex),
        .init("2.3 games page -1", "/list/games/?page=-1&page_size=5", 200, .member("offset", "-5")),
    ]

    private static let smallLists: [ContractRow] = [
        .init(
            "2.3 tags of a game, in the order they came up", "/list/tags/4000", 200,
            .body(#"{"database_size":2,"offset":0,"results":[{"id":2,"name":"Map"},{"id":1,"name":"Fun"}]}"#)),
        .init(
            "2.3 tags by pages", "/list/tags/4000?page_size=1&page=1", 200, .ids([1]), .member("offset", "1")),
        .init(
            "2.3 tags of an unknown game", "/list/tags/1", 200,
            .body(#"{"database_size":0,"offset":0,"results":[]}"#)),
        .init("2.3 tags page_size 51", "/list/tags/4000?page_size=51", 413, badPage),
        .init(
            "2.3 genres, in the order they came up", "/list/genres", 200,
            .body(
                #"{"database_size":3,"offset":0,"results":[{"id":1,"name":"Action"},{"id":4,"name":"Casual"},{"id":23,"name":"Indie"}]}"#
            )),
        .init("2.3 genres page_size 0", "/list/genres?page_size=0", 413, badPage),
        .init(
            "2.3 tags of mods: a key for every id", "/list/tags/mods/[101,999]", 200,
            .body(#"{"101":[{"id":2,"name":"Map"},{"id":1,"name":"Fun"}],"999":[]}"#)),
        .init(
            "2.3 tags of mods: only ids", "/list/tags/mods/[101,102]?only_ids=true", 200,
            .body(#"{"101":[2,1],"102":[2]}"#)),
        .init(
            "2.3 tags of mods: only these tags", "/list/tags/mods/[101]?tags=[1]&only_ids=1", 200,
            .body(#"{"101":[1]}"#)),
        .init("2.3 tags of mods: 80", "/list/tags/mods/\(ids(80))", 200, .contains(#""80":[]"#)),
        .init(
            "2.3 tags of mods: 81 is error_id 1", "/list/tags/mods/\(ids(80))?tags=[1]", 413,
            refusal("the maximum complexity of filters is 80 elements in sum", 1)),
        .init("2.3 tags of no mods", "/list/tags/mods/[]", 200, .body("{}")),
        .init(
            "2.3 genres of games", "/list/genres/games/[294100,7]", 200,
            .body(#"{"294100":[{"id":23,"name":"Indie"},{"id":1,"name":"Action"}],"7":[]}"#)),
        .init(
            "2.3 genres of games: only ids", "/list/genres/games/[4000]?only_ids=yes", 200,
            .body(#"{"4000":[1,4]}"#)),
        .init(
            "2.3 genres of games: only these", "/list/genres/games/[4000]?only_ids=yes&genres=[4]", 200,
            .body(#"{"4000":[4]}"#)),
        .init(
            "2.3 genres of games: 81 is error_id 2", "/list/genres/games/\(ids(81))", 413,
            refusal("the maximum complexity of filters is 80 elements in sum", 2)),
        .init(
            "2.3 resources' members", "/list/resources_mods/[101]", 200,
            .keys(["date_event", "id", "owner_id", "type", "url"]), .member("database_size", "2")),
        .init(
            "2.3 a type of resource", "/list/resources_mods/[101,102]?types_resources=[%22logo%22]", 200,
            .ids([1, 3])),
        .init(
            "3 the web site's raw quotes",
            "/list/resources_mods/[101, 102]?page_size=30&page=0&types_resources=[\"logo\"]", 200,
            .ids([1, 3])),
        .init("2.3 resources of all mods", "/list/resources_mods/[]", 200, .ids([1, 2, 3])),
        .init("2.3 resources page_size 70", "/list/resources_mods/[101]?page_size=70", 200, .ids([1, 2])),
        .init("2.3 resources page_size 71", "/list/resources_mods/[101]?page_size=71", 413, badPage),
        .init(
            "2.3 resources 80", "/list/resources_mods/\(ids(79))?types_resources=[%22logo%22]", 200, .ids([])),
        .init(
            "2.3 resources 81 says 80", "/list/resources_mods/\(ids(80))?types_resources=[%22logo%22]", 413,
            refusal("the maximum complexity of filters is 80 elements in sum", 2)),
    ]

    private static let conflict = refusal("conflicting request", 3)

    private static let statistics: [ContractRow] = [
        .init("2.4 delay without data", "/statistics/delay", 200, .body(#"{"fast":0,"full":0}"#)),
        .init(
            "2.4 hour tells the whole hour", "/statistics/hour", 200,
            .contains(":00:00\",\"type\":\"start\",\"count\":1}")),
        .init("2.4 hour counts itself", "/statistics/hour", 200, .contains("\"type\":\"/statistics/hour/\"")),
        .init(
            "2.4 start_hour -1", "/statistics/hour?start_hour=-1", 412,
            refusal("start_hour exits 24 hour format", 1)),
        .init(
            "2.4 start_hour 24", "/statistics/hour?start_hour=24", 412,
            refusal("start_hour exits 24 hour format", 1)),
        .init(
            "2.4 end_hour 24", "/statistics/hour?end_hour=24", 412,
            refusal("end_hour exits 24 hour format", 2)),
        .init("2.4 start behind end", "/statistics/hour?start_hour=5&end_hour=4", 409, conflict),
        .init(
            "2.3 select_date is passed over", "/statistics/hour?select_date=2001-01-01", 200,
            .contains("\"type\":\"start\"")),
        .init(
            "2.4 day tells a date", "/statistics/day", 200, .contains("\"type\":\"start\",\"count\":1}"),
            .contains("{\"date\":\"20")),
        .init(
            "2.4 day start behind end", "/statistics/day?start_date=2026-01-02&end_date=2026-01-01", 409,
            conflict),
        .init(
            "2.4 day without counts", "/statistics/day?start_date=2001-01-01&end_date=2001-01-01", 200,
            .body("[]")),
        .init(
            "2.4 day of no date", "/statistics/day?start_date=yesterday", 422,
            .contains(#""loc":["query","start_date"]"#)),
        .init(
            "2.4 day of a date that is none", "/statistics/day?end_date=2026-02-30", 422,
            .contains("date_parsing")),
        .init(
            "2.4 info/all: mods on their way count, too", "/statistics/info/all", 200,
            .body(
                #"{"mods":8,"games":3,"genres":3,"mods_tags":2,"mods_dependencies":2,"statistics_days":1,"mods_sent_count":8}"#
            )),
        .init(
            "2.4 type_map in Russian unless said", "/statistics/info/type_map", 200,
            .member("language", "\"ru\""), .contains(#""files_sent":""#), .contains(#""/download/steam/":""#)),
    ]

    private static let forms: [ContractRow] =
        ["true", "True", "TRUE", "1", "yes", "YES", "on", "t", "y"].map {
            .init("2.3 bool \($0)", "/info/mod/101?general=\($0)", 200, .contains("\"name\":\"Bridge\""))
        }
        + ["false", "False", "FALSE", "0", "no", "No", "off", "f", "n"].map {
            .init("2.3 bool \($0)", "/info/mod/101?general=\($0)", 200, .lacks("Bridge"))
        }
        + ["", "2", "ja", "nope", "none", "1.0"].map {
            .init(
                "2.3 bool “\($0)”", "/info/mod/101?general=\($0)", 422,
                unreadable("bool_parsing", "query", "general", $0))
        }
        + ["abc", "1.5", "1e3", "0x10", "--1", "1__0", "_1", "-"].map {
            .init(
                "2.3 int \($0) in a path", "/info/mod/\($0)", 422,
                unreadable("int_parsing", "path", "mod_id", $0))
        }
        + ["", "abc", "1.5"].map {
            .init(
                "2.3 int “\($0)” in a query", "/list/mods/?page_size=\($0)", 422,
                unreadable("int_parsing", "query", "page_size", $0))
        } + [
            .init("2.3 an int with a sign", "/info/game/+4000", 200, .contains("Garry")),
            .init("2.3 an int with zeros", "/info/game/0004000", 200, .contains("Garry")),
            .init("2.3 an int between spaces", "/info/game/%204000%20", 200, .contains("Garry")),
            .init(
                "2.3 the last of repeated ints counts", "/list/mods/?page_size=0&page_size=1", 200,
                .ids([103])),
            .init(
                "2.3 unknown arguments are ignored", "/list/genres?abc=1&=2&%=3", 200,
                .member("database_size", "3")),
            .init(
                "2.3 all faults are told at once", "/info/mod/abc?general=2", 422, .contains("int_parsing"),
                .contains("bool_parsing")),
            .init(
                "2.3 every path with an id judges it", "/download/abc", 422,
                unreadable("int_parsing", "path", "mod_id", "abc")),
            .init(
                "2.3 download/steam/abc", "/download/steam/abc", 422,
                unreadable("int_parsing", "path", "mod_id", "abc")),
            .init(
                "2.3 update/steam/abc", "/update/steam/abc", 422,
                unreadable("int_parsing", "path", "mod_id", "abc")),
            .init(
                "2.3 list/tags/abc", "/list/tags/abc", 422,
                unreadable("int_parsing", "path", "game_id", "abc")),
            .init(
                "2.3 info/game/abc", "/info/game/abc", 422,
                unreadable("int_parsing", "path", "game_id", "abc")),
        ]

    private static let ways: [ContractRow] =
        [
            "/list/mods", "/list/games", "/list/genres/", "/info/queue/size/", "/statistics/info/all/",
            "/statistics/delay/",
            "/statistics/hour/", "/statistics/day/", "/statistics/info/type_map/", "/info/mod/101/",
            "/info/game/4000/",
            "/list/tags/4000/", "/condition/mod/[101]/", "/list/tags/mods/[101]/", "/list/genres/games/[7]/",
            "/list/resources_mods/[101]/",
        ].map { .init("2.3 \($0) with the other slash", $0, 200) } + [
            .init(
                "2.3 an unknown path below ours", "/list/nothing/here", 404, .body(#"{"detail":"Not Found"}"#)
            ),
            .init("2.3 no ids at all", "/condition/mod/", 404, .body(#"{"detail":"Not Found"}"#)),
            .init("2.3 statistics alone", "/statistics", 404, .body(#"{"detail":"Not Found"}"#)),
            .init(
                "2.3 POST", "/list/mods/", 405, .body(#"{"detail":"Method Not Allowed"}"#),
                .header("Allow", "GET"), by: .post),
            .init(
                "2.3 DELETE", "/download/101", 405, .body(#"{"detail":"Method Not Allowed"}"#),
                .header("Allow", "GET"), by: .delete),
            .init("ours: HEAD of a list", "/list/mods/", 200, by: .head),
            .init(
                "ours: HEAD of a file", "/download/101", 200, .file("attachment; filename=\"Bridge.zip\""),
                by: .head),
        ]

    private static let files: [ContractRow] = [
        .init("2.2 download of a file", "/download/101", 200, .file("attachment; filename=\"Bridge.zip\"")),
        .init(
            "1.3 a Cyrillic name", "/download/103", 200,
            .file("attachment; filename*=utf-8''%D0%9C%D0%BE%D1%81%D1%82%20%25_.zip")),
        .init(
            "2.1 a file that may be had while its page is read", "/download/106", 200,
            .file("attachment; filename=\"Fresh.zip\"")),
        .init("2.2 download in line", "/download/104", 202, refusal("this mod is still loading", 3)),
        .init("2.2 download being fetched", "/download/105", 202, refusal("this mod is still loading", 3)),
        .init("2.2 download during an update", "/download/107", 202, refusal("this mod is still loading", 3)),
        .init(
            "2.2 download of an unknown mod", "/download/999", 404, refusal("the mod is not on the server", 1)
        ),
        .init(
            "2.2 download of a failed mod", "/download/108", 404, refusal("the mod is not on the server", 1)),
        .init(
            "1.7 download over int64", "/download/99999999999999999999", 404,
            refusal("the mod is not on the server", 1)),
        .init("2.2 a damaged mod", "/download/109", 404, refusal("the mod is damaged", 2)),
        .init(
            "2.2 a damaged mod is gone then", "/download/109", 404, refusal("the mod is not on the server", 1)
        ),
        .init(
            "2.1 download/steam of a file", "/download/steam/101", 200,
            .file("attachment; filename=\"Bridge.zip\"")),
        .init(
            "2.1 download/steam in line", "/download/steam/104", 202,
            refusal("your request is already being processed", 3)),
        .init(
            "2.1 download/steam being fetched", "/download/steam/105", 202,
            refusal("your request is already being processed", 3)),
        .init(
            "2.1 download/steam of what Steam has not", "/download/steam/77", 404,
            refusal("this mod was not found", 2)),
        .init(
            "1.7 download/steam over int64", "/download/steam/99999999999999999999", 404,
            refusal("this mod was not found", 2)),
        .init("2.1 download/steam of 0", "/download/steam/0", 404, refusal("this mod was not found", 2)),
        .init("2.2 update in line", "/update/steam/104", 404, refusal("mod not found on locale", 1)),
        .init(
            "2.2 update of an unknown mod", "/update/steam/999", 404, refusal("mod not found on locale", 1)),
        .init(
            "1.7 update over int64", "/update/steam/99999999999999999999", 404,
            refusal("mod not found on locale", 1)),
        .init(
            "2.2 update so soon", "/update/steam/101", 425, refusal("check for relevance was made earlier", 2)
        ),
    ]
}
