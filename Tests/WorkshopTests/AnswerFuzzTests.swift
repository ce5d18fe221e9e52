import FoundationEssentials
import Glibc
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing
import Workshop
import World

/// Whatever Steam, its hosts and steamcmd answer: the process lives, each question ends, and what is taken for an answer
/// keeps its bounds. `MOTORPOOL_FUZZ_SEED` repeats a run.
@Suite("Answers on a bad day", .serialized)
struct AnswerFuzzTests {
    @Test("look-ups of items: 8,000 answers, alone and asked for together")
    func details() async throws {
        let run = FuzzRun("details", count: 8000)
        let now = Lock<[UInt8]>([])
        let loader = BatchLoader<Int64, ItemAnswer>(batchMax: 100, waitersMax: 1000) { _ in
            try ItemDetailsParser.parse(now.withLock { $0 })
        }
        var number = 0
        let findings = await run.findings(Samples.details.fuzzer) { answer in
            number += 1
            do {
                for (id, item) in try ItemDetailsParser.parse(answer.bytes) { try Self.check(item, id) }
            } catch is ParserFailure {}
            guard number % 10 == 0 else { return }
            now.withLock { $0 = answer.bytes }
            await withTaskGroup(of: Void.self) { group in
                for id in [77, 78, 79, 1] as [Int64] { group.addTask { _ = try? await loader.value(of: id) } }
            }
            try FuzzFinding.require(loader.waiting == 0, "\(loader.waiting) still wait")
        }
        #expect(findings == [])
    }

    @Test("the store's word on games: 4,000 answers")
    func games() async throws {
        let findings = await FuzzRun("games", count: 4000).findings(Samples.games.fuzzer) { answer in
            do {
                let app = try StoreAppParser.parse(answer.bytes, app: 4000)
                try FuzzFinding.require(app.id == 4000 && !app.name.isEmpty, "no game")
                try FuzzFinding.require(app.name.unicodeScalars.count <= 512, "a name too long")
                try FuzzFinding.require(app.genres.count <= 50, "\(app.genres.count) genres")
            } catch is ParserFailure {}
        }
        #expect(findings == [])
    }

    @Test("pages of items: 4,000 answers")
    func pages() async throws {
        let findings = await FuzzRun("pages", count: 4000).findings(Samples.pages.fuzzer) { answer in
            do {
                let page = try await ItemPageParser.parse(answer.bytes, of: 77)
                try FuzzFinding.require(page.required?.count ?? 0 <= 1000, "too much is required")
                try FuzzFinding.require(page.screenshots?.count ?? 0 <= 200, "too many pictures")
                let isSecure = page.screenshots?.allSatisfy { $0.hasPrefix("https://") } ?? true
                try FuzzFinding.require(isSecure, "a picture that is not https")
            } catch is ParserFailure {}
        }
        #expect(findings == [])
    }

    @Test("what steamcmd says and notes: 6,000 reports, 2,000 books")
    func steamcmd() async throws {
        let reports = await FuzzRun("steamcmd", count: 6000).findings(Samples.reports.fuzzer) { answer in
            let report = SteamcmdReportTests.report(String(decoding: answer.bytes, as: UTF8.self))
            _ = report.outcome(of: 77)
            let count = report.downloads.count + report.failures.count + report.complaints.count
            try FuzzFinding.require(count <= 3000, "\(count) sentences kept")
            if case .success(let download) = report.outcome(of: 77) {
                try FuzzFinding.require(download.id == 77 && download.bytes >= 0, "\(download)")
            }
        }
        #expect(reports == [])
        let books = await FuzzRun("books", count: 2000).findings(Samples.books.fuzzer) { answer in
            do {
                let book = try WorkshopManifest.parse(answer.bytes)
                try FuzzFinding.require(book.items.values.allSatisfy { $0.size >= 0 }, "a size below 0")
            } catch is ParserFailure {}
        }
        #expect(books == [])
    }

    @Test("what stands on the wire, head and body, of a question and of a file: 1,500 answers")
    func wire() async throws {
        let run = FuzzRun("wire", count: 1500)
        let now = Lock<[UInt8]>([])
        let host = try LoopbackHost { _ in [.bytes(now.withLock { $0 }), .hangUp] }
        defer { host.stop() }
        let folder = FileManager.default.temporaryDirectory.path + "/fuzz-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var settings = WebSettings()
        settings.reach = .anywhere
        let web = Web(settings: settings)
        let file = DownloadFile(folder + "/file")
        var number = 0
        let findings = await run.findings(Samples.wire.fuzzer) { answer in
            number += 1
            now.withLock { $0 = answer.bytes }
            var request = WebRequest(host.address("/\(number)"))
            request.timeLimit = .seconds(5)
            request.bytesMax = 100_000
            request.redirectsMax = 2
            request.hosts = ["127.0.0.1"]
            do throws(WebError) {
                if number % 2 == 0 {
                    let answer = try await web.fetch(request)
                    if answer.body.count > 100_000 {
                        throw .tooLarge("a body of \(answer.body.count) was kept")
                    }
                } else {
                    // The part of one answer is there when the next one comes, as after a hang-up.
                    _ = try await web.download(request, to: file)
                }
            } catch {
                if case .tooLarge(let words) = error, words.hasSuffix("was kept") { throw FuzzFinding(words) }
            }
            let size = (try? FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int) ?? 0
            try FuzzFinding.require(size <= 100_000, "a file of \(size) bytes")
        }
        await web.close()
        #expect(findings == [])
    }

