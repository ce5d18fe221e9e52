import FoundationEssentials
import Front
import Glibc
import HTTPServer
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing
import Workshop

@Suite("From a request to a file")
struct RouteDeliveryTests {
    @Test("Fifty clients who ask for one new mod at once make one look-up and one download")
    func crowd() async throws {
        try await withShop { shop in
            let answers = await withTaskGroup(of: Shop.Answer.self) { group in
                for _ in 0..<50 { group.addTask { await shop.ask("/download/steam/7") } }
                return await group.reduce(into: [Shop.Answer]()) { $0.append($1) }
            }
            #expect(answers.map(\.status) == [Int](repeating: 202, count: 50))
            #expect(answers.filter { $0.errorID == 0 }.count == 1)
            #expect(answers.filter { $0.errorID == 3 }.count == 49)
            #expect(try await shop.jobs("steam-details").count == 1)
            let downloads = try await shop.jobs("steam-download")
            #expect(downloads.map(\.subject) == ["7"])
            #expect(downloads.first?.args.description.filter { $0 != " " } == #"{"id":7,"updating":false}"#)
            #expect(try await shop.condition(of: 7) == 3)
            #expect(try await shop.count(.downloadSteam) == 50)
        }
    }

    @Test("A new mod that Steam has is put in line as soon as Steam has answered")
    func new() async throws {
        try await withShop {
            $0.lookUpWait = .seconds(30)
        } _: { shop in
            async let asked = shop.ask("/download/steam/7")
            try await shop.answerLookUp([.sample(7)])
            let answer = await asked
            #expect(answer.status == 202)
            #expect(
                answer.text
                    == #"{"message":"request added to queue","error_id":0,"unsuccessful_attempts":false,"updating":false}"#
            )
            #expect(answer.header("Content-Type") == "application/json")
            let again = await shop.ask("/download/steam/7")
            #expect(again.status == 202 && again.errorID == 3)
        }
    }

    @Test("A mod that Steam has not is told so, and Steam is not asked again at once")
    func missing() async throws {
        try await withShop {
            $0.lookUpWait = .seconds(30)
        } _: { shop in
            async let asked = shop.ask("/download/steam/7")
            try await shop.answerLookUp(missing: [7])
            let answer = await asked
            #expect(answer.status == 404 && answer.errorID == 2)
            let again = await shop.ask("/download/steam/7")
            #expect(again.status == 404 && again.errorID == 2)
            #expect(try await shop.jobs("steam-details").isEmpty)
            #expect(try await shop.jobs("steam-download").isEmpty)
        }
    }

    @Test("A mod that is here is sent two hundred times without a job")
    func warm() async throws {
        try await withShop { shop in
            try await shop.stock(.sample(7, title: "Мост"))
            for _ in 0..<200 {
                let answer = await shop.ask("/download/steam/7")
                #expect(answer.status == 200 && answer.isFile)
            }
            for kind in ["steam-details", "steam-download"] { #expect(try await shop.jobs(kind).isEmpty) }
            #expect(try await shop.count(.filesSent) == 200)
            #expect(try await shop.numbers("SELECT downloads FROM workshop.mods") == [200])
        }
    }

    @Test("A copy that was not compared lately is sent when Steam does not answer, or has it no more")
    func oldCopy() async throws {
        try await withShop { shop in
            try await shop.stock(.sample(7))
            try await shop.age(7, hours: 5)
            #expect(await shop.ask("/download/steam/7").isFile, "Steam is silent")
            #expect(try await shop.jobs("steam-details").count == 1)
            async let asked = shop.ask("/download/steam/7")
            try await shop.answerLookUp(missing: [7])
            #expect(await asked.isFile, "Steam has it no more")
            #expect(try await shop.jobs("steam-download").isEmpty)
        }
    }

    @Test("A newer version on Steam is fetched, and the older copy is sent while that fails")
    func outdated() async throws {
        try await withShop { shop in
            try await shop.stock(.sample(7))
            try await shop.catalogue.note([.sample(7, updated: 1_600_000_001)])
            let answer = await shop.ask("/download/steam/7")
            #expect(answer.status == 202)
            #expect(answer.text.contains(#""unsuccessful_attempts":false,"updating":true"#))
            #expect(try await shop.count(.updatingMod) == 1)
            let job = try #require(try await shop.jobs("steam-download").first)
            #expect(job.args.description.filter { $0 != " " } == #"{"id":7,"updating":true}"#)
            #expect(await shop.ask("/download/steam/7").errorID == 3)
            #expect(try await shop.condition(of: 7) == 3)
            try await shop.end(job.id, as: "dead")
            #expect(try await shop.condition(of: 7) == 0)
            #expect(await shop.ask("/download/steam/7").isFile)
            try await shop.store.database.run(
                "UPDATE motorpool.subjects SET settled_at = settled_at - interval '1 minute'")
            let later = await shop.ask("/download/steam/7")
            #expect(later.text.contains(#""unsuccessful_attempts":true,"updating":true"#))
        }
    }

    @Test("A failed mod is absent; the next request says so and is tried after a pause that grows")
    func failure() async throws {
        try await withShop { shop in
            try await shop.catalogue.note([.sample(7)])
            var pauses: [Double] = []
            for attempt in 0..<4 {
                let answer = await shop.ask("/download/steam/7")
                #expect(answer.status == 202 && answer.errorID == 0)
                #expect(answer.text.contains("\"unsuccessful_attempts\":\(attempt > 0)"))
                #expect(try await shop.condition(of: 7) == 3)
                let job = try #require(try await shop.jobs("steam-download").first)
                if let due = job.dueAt {
                    pauses.append(due.secondsSince1970 - job.createdAt.secondsSince1970)
                }
                try await shop.end(job.id, as: "dead")
                #expect(try await shop.condition(of: 7) == nil)
            }
            #expect(pauses.map { $0.rounded() } == [10, 20, 40])
        }
    }

    @Test("A mod whose file was lost is told once as damaged, and fetched as a new one")
    func damaged() async throws {
        try await withShop { shop in
            try await shop.stock(.sample(7))
            try await shop.loseFile(of: 7)
            let answer = await shop.ask("/download/steam/7")
            #expect(answer.status == 202 && answer.text.contains(#""updating":false"#))
            #expect(try await shop.count(.damagedMod) == 1)
            #expect(try await shop.catalogue.files(of: [7]).isEmpty)
        }
    }

    @Test("A file that is shorter than it was is never sent")
    func cut() async throws {
        try await withShop { shop in
            for path in ["/download/7", "/download/steam/7"] {
                try await shop.stock(.sample(7))
                let file = try #require(try await shop.catalogue.files(of: [7])[7])
                truncate(shop.settings.path(of: 7, file), 999)
                let answer = await shop.ask(path)
                #expect(answer.errorID == (path == "/download/7" ? 2 : 0))
                #expect(try await shop.catalogue.files(of: [7]).isEmpty)
            }
        }
    }

    @Test("While nobody may look into the folder of all files no mod is damaged")
    func closedFolder() async throws {
        try await withShop { shop in
            try await shop.stock(.sample(7))
            chmod(shop.settings.modsFolder, 0)
            defer { chmod(shop.settings.modsFolder, 0o700) }
            for path in ["/download/7", "/download/steam/7"] {
                #expect(await shop.ask(path).status == 503)
            }
            #expect(try await shop.catalogue.files(of: [7]).count == 1)
        }
    }

    @Test("When the folder of all files is missing no mod is damaged")
    func noFolder() async throws {
        try await withShop { shop in
            try await shop.stock(.sample(7))
            try FileManager.default.removeItem(atPath: shop.settings.modsFolder)
            for path in ["/download/7", "/download/steam/7"] {
                let answer = await shop.ask(path)
                #expect(answer.status == 503 && answer.header("Retry-After") != nil)
                #expect(answer.header("Access-Control-Allow-Origin") == "*")
            }
            #expect(try await shop.catalogue.files(of: [7]).count == 1)
        }
    }

    @Test("Before any farm has started a new mod is refused for a while, and one that is here is sent")
    func noFarm() async throws {
        try await withShop { shop in
            try await shop.stock(.sample(7))
            try await shop.store.database.run("DELETE FROM motorpool.kinds")
            let answer = await shop.ask("/download/steam/8")
            #expect(answer.status == 503 && answer.header("Retry-After") != nil)
            #expect(await shop.ask("/download/steam/7").isFile)
        }
    }

    @Test("An update is looked for three hours after the last request, and then only once")
    func update() async throws {
        try await withShop {
            $0.lookUpWait = .seconds(30)
        } _: { shop in
            try await shop.stock(.sample(7))
            #expect(await shop.ask("/update/steam/7").errorID == 2, "it has only just come")
            let words: [([SteamItem], [Int64], Int, Int)] = [
                ([.sample(7)], [], 208, 4), ([], [7], 404, 3),
                ([.sample(7, updated: 1_700_000_000)], [], 202, 0),
            ]
            for (items, missing, status, id) in words {
                try await shop.age(7, hours: 4)
                async let asked = shop.ask("/update/steam/7")
                try await shop.answerLookUp(items, missing: missing)
                let answer = await asked
                #expect(answer.status == status && answer.errorID == id, "\(answer.text)")
                if status != 202 { #expect(await shop.ask("/update/steam/7").status == 425) }
            }
            #expect(try await shop.jobs("steam-download").count == 1)
            #expect(await shop.ask("/update/steam/7").errorID == 1, "it is in line")
        }
    }

    @Test("When Steam does not answer, an update is not found")
    func silentUpdate() async throws {
        try await withShop { shop in
            try await shop.stock(.sample(7))
            try await shop.age(7, hours: 4)
            let answer = await shop.ask("/update/steam/7")
            #expect(answer.status == 404 && answer.errorID == 3)
        }
    }

    @Test("A download starts the pause of updates at once")
    func downloadThenUpdate() async throws {
        try await withShop { shop in
            try await shop.stock(.sample(7))
            try await shop.age(7, hours: 4)
            #expect(await shop.ask("/download/7").isFile)
            #expect(await shop.ask("/update/steam/7").status == 425)
        }
    }

    @Test(
        "A name is told in one form, as it is or encoded, and leads into no other folder (L4)",
        arguments: [
            ("Bridge", "attachment; filename=\"Bridge.zip\""),
            ("a-b_c.d~e", "attachment; filename=\"a-b_c.d~e.zip\""),
            ("Two words", "attachment; filename*=utf-8''Two%20words.zip"),
            ("quote\"", "attachment; filename*=utf-8''quote%22.zip"),
            ("a;b,c", "attachment; filename*=utf-8''a%3Bb%2Cc.zip"), ("", "attachment; filename=\"7.zip\""),
            ("line\r\nSet-Cookie: a=b", "attachment; filename*=utf-8''line__Set-Cookie%3A%20a%3Db.zip"),
            ("../../etc/passwd", "attachment; filename=\"___.._etc_passwd.zip\""),
            (".bashrc", "attachment; filename=\"_bashrc.zip\""),
            (#"a\b"#, "attachment; filename=\"a_b.zip\""),
            ("a\u{202e}b\u{7f}", "attachment; filename=\"a_b_.zip\""),
            ("100%", "attachment; filename*=utf-8''100%25.zip"),
            ("é", "attachment; filename*=utf-8''%C3%A9.zip"),
        ])
    func names(_ title: String, _ header: String) async throws {
        try await withShop { shop in
            try await shop.stock(.sample(7, title: title))
            let told = await shop.ask("/download/7").header("Content-Disposition")
            #expect(told == header)
        }
    }
}
