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

@Suite("Statistics")
struct StatisticsTests {
    @Test(
        "Calls of many clients at once are counted exactly, by hour and by day, and close writes the last ones down"
    )
    func exact() async throws {
        try await withShop { shop in
            try await shop.catalogue.register(.sample(4000))
            try await shop.stock(.sample(7))
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        _ = await shop.ask(number % 2 == 0 ? "/download/7" : "/condition/mod/[7]")
                    }
                }
            }
            await shop.routes.statistics.close()
            let types = "type IN ('/download/', '/condition/mod/', 'files_sent')"
            let counts = try await shop.numbers(
                "SELECT count FROM workshop.days WHERE \(types) ORDER BY type")
            #expect(counts == [100, 100, 100])
            #expect(
                try await shop.numbers("SELECT sum(count)::bigint FROM workshop.hours WHERE \(types)") == [
                    300
                ])
            #expect(try await shop.numbers("SELECT downloads FROM workshop.mods") == [100])
            #expect(try await shop.numbers("SELECT mods_downloads FROM workshop.games") == [100])
            _ = await shop.ask("/download/7")
            try await eventually("what comes after the end is written at once") {
                try await shop.numbers("SELECT downloads FROM workshop.mods") == [101]
            }
        }
    }

    @Test("An argument that can't be read is no call")
    func unread() async throws {
        try await withShop { shop in
            _ = await shop.ask("/info/mod/abc")
            _ = await shop.ask("/list/mods/?page_size=99")
            let counts = try await (shop.count(.infoMod), shop.count(.listMods))
            #expect(counts == (0, 1))
        }
    }

    @Test("A part of a file, a head, and what the client may have already are no downloads")
    func parts() async throws {
        try await withShop { shop in
            try await shop.stock(.sample(7))
            _ = await shop.ask("/download/7", .head)
            _ = await shop.ask("/download/7", headers: ["Range": "bytes=500-"])
            _ = await shop.ask("/download/7", headers: ["If-None-Match": "\"x\""])
            #expect(try await shop.count(.filesSent) == 0)
            _ = await shop.ask("/download/7", headers: ["Range": "bytes=0-499"])
            #expect(try await shop.count(.filesSent) == 1)
        }
    }

    @Test("A mod tells a download that is not written down yet")
    func unwritten() async throws {
        try await withShop { shop in
            try await shop.stock(.sample(7))
            _ = await shop.ask("/download/7")
            #expect(await shop.ask("/info/mod/7").text.contains("\"downloads\":1"))
            await shop.routes.statistics.flush()
            #expect(await shop.ask("/info/mod/7").text.contains("\"downloads\":1"))
        }
    }

    @Test("What the database does not take is kept and tried again, once each")
    func patience() async throws {
        struct Away: Error {}
        let written = Lock(Tally())
        let failures = Lock(3)
        let buffer = StatisticsBuffer(every: .milliseconds(5)) { tally in
            let isAway = failures.withLock { left in
                left -= 1
                return left >= 0
            }
            if isAway { throw Away() }
            written.withLock { $0.add(tally) }
        }
        for _ in 0..<10 { buffer.count(.listMods) }
        try await eventually("ten are written") { written.withLock { $0.counts[.listMods] } == 10 }
        await buffer.close()
        #expect(written.withLock { $0.counts } == [.listMods: 10])
    }

    @Test("Delays are means of the last twenty, rounded down")
    func delays() async throws {
        try await withShop { shop in
            var tally = Tally()
            tally.delays = [1000] + [Int64](repeating: 3, count: 10) + [Int64](repeating: 4, count: 10)
            try await shop.catalogue.add(tally)
            #expect(await shop.ask("/statistics/delay").text == #"{"fast":3,"full":0}"#)
            try await shop.catalogue.note([.sample(7)])
            try await shop.catalogue.wanted(7)
            try await shop.store.database.run(
                "UPDATE workshop.items SET wanted_at = now() - interval '2 minutes'")
            try await shop.publish(.sample(7))
            try await shop.publish(.sample(7))
            let rows = try await shop.numbers(
                "SELECT milliseconds / 60000 FROM workshop.delays WHERE type = 'full'")
            #expect(rows == [2])
            try await shop.catalogue.forgetWords(olderThan: .seconds(3600))
            #expect(
                try await shop.numbers("SELECT count(*) FROM workshop.delays WHERE type = 'fast'") == [20])
        }
    }

    @Test(
        "The language of the types is Russian, whatever is asked for",
        arguments: [nil, "ru, en", "en", "*", "de;q=0.5"])
    func language(_ accept: String?) async throws {
        try await withShop { shop in
            var answer = await shop.ask("/statistics/info/type_map")
            if let accept {
                answer = await shop.ask("/statistics/info/type_map", headers: ["Accept-Language": accept])
            }
            #expect(answer.json?["language"]?.string == "ru")
            guard case .object(let names)? = answer.json?["result"]?.value else {
                Issue.record("no names")
                return
            }
            #expect(names.count == 27)
            #expect(Set(names.compactMap(\.part.string)).count == 27)
        }
    }
}