    @Test("through the farm: 400 jobs of every kind that asks, and each comes to its end")
    func jobs() async throws {
        let run = FuzzRun("jobs", count: 400)
        let host = try LoopbackHost { question in Self.reply(to: question, run) }
        defer { host.stop() }
        let base = host.address("")
        try await withUpstream(
            change: { settings in
                (settings.api, settings.store, settings.community) = (base, base, base)
                settings.steamcmd = Self.steamcmd(in: settings.folder, run)
                settings.patience = .seconds(4)
            },
            define: { definition in
                definition.lanes = 20
                for host in definition.hosts.keys {
                    definition.hosts[host] = Rate(count: 1000, per: .seconds(1), burst: 1000)
                }
            }
        ) { up in
            let kinds = ["steam-details", "steam-game", "steam-page", "steam-check", "steam-download"]
            let jobs = try await up.shop.store.enqueue(
                (0..<run.count).map { number in
                    let id = 5_000_000 + number
                    return NewJob(
                        kinds[number % kinds.count], args: JSON(text: "{\"id\":\(id)}"), subject: String(id))
                }
            ).map(\.job)
            var left = 0
            try await eventually("all end, or wait for the end of a rest", within: .seconds(100)) {
                // A complaint among the answers makes a source rest; the next jobs are to ask again.
                try await up.shop.store.database.run("DELETE FROM workshop.rests")
                let reports = try await up.shop.store.jobs(jobs)
                left = reports.values.count {
                    $0.state == .running || $0.state == .waiting && $0.run == 0
                }
                return reports.count == jobs.count && left == 0
            }
            #expect(left == 0)
        }
    }

    // MARK: Bounds

    private static func check(_ answer: ItemAnswer, _ id: Int64) throws {
        guard case .file(let item) = answer else { return }
        try FuzzFinding.require(item.id == id && id > 0, "item \(item.id) under \(id)")
        try FuzzFinding.require(item.size >= 0 && item.created >= 0 && item.updated >= 0, "a number below 0")
        try FuzzFinding.require(max(item.created, item.updated) <= 253_402_300_799, "a time beyond 9999")
        try FuzzFinding.require(item.title.unicodeScalars.count <= 512, "a title too long")
        try FuzzFinding.require(item.description.unicodeScalars.count <= 64 << 10, "a description too long")
        try FuzzFinding.require(item.tags.count <= 100, "\(item.tags.count) tags")
        let texts = [item.title, item.description] + item.tags
        try FuzzFinding.require(texts.allSatisfy { !$0.unicodeScalars.contains("\u{0}") }, "a NUL in a text")
    }

    // MARK: A host and a program

    /// The answer to a question about the item whose number stands in it.
    private static func reply(to question: LoopbackHost.Question, _ run: FuzzRun) -> [LoopbackHost.Step] {
        let ids = LookUpTests.ids(in: question.body)
        let digits = question.target.split { !("0"..."9").contains($0) }.last.flatMap { Int64($0) }
        let id = ids.first ?? digits ?? 0
        let sample: Sample =
            question.target.contains("GetPublishedFileDetails")
            ? .details
            : question.target.contains("appdetails")
                ? .games
                : question.target.contains("filedetails")
                    ? .pages : .files
        var dice = run.dice(Int(truncatingIfNeeded: id) &* 7 &+ sample.rawValue)
        // Half of the answers are right, so that what follows is reached.
        let body =
            dice.chance(0.5)
            ? sample.right(for: ids.isEmpty ? [id] : ids, host: question.headers["host"] ?? "")
            : sample.fuzzer(for: id, host: question.headers["host"] ?? "").answer(dice).bytes
        let status = dice.chance(0.9) ? 200 : dice.pick([204, 302, 404, 416, 500, 503])
        return [.answer(status, body, ["Connection: close"]), .hangUp]
    }

    /// A program in the place of steamcmd that says what the dice say of its item.
    private static func steamcmd(in folder: String, _ run: FuzzRun) -> String {
        let reports = folder + "/reports"
        try? FileManager.default.createDirectory(atPath: reports, withIntermediateDirectories: true)
        for number in 0..<16 {
            let bytes = Samples.reports.fuzzer.answer(run.dice(1_000_000 + number)).bytes
            try? Data(bytes).write(to: URL(filePath: "\(reports)/\(number)"))
        }
        let path = folder + "/steamcmd.sh"
        let script = "#!/bin/sh\nexec cat \"\(reports)/$(( $7 % 16 ))\"\n"
        try? Data(script.utf8).write(to: URL(filePath: path))
        chmod(path, 0o755)
        return path
    }
}
