import Jobs

/// Fifty clients of two farms ask at the same moment for a mod that nobody has.
struct OneDownload: Scenario {
    static let name = "one-download"
    static let promise =
        "50 clients at two fronts ask for one new mod at once: one download, one truth, and afterwards nobody is asked"

    private static let clientsOfEach = 25
    private static let warmRequests = 200
    /// Of several files, so that it comes slowly enough for everybody to ask meanwhile.
    private static let number = 4

    func play(_ theatre: Theatre) async throws -> Verdict {
        try await theatre.withModStage("one_download") { stage in
            let mod = try await stage.sandbox.mods()[OneDownload.number].id
            try await stage.sandbox.turnOn("steamcmd:slow", for: mod)
            let farms = try (1...2).map { try stage.startFarm("farm-\($0)", lease: .seconds(15)) }
            var clients: [ModClient] = []
            for farm in farms { clients.append(try await stage.client(of: farm)) }
            try await stage.stage.waitUntilWorking(farms)
            let answers = try await askAtOnce(mod, clients)
            let course = try await follow(mod, clients)
            let copies = [try await clients[0].take(mod), try await clients[1].take(mod)]
            try await stage.stage.drain(within: .seconds(60))
            let before = try await stage.sandbox.counts()
            let warm = try await askWarm(mod, clients, body: copies[0].body)
            let after = try await stage.sandbox.counts()
            let (first, joined) = (answers.count { $0 == 0 }, answers.count { $0 == 3 })
            return Verdict(
                "\(answers.count) asked, \(first) put it in line, \(joined) heard that it was; \(before.downloads(of: mod)) download, conditions \(course.words); \(warm.latencies.count) warm requests, p50 \(warm.percentile(0.5)) ms, p99 \(warm.percentile(0.99)) ms, Steam asked for them \(before == after ? "not at all" : "\(before.totals) before, \(after.totals) after")",
                [
                    ("one that puts it in line", first == 1),
                    ("the others told so", joined == 2 * OneDownload.clientsOfEach - 1),
                    ("one download", before.downloads(of: mod) == 1),
                    ("both fronts of one mind", course.differences == 0),
                    ("conditions that only go down", course.isDescending),
                    (
                        "the ZIP of both",
                        copies.allSatisfy { $0.status == 200 } && copies[0].body == copies[1].body
                    ),
                    ("every warm request answered with it", warm.failures == 0),
                    ("nobody asked for them", before == after),
                ])
        }
    }

    /// - Returns: the `error_id` of each answer with status 202; -1 for any other.
    private func askAtOnce(_ mod: Int64, _ clients: [ModClient]) async throws -> [Int64] {
        try await withThrowingTaskGroup(of: Int64.self) { group in
            for _ in 0..<OneDownload.clientsOfEach {
                for client in clients {
                    group.addTask {
                        let answer = try await client.ask(for: mod)
                        return answer.status == 202 ? answer.errorID ?? -1 : -1
                    }
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// What two fronts told of a mod, until it was ready.
    private struct Course {
        var told: [Int?] = []
        /// The other front told something else although nothing changed meanwhile.
        var differences = 0

        mutating func add(_ condition: Int?) {
            if told.isEmpty || told[told.count - 1] != condition { told.append(condition) }
        }

        var isDescending: Bool {
            let numbers = told.compactMap { $0 }
            return numbers.count == told.count && zip(numbers, numbers.dropFirst()).allSatisfy { $0 > $1 }
        }

        var words: String { told.map { $0.map { "\($0)" } ?? "absent" }.joined(separator: ", ") }
    }

    /// A condition never comes back, so what is the same before and after was the same between.
    private func follow(_ mod: Int64, _ clients: [ModClient]) async throws -> Course {
        var course = Course()
        try await eventually("it is ready", within: .seconds(60)) {
            let before = try await clients[0].conditions(of: [mod])[mod]
            let other = try await clients[1].conditions(of: [mod])[mod]
            let after = try await clients[0].conditions(of: [mod])[mod]
            course.add(before)
            if before == after, other != before { course.differences += 1 }
            course.add(after)
            return after == 0
        }
        return course
    }

    private struct Warm {
        /// Sorted, in milliseconds.
        var latencies: [Double] = []
        var failures = 0

        func percentile(_ part: Double) -> Double {
            guard !latencies.isEmpty else { return 0 }
            return (latencies[min(latencies.count - 1, Int(Double(latencies.count) * part))] * 100).rounded()
                / 100
        }
    }

    /// One after another, the fronts in turn.
    private func askWarm(_ mod: Int64, _ clients: [ModClient], body: [UInt8]) async throws -> Warm {
        var warm = Warm()
        for number in 0..<OneDownload.warmRequests {
            let asked = ContinuousClock.now
            let answer = try await clients[number % clients.count].ask(for: mod)
            warm.latencies.append((ContinuousClock.now - asked).inSeconds * 1000)
            if answer.status != 200 || answer.body != body { warm.failures += 1 }
        }
        warm.latencies.sort()
        return warm
    }
}
