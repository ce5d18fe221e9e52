import Jobs
import Platform
import Store
import TestSupport
import Testing
import Workshop

/// What becomes of look-ups that one request asked for together, when Steam's answer is not what was asked.
@Suite("Look-ups that go together")
struct LookUpTests {
    /// Answers of the reported kinds to a question for many items.
    enum Mood: CaseIterable {
        /// `details_empty_list.json`
        case emptyList
        case oneOfMany
        case oneTwice
        case onlyOthers
        case contradictory

        func answer(to ids: [Int64]) -> String {
            let items: [String] =
                switch self {
                case .emptyList: []
                case .oneOfMany: [Self.file(ids[0])]
                case .oneTwice: [Self.gone(ids[0]), Self.file(ids[0])]
                case .onlyOthers: (1...3).map { Self.file(ids[0] + 1_000_000 + $0) }
                case .contradictory: ids.prefix(2).map { Self.file($0) }
                }
            let count = self == .contradictory ? 99 : items.count
            return
                #"{"response":{"result":1,"resultcount":\#(count),"publishedfiledetails":[\#(items.joined(separator: ","))]}}"#
        }

        static func file(_ id: Int64) -> String {
            """
            {"publishedfileid":"\(id)","result":1,"consumer_app_id":4000,"file_size":"10","file_url":"","title":"Mod \(id)",
            "description":"","time_created":1600000000,"time_updated":1700000000,"visibility":0,"banned":0,"tags":[]}
            """
        }

        static func gone(_ id: Int64) -> String { #"{"publishedfileid":"\#(id)","result":9}"# }
    }

    /// A host in the place of Steam's Web API, in the mood of the moment.
    private static func host(_ mood: Lock<Mood>, asked: Lock<[Int]>) throws -> LoopbackHost {
        try LoopbackHost { question in
            let ids = ids(in: question.body)
            asked.withLock { $0.append(ids.count) }
            guard !ids.isEmpty else { return [.answer(400, [])] }
            return [.ok(mood.withLock { $0 }.answer(to: ids), "Content-Type: application/json")]
        }
    }

    /// The items that a form asks for, in the order of their numbers.
    static func ids(in form: [UInt8]) -> [Int64] {
        String(decoding: form, as: UTF8.self).split(separator: "&").compactMap { field in
            guard field.hasPrefix("publishedfileids") else { return nil }
            return field.split(separator: "=").last.flatMap { Int64($0) }
        }
    }

    @Test(
        "details_empty_list, details_one_of_many: 200 new mods at once, 50 times, and Steam leaves out all or most: each missing one fails alone, as transient"
    )
    func missing() async throws {
        let (mood, asked) = (Lock(Mood.emptyList), Lock<[Int]>([]))
        let host = try Self.host(mood, asked: asked)
        defer { host.stop() }
        let base = host.address("")
        try await withUpstream(
            change: { $0.api = base },
            define: { definition in
                definition.lanes = 200
                definition.hosts["api.steampowered.com"] = Rate(count: 100, per: .seconds(1), burst: 1)
                definition.patience = Patience(
                    attemptsMax: 2, budget: .seconds(20), backoffFirst: .milliseconds(10),
                    backoffMax: .milliseconds(20))
            }
        ) { up in
            // Round 0 comes as clients come: the request stands, and the mod is looked for.
            let answers = await withTaskGroup(of: Shop.Answer.self) { group in
                for id in Self.ids(of: 0) { group.addTask { await up.shop.ask("/download/steam/\(id)") } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count == 200)
            for answer in answers {
                #expect(answer.status == 202, "\(answer.text)")
                #expect(answer.errorID == 0 || answer.errorID == 3, "\(answer.text)")
            }
            for round in 1..<50 {
                let now = Mood.allCases[round % Mood.allCases.count]
                mood.withLock { $0 = now }
                let jobs = try await up.shop.store.enqueue(
                    Self.ids(of: round).map { id in
                        NewJob("steam-details", args: JSON(text: "{\"id\":\(id)}"), subject: String(id))
                    }
                ).map(\.job)
                try await Self.expectEnds(of: jobs, in: now, up)
            }
            let sizes = asked.withLock { $0 }
            #expect(sizes.max() ?? 0 > 1, "some were asked for together")
            #expect(sizes.max() ?? 0 <= 100)
        }
    }

    /// New mods, other ones each round.
    private static func ids(of round: Int) -> ClosedRange<Int64> {
        let first = 3_300_000_000 + Int64(round) * 200
        return first...(first + 199)
    }

    private static func expectEnds(of jobs: [JobID], in mood: Mood, _ up: Upstream) async throws {
        var reports: [JobID: JobReport] = [:]
        try await eventually("200 look-ups end", within: .seconds(60)) {
            reports = try await up.shop.store.jobs(jobs)
            return reports.values.allSatisfy { $0.state != .waiting && $0.state != .running }
        }
        #expect(reports.count == 200)
        let missing = reports.values.filter { $0.state == .dead }
        for report in missing {
            let errors = try report.errors?.parts().list ?? []
            #expect(errors.count == 2, "what may pass is tried again")
            #expect(errors.last?["error"]?.word?.contains("was not answered") == true)
        }
        let done = reports.values.count { $0.state == .done }
        #expect(done + missing.count == 200)
        switch mood {
        case .emptyList, .onlyOthers: #expect(done == 0)
        case .oneOfMany, .oneTwice, .contradictory: #expect(done > 0)
        }
    }
}
