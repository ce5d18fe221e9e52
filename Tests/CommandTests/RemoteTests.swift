import FoundationEssentials
import Glibc
import Platform
import TestSupport
import Testing

/// The same words over HTTP, against a front and a worker as people run them.
@Suite("Commands to a farm by its address", .serialized)
struct RemoteTests {
    private struct Told: Decodable {
        let id: Int
        let state: String
        let reason: String?
        let result: Slept?

        struct Slept: Decodable { let slept: Double }
    }

    private struct Accepted: Decodable {
        let id: Int
        let verdict: String
    }

    @Test("enqueue --wait waits at the farm, and tells how it ended")
    func wait() async throws {
        try await withFarm { farm in
            let slept = try await farm.producer(
                "enqueue", "sleep", "--args", "{\"seconds\": 0.3}", "--wait", "--json")
            #expect(slept.code == 0, "\(slept.text)")
            let told = try #require(try slept.decoded(Told.self).first)
            #expect(told.state == "done" && told.result?.slept == 0.3)
            let failed = try await farm.producer(
                "enqueue", "fail", "--args", "{\"for_good\":true,\"message\":\"so it is\"}", "--wait")
            #expect(failed.code == 1)
            #expect(failed.text.contains("dead"))
            let late = try await farm.producer(
                "enqueue", "sleep", "--args", "{\"seconds\": 60}", "--wait", "--timeout", "1500ms")
            #expect(late.code == 75)
            #expect(late.text.contains("has not ended within 1.500s, and goes on"))
        }
    }

    @Test("job --wait and what the farm and the database say of a job are the same")
    func job() async throws {
        try await withFarm { farm in
            let id = try await enqueued(farm, "sleep", "--args", "{\"seconds\": 0.3}")
            let ended = try await farm.reader("job", "\(id)", "--wait", "--json")
            #expect(ended.code == 0)
            #expect(try ended.decoded(Told.self).first?.state == "done")
            for words in [["job", "\(id)"], ["job", "\(id)", "--json"], ["jobs", "--json"]] {
                let near = try await farm.database.run(words)
                let far = try await farm.reader.run(words)
                #expect(far.code == near.code)
                #expect(far.text == near.text, "\(words)")
            }
            for words in [["job", "987654321"], ["cancel", "987654321"]] {
                let near = try await farm.database.run(words)
                let far = try await farm.producer.run(words)
                #expect(far.code == 1 && near.code == 1)
                #expect(far.text == near.text, "\(words)")
            }
        }
    }

    @Test("keys, subjects and refusals have the same words and codes")
    func refusals() async throws {
        try await withFarm { farm in
            let first = try await farm.producer("enqueue", "noop", "--key", "k", "--delay", "1h")
            #expect(first.code == 0 && first.text.contains("due in 1h"), "\(first.text)")
            let same = try await farm.producer("enqueue", "noop", "--key", "k", "--delay", "1h")
            #expect(same.code == 0 && same.text.contains("the same key came before"), "\(same.text)")
            let other = try await farm.producer("enqueue", "noop", "--key", "k", "--args", "{\"a\":1}")
            #expect(other.code == 1 && other.text.contains("with another body"), "\(other.text)")
            let unknown = try await farm.producer("enqueue", "nope")
            #expect(unknown.code == 1 && unknown.text.contains("abort"), "\(unknown.text)")
            let one = try await farm.producer("enqueue", "noop", "--subject", "s", "--delay", "1h", "--json")
            let two = try await farm.producer("enqueue", "noop", "--subject", "s", "--delay", "1h", "--json")
            let ids = try (one.decoded(Accepted.self) + two.decoded(Accepted.self)).map(\.id)
            #expect(ids[0] == ids[1])
            #expect(try two.decoded(Accepted.self).first?.verdict == "joined")
        }
    }

    @Test("many jobs go in batches, and are listed in pages as long as asked for")
    func many() async throws {
        try await withFarm { farm in
            let long = "{\"text\": \"\(String(repeating: "x", count: 1500))\"}"
            let many = try await farm.producer(
                "enqueue", "noop", "--count", "700", "--args", long, "--delay", "1h")
            #expect(many.code == 0 && many.text.hasPrefix("700 jobs wait, "), "\(many.text)")
            let ids = try await farm.reader("jobs", "--limit", "250", "--json").text.split(separator: "\n")
                .compactMap { try? JSONDecoder().decode(Told.self, from: Data($0.utf8)).id }
            #expect(ids.count == 250 && ids == ids.sorted(by: >))
            #expect(Set(ids).count == 250)
            let files = [
                "jobs": """
                {"kind":"noop","key":"a"}
                {"kind":"noop","subject":"s","delay":"1h"}
                {"kind":"noop","subject":"s"}
                {"kind":"noop","key":"a"}
                """
            ]
            try await withFolder(files) { folder in
                let mixed = try await farm.producer("enqueue", "--many", folder + "/jobs", "--json")
                #expect(mixed.code == 0, "\(mixed.text)")
                let verdicts = try mixed.decoded(Accepted.self).map(\.verdict)
                #expect(verdicts == ["created", "created", "joined", "duplicate"])
            }
        }
    }

