import FoundationEssentials
import Front
import HTTPServer
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing
import Workshop

@Suite("The catalogue", .serialized)
struct CatalogueTests {
    @Test("What Steam said is kept with its age, and that it knows nothing of an item too")
    func words() async throws {
        try await withShop { shop in
            let item = SteamItem.sample(7, title: "Мост\u{0} через реку")
            try await shop.catalogue.note([item], missing: [8, 8])
            let known = try await shop.catalogue.word(on: 7)
            #expect(known?.item?.title == "Мост через реку")
            #expect(known.map { $0.age < .seconds(60) } == true)
            let missing = try await shop.catalogue.word(on: 8)
            #expect(missing != nil && missing?.item == nil)
            #expect(try await shop.catalogue.word(on: 9) == nil)
            try await shop.catalogue.note([], missing: [7])
            #expect(try await shop.catalogue.word(on: 7)?.item == nil)
        }
    }

    @Test(
        "Who makes room forgets as many as it takes, those asked for longest ago first, however many do it at once"
    )
    func room() async throws {
        try await withShop { shop in
            let catalogue = shop.catalogue
            for id in 1...9 {
                let file = PublishedFile(bytes: 100, sha256: .init(repeating: UInt8(id), count: 32))
                try await shop.publish(SteamItem.sample(Int64(id)), file)
            }
            let all = Array(1...9).map(Int64.init)
            func forget(keeping bytes: Int64, freeing: Int64 = 0, atMost limit: Int = 100) async throws
                -> Int?
            {
                try await catalogue.tidyingStorehouse {
                    try await catalogue.forgetOldest(
                        keeping: bytes, freeing: freeing, atMost: limit, in: $0
                    ).count
                }
            }
            #expect(try await forget(keeping: 900) == 0)
            #expect(try await forget(keeping: 899) == 1)
            #expect(try await forget(keeping: 0, atMost: 2) == 2)
            #expect(try await forget(keeping: 900, freeing: 101) == 2)
            #expect(try await catalogue.files(of: all).keys.sorted() == [6, 7, 8, 9])
            // Ten at once, and what two would do one after the other.
            let counts = try await withThrowingTaskGroup { group in
                for _ in 0..<10 { group.addTask { try await forget(keeping: 250) ?? 0 } }
                return try await group.reduce(0, +)
            }
            #expect(counts == 2)
            #expect(try await catalogue.files(of: all).keys.sorted() == [8, 9])
        }
    }

