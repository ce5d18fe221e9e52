import Jobs
import Postgres
import Store
import TestSupport

/// Sixty-four clients use the same hundred keys at once.
struct Keys: Scenario {
    static let name = "keys"
    static let promise = "a key is one job, whoever asks and whenever; another body is refused"

    func play(_ theatre: Theatre) async throws -> Verdict {
        try await theatre.withStage("keys") { stage in
            let answers = try await ask(stage, seed: theatre.seed)
            let jobs = Dictionary(grouping: answers, by: \.key).mapValues { Set($0.map(\.job)) }
            let rows = try await stage.count("SELECT count(*) FROM motorpool.jobs")
            let workers = [try stage.start("keys-1")]
            try await stage.waitUntilWorking(workers)
            try await stage.drain(within: .seconds(30))
            let again = try await stage.store.enqueue(job(7))
            let result = try await stage.store.job(again.job)?.result
            let other = try await stage.store.enqueue(
                NewJob("effect", args: "{\"tag\":\"other\"}", key: "key-7"))
            let created = answers.count { $0.verdict == .created }
            return Verdict(
                "\(answers.count) requests, \(created) created, \(rows) jobs; later: \(again.verdict), result \(result?.description ?? "none"), another body: \(other.verdict)",
                [
                    ("100 jobs", rows == 100 && created == 100 && jobs.count == 100),
                    ("one job a key", jobs.values.allSatisfy { $0.count == 1 }),
                    ("the same job later", again.verdict == .duplicate && jobs["key-7"] == [again.job]),
                    ("its result", result?.description.contains("run") == true),
                    ("another body refused", other.verdict == .mismatch),
                ])
        }
    }

    private struct Answer: Sendable {
        let key: String
        let job: JobID
        let verdict: Enqueued.Verdict
    }

    private func job(_ number: Int) -> NewJob {
        NewJob("effect", args: JSON(text: "{\"tag\":\"\(number)\"}"), key: "key-\(number)")
    }

    private func ask(_ stage: Stage, seed: UInt64) async throws -> [Answer] {
        let settings = stage.server.settings(stage.name)
        let stores = (0..<8).map { _ in Store(settings, connectionsMax: 8) }
        let answers = try await withThrowingTaskGroup(of: [Answer].self) { clients in
            for client in 0..<64 {
                clients.addTask {
                    var dice = Dice(seed: seed, "client \(client)")
                    var answers: [Answer] = []
                    for number in (0..<100).shuffled(using: &dice) {
                        let answer = try await stores[client % 8].enqueue(job(number))
                        answers.append(Answer(key: "key-\(number)", job: answer.job, verdict: answer.verdict))
                    }
                    return answers
                }
            }
            return try await clients.reduce(into: []) { $0 += $1 }
        }
        for store in stores { await store.close() }
        return answers
    }
}