    @Test("cancel says what it found, gives its reason, and twice is once")
    func cancel() async throws {
        try await withFarm { farm in
            let id = try await enqueued(farm, "noop", "--delay", "1h")
            let cancelled = try await farm.producer("cancel", "\(id)", "--reason", "no need & that's it")
            #expect(cancelled.text == "job \(id) is cancelled; it had not started\n")
            #expect(try await farm.producer("cancel", "\(id)").text == "job \(id) was cancelled before\n")
            let page = try await farm.reader("job", "\(id)").text
            #expect(page.contains("no need & that's it (cancelled by bot)"), "\(page)")
            let done = try await enqueued(farm, "noop")
            _ = try await farm.reader("job", "\(done)", "--wait")
            let late = try await farm.producer("cancel", "\(done)")
            #expect(late.code == 1 && late.text.contains("has ended already: it is done"), "\(late.text)")
        }
    }

    @Test("who has no right is told which one it takes")
    func roles() async throws {
        try await withFarm { farm in
            let stranger = try await farm.as(nil)("enqueue", "noop")
            #expect(stranger.code == 1)
            #expect(stranger.text.contains("role producer"), "\(stranger.text)")
            let reader = try await farm.reader("enqueue", "noop")
            #expect(reader.code == 1)
            #expect(reader.text.contains("role producer"), "\(reader.text)")
            let wrong = try await farm.as("mp_wrong")("jobs")
            #expect(wrong.code == 1 && wrong.text.contains("does not know you"), "\(wrong.text)")
        }
    }

    @Test("a wait outlives a front that is started again")
    func restart() async throws {
        try await withFarm { farm in
            let id = try await enqueued(farm, "sleep", "--args", "{\"seconds\": 4}")
            async let waiting = farm.reader("job", "\(id)", "--wait", "--json")
            try await eventually("somebody is connected") { try farm.clients > 0 }
            try await farm.restart()
            let ended = try await waiting
            #expect(ended.code == 0, "\(ended.text)")
            #expect(try ended.decoded(Told.self).last?.state == "done")
        }
    }

    @Test("an operator retries, pauses and lets go on, and what is told is the same")
    func operating() async throws {
        try await withFarm { farm in
            let id = try await enqueued(farm, "noop", "--delay", "1h")
            _ = try await farm.producer("cancel", "\(id)")
            let refused = try await farm.producer("retry", "\(id)")
            #expect(refused.code == 1 && refused.text.contains("role operator"), "\(refused.text)")
            let paused = try await farm.boss("pause", "trial")
            #expect(paused.code == 0, "\(paused.text)")
            #expect(paused.text.hasPrefix("queue trial is paused"))
            let retried = try await farm.boss("retry", "\(id)")
            #expect(retried.code == 0 && retried.text.hasPrefix("job \(id) waits again"), "\(retried.text)")
            let early = try await farm.boss("retry", "\(id)")
            #expect(early.code == 1, "\(early.text)")
            #expect(
                early.text.contains("is waiting: only dead and cancelled jobs can be retried"),
                "\(early.text)")
            #expect(try await farm.reader("job", "\(id)").text.contains("queue trial paused by boss"))
            let list = try await farm.boss("jobs").text
            #expect(list.contains("trial") && list.contains("ready"), "\(list)")
            #expect(try await farm.boss("resume", "trial").text == "queue trial goes on\n")
            #expect(try await farm.boss("resume", "trial").text == "queue trial was not paused\n")
            for words in [["pause", "No name"], ["resume", "nope"], ["retry", "987654321"]] {
                let answer = try await farm.boss.run(words)
                #expect(answer.code == 1, "\(answer.text)")
            }
        }
    }

    @Test("the schedule is listed, run, paused and let go on by an operator")
    func schedule() async throws {
        try await withFarm { farm in
            let file = ["scheduler.conf": "[nightly]\nwhen = 0 3 * * *\nkind = noop\nsubject = night\n"]
            try await withFolder(file) { folder in
                let server = try farm.database.start([
                    "schedule", "serve", "--scheduler", folder + "/scheduler.conf", "--jobs",
                    Checkout.path + "/jobs",
                ])
                defer { server.child.kill() }
                try await eventually("the line is published", within: .seconds(20)) {
                    try await farm.boss("schedule", "list").text.contains("nightly")
                }
                for words in [["schedule", "list"], ["schedule", "list", "--json"]] {
                    let near = try await farm.database.run(words)
                    let far = try await farm.boss.run(words)
                    #expect(far.code == 0)
                    #expect(far.text == near.text)
                }
                #expect(
                    try await farm.boss("schedule", "pause", "nightly").text.hasPrefix("nightly is paused"))
                #expect(try await farm.boss("schedule", "list").text.contains("paused by boss"))
                #expect(
                    try await farm.boss("schedule", "resume", "nightly").text.hasPrefix("nightly goes on"))
                let run = try await farm.boss("schedule", "run", "nightly")
                #expect(run.code == 0 && run.text.hasPrefix("job "), "\(run.text)")
                let near = try await farm.database("schedule", "list", "nightly", "--json")
                #expect(try await farm.boss("schedule", "list", "nightly", "--json").text == near.text)
                for deed in ["list", "run", "pause", "resume"] {
                    let answer = try await farm.boss("schedule", deed, "nope")
                    #expect(answer.code == 1)
                    #expect(answer.text.contains("the lines are nightly"), "\(answer.text)")
                }
                let reader = try await farm.reader("schedule", "list")
                #expect(reader.code == 1 && reader.text.contains("role operator"), "\(reader.text)")
            }
        }
    }

    private func enqueued(_ farm: ServedFarm, _ words: String...) async throws -> Int {
        let answer = try await farm.producer.run(["enqueue"] + words + ["--json"])
        return try #require(try answer.decoded(Accepted.self).first, "\(answer.text)").id
    }
}