    @Test(
        "A published mod is here with its file; published again it is one; forgotten it is gone with all that hangs on it"
    )
    func publication() async throws {
        try await withShop { shop in
            let first = PublishedFile(bytes: 100, sha256: .init(repeating: 1, count: 32))
            let second = PublishedFile(bytes: 200, sha256: .init(repeating: 2, count: 32))
            let item = SteamItem.sample(7, tags: ["Map ", "Map", "Жанр"])
            try await shop.publish(item, first)
            try await shop.publish(item, second)
            #expect(try await shop.catalogue.files(of: [7, 8]) == [7: second])
            #expect(try await shop.catalogue.bytesStored() == 200)
            let page = SteamPage(
                dependencies: [7, 9, 8, 9], screenshots: ["https://a/1", "https://a/2"], logo: "https://a/0",
                version: 1,
                sha256: .init(repeating: 3, count: 32))
            for _ in 0..<2 { try await shop.catalogue.register(page, of: 7, in: shop.store.database) }
            #expect(
                try await shop.numbers("SELECT dependency FROM workshop.mods_dependencies ORDER BY place")
                    == [9, 8])
            #expect(try await shop.numbers("SELECT count(*) FROM workshop.resources") == [3])
            #expect(try await shop.numbers("SELECT count(*) FROM workshop.mods_tags") == [2])
            #expect(try await shop.catalogue.forget(7, copy: first) == false)
            #expect(try await shop.catalogue.forget(7, copy: second) == true)
            for table in ["mods", "mods_tags", "mods_games", "mods_dependencies", "resources"] {
                #expect(try await shop.numbers("SELECT count(*) FROM workshop.\(table)") == [0], "\(table)")
            }
        }
    }

    @Test("Many mods of one game are published at once, whatever the order of their tags")
    func crowd() async throws {
        try await withShop { shop in
            // Long and opposite, so that without a turn two of them meet in the middle.
            let tags = (0..<400).map { "tag \($0)" }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for mod in 1...40 as ClosedRange<Int64> {
                    let ordered = mod % 2 == 0 ? tags : tags.reversed()
                    group.addTask { try await shop.publish(.sample(mod, game: (mod + 1) / 4, tags: ordered)) }
                }
                try await group.waitForAll()
            }
            let counts = try await shop.numbers(
                """
                SELECT count(*) FROM workshop.mods_tags UNION ALL SELECT count(*) FROM workshop.tags
                UNION ALL SELECT sum(count)::bigint FROM workshop.days
                """)
            #expect(counts == [16_000, 400, 40])
        }
    }

    @Test("Many pages that show the same pictures in any order are registered at once")
    func pictures() async throws {
        try await withShop { shop in
            let pictures = (0..<5000).map { "https://cdn.example/\($0).jpg" }
            for mod in 1...8 as ClosedRange<Int64> { try await shop.publish(.sample(mod)) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for mod in 1...8 as ClosedRange<Int64> {
                    let page = SteamPage.sample(screenshots: mod % 2 == 0 ? pictures : pictures.reversed())
                    group.addTask {
                        try await shop.store.database.transaction { tx in
                            try await shop.catalogue.register(page, of: mod, in: tx)
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await shop.numbers("SELECT count(*) FROM workshop.resources") == [5000])
        }
    }

    @Test("A page of a mod that is no longer here is passed over")
    func latePage() async throws {
        try await withShop { shop in
            let page = SteamPage(dependencies: [1], screenshots: [], logo: "", version: 1, sha256: [])
            try await shop.catalogue.register(page, of: 7, in: shop.store.database)
            #expect(try await shop.numbers("SELECT count(*) FROM workshop.mods_dependencies") == [0])
        }
    }

    @Test("A game registered twice is one game with its latest genres, and keeps its count")
    func games() async throws {
        try await withShop { shop in
            var game = SteamGame.sample(4000)
            #expect(try await shop.catalogue.knows(game: 4000) == false)
            try await shop.catalogue.register(game)
            try await shop.store.database.run("UPDATE workshop.games SET mods_downloads = 5")
            game.genres = [.init(id: 23, name: "Indie")]
            try await shop.catalogue.register(game)
            #expect(try await shop.catalogue.knows(game: 4000) == true)
            #expect(try await shop.numbers("SELECT mods_downloads FROM workshop.games") == [5])
            #expect(try await shop.numbers("SELECT genre FROM workshop.games_genres") == [23])
        }
    }

    @Test("A mod's condition goes 3, 2, 1, 0, and is absent after a failure unless a copy is here")
    func conditions() async throws {
        try await withShop { shop in
            #expect(try await shop.condition(of: 7) == nil)
            let job = try await shop.ask("steam-download", about: 7)
            #expect(try await shop.condition(of: 7) == 3)
            try await shop.start(job)
            #expect(try await shop.condition(of: 7) == 2)
            try await shop.publish(.sample(7), by: job.number)
            #expect(try await shop.condition(of: 7) == 1)
            try await shop.end(job, as: "done")
            #expect(try await shop.condition(of: 7) == 0)
            let page = try await shop.ask("steam-page", about: 7)
            #expect(try await shop.condition(of: 7) == 1)
            try await shop.end(page, as: "dead")
            #expect(try await shop.condition(of: 7) == 0)
            let update = try await shop.ask("steam-download", about: 7)
            #expect(try await shop.condition(of: 7) == 3)
            try await shop.end(update, as: "dead")
            #expect(try await shop.condition(of: 7) == 0)
            try await shop.catalogue.forget(7)
            #expect(try await shop.condition(of: 7) == nil)
        }
    }
}
