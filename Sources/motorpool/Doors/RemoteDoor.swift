internal import Glibc
internal import Jobs
internal import Store
internal import World

/// The farm over HTTP.
struct RemoteDoor: Door {
    /// A little less than the front takes.
    private static let bodyBytesMax = 900_000
    private static let jobsMax = 1000
    private static let pageMax = 200
    /// The front answers a wait within this.
    private static let waitMax = Duration.seconds(30)
    /// Where somebody watches the progress.
    private static let glance = Duration.seconds(1)
    private static let hasty = Duration.milliseconds(250)

    let farm: FarmCaller

    init(_ address: WebAddress, token: String?) { farm = FarmCaller(address, token: token) }

    func close() async { await farm.close() }

    // MARK: Asking for jobs

    func enqueue(_ jobs: [NewJob]) async throws -> [Enqueued] {
        if jobs.count == 1 { return [try await enqueue(jobs[0])] }
        var answers: [Enqueued] = []
        for batch in Self.batches(jobs) { answers += try await enqueueMany(batch.jobs, batch.body) }
        return answers
    }

    private func enqueue(_ job: NewJob) async throws -> Enqueued {
        // What has no name of its own gets one, so that asking again after a lost answer makes no second job.
        let key = job.key == nil ? Self.freshKey() : nil
        let answer = try await farm.ask(.post, "/jobs", body: job.json, key: key)
        guard answer.status == 409 || answer.status == 422 || answer.status == 410 else {
            guard answer.status < 300, let told = answer.json, let enqueued = Enqueued(told) else {
                throw Refusal(answer.message)
            }
            return key == nil ? enqueued : enqueued.asFirst
        }
        let id = answer.problem("job").flatMap { Int64($0.json.description) }.map { JobID($0) }
        guard let id, let code = answer.problem("code")?.string else { throw Refusal(answer.message) }
        switch code {
        case "refused": return Enqueued(verdict: .refused, job: id)
        case "cooling":
            return Enqueued(verdict: .cooling, job: id, coolsFor: .seconds(answer.retryAfter ?? 1))
        case "key_reused": return Enqueued(verdict: .mismatch, job: id)
        default: throw Refusal(answer.message)
        }
    }

    private func enqueueMany(_ jobs: [NewJob], _ body: JSONText) async throws -> [Enqueued] {
        let key = jobs[0].key == nil ? Self.freshKey() : nil
        let answer = try await farm.ask(.post, "/jobs", body: body, key: key)
        guard answer.status < 300, case .array(let parts)? = answer.json?["jobs"]?.value else {
            throw Refusal(answer.message)
        }
        let enqueued = parts.compactMap { Enqueued($0) }
        guard enqueued.count == jobs.count else {
            throw Refusal("the farm answered for \(enqueued.count) of \(jobs.count) jobs", .unavailable)
        }
        return key == nil ? enqueued : enqueued.map(\.asFirst)
    }

    /// As the front takes them: so many, so large, and with names of their own or without.
    private static func batches(_ jobs: [NewJob]) -> [(jobs: [NewJob], body: JSONText)] {
        var batches: [(jobs: [NewJob], body: JSONText)] = []
        var batch: [NewJob] = []
        var texts: [JSONText] = []
        var bytes = 0
        func close() {
            if !batch.isEmpty { batches.append((batch, .array(texts))) }
            (batch, texts, bytes) = ([], [], 0)
        }
        for job in jobs {
            let text = job.json.text
            let isOther = batch.last.map { ($0.key == nil) != (job.key == nil) } ?? false
            if batch.count == jobsMax || bytes + text.utf8.count > bodyBytesMax || isOther { close() }
            batch.append(job)
            texts.append(.raw(text))
            bytes += text.utf8.count + 1
        }
        close()
        return batches
    }

    private static func freshKey() -> String {
        "cli-" + (0..<4).map { _ in String(UInt32.random(in: 0 ... .max), radix: 16) }.joined()
    }

    // MARK: Looking

    func job(_ id: JobID) async throws -> JobReport? {
        try await report(id, try await farm.ask(.get, "/jobs/\(id)"))
    }

    func job(_ id: JobID, turn: Int, within limit: Duration) async throws -> JobReport? {
        // The first look is for whoever watches; the others wait at the farm.
        let most = Console.isErrorTerminal ? (turn == 0 ? .zero : Self.glance) : Self.waitMax
        let wait = min(limit, most)
        let seconds = Int(wait.inSeconds.rounded(.up))
        let began = ContinuousClock.now
        if wait > .zero, wait < .seconds(1) { return try await lastLook(id, after: wait) }
        let answer = try await farm.ask(
            .get, "/jobs/\(id)?wait=\(seconds)", wait: .seconds(seconds), isPatient: turn > 0)
        let report = try await report(id, answer)
        // A farm that is shutting down lets nobody wait.
        if report?.state == .waiting || report?.state == .running, ContinuousClock.now - began < Self.hasty {
            try await Task.sleep(for: min(limit, Self.hasty))
        }
        return report
    }

    /// The farm waits in whole seconds; the last part of one is waited for here.
    private func lastLook(_ id: JobID, after wait: Duration) async throws -> JobReport? {
        let report = try await job(id)
        guard report?.state == .waiting || report?.state == .running else { return report }
        try await Task.sleep(for: wait)
        return try await job(id)
    }

    private func report(_ id: JobID, _ answer: FarmCaller.Answer) async throws -> JobReport? {
        if answer.status == 404 || answer.status == 410 { return nil }
        guard answer.status == 200, let report = answer.json.flatMap({ JobReport($0) }) else {
            throw Refusal(answer.message)
        }
        return report
    }

    func jobs(_ filter: JobFilter) async throws -> [JobReport] {
        var found: [JobReport] = []
        var before = filter.before
        while found.count < filter.limit {
            let wanted = min(Self.pageMax, filter.limit - found.count)
            let page = try await page(filter, before: before, limit: wanted)
            found += page
            guard page.count == wanted else { break }
            before = page.last?.id
        }
        return found
    }

    private func page(_ filter: JobFilter, before: JobID?, limit: Int) async throws -> [JobReport] {
        let fields: [(String, String?)] = [
            ("state", filter.state?.rawValue), ("kind", filter.kind), ("queue", filter.queue),
            ("subject", filter.subject), ("before", before?.description), ("limit", String(limit)),
        ]
        let query = fields.compactMap { name, value in value.map { "\(name)=\($0.percentEncoded)" } }
        let answer = try await farm.ask(.get, "/jobs?" + query.joined(separator: "&"))
        guard answer.status == 200, case .array(let parts)? = answer.json?["jobs"]?.value else {
            throw Refusal(answer.message)
        }
        return parts.compactMap { JobReport($0) }
    }

    /// Told to operators only: whoever may not see them gets the jobs without.
    func depths() async throws -> (depths: [QueueDepth], more: Int)? {
        let answer: FarmCaller.Answer
        do { answer = try await farm.ask(.get, "/admin/api/queues") } catch is Refusal { return nil }
        guard answer.status == 200, case .array(let queues)? = answer.json?["queues"]?.value else {
            return nil
        }
        let more = answer.json?["queues_more"].flatMap { Int($0.json.description) } ?? 0
        let depths: [QueueDepth] = queues.flatMap { queue in
            ["children", "held", "ready", "running", "scheduled"].compactMap { state in
                guard let depth = queue[state], let name = queue["name"]?.string,
                    let count = depth["count"].flatMap({ Int($0.json.description) }), count > 0
                else { return nil }
                let age = state == "ready" ? queue["head_age_seconds"] : nil
                let isMore = if case .bool(true)? = depth["is_more"]?.value { true } else { false }
                return (
                    name, state, count, isMore,
                    age.flatMap { Double($0.json.description) }.map { .seconds($0) }
                )
            }
        }
        return (depths, more)
    }

    // MARK: Orders; who gives them is who the token says.

    func cancel(_ id: JobID, reason: String?, by actor: String) async throws -> Cancelled {
        let query = reason.map { "?reason=\($0.percentEncoded)" } ?? ""
        let answer = try await farm.ask(.delete, "/jobs/\(id)\(query)")
        switch answer.status {
        case 404, 410: return .unknown
        case 409:
            let state = answer.problem("state")?.string.flatMap { ToldState(rawValue: $0) }
            guard let state else { throw Refusal(answer.message) }
            return .ended(state)
        case 200:
            switch answer.json?["may_have_started"]?.value {
            case .bool(let mayHaveStarted): return .cancelled(mayHaveStarted: mayHaveStarted)
            default: return .ended(.cancelled)
            }
        default: throw Refusal(answer.message)
        }
    }

    func retry(_ id: JobID, by actor: String) async throws -> Retried {
        let answer = try await farm.ask(.post, "/admin/api/jobs/\(id)/retry", repeating: .never)
        switch answer.status {
        case 200: return .retried
        case 404, 410: return .unknown
        case 409:
            guard let report = try await job(id), report.state != .dead, report.state != .cancelled else {
                throw Refusal(answer.message)
            }
            return .notRetryable(report.state)
        default: throw Refusal(answer.message)
        }
    }

    func release(_ id: JobID, by actor: String) async throws -> Released {
        let answer = try await farm.ask(.post, "/admin/api/jobs/\(id)/release", repeating: .never)
        switch answer.status {
        case 200: return .released
        case 404, 410: return .unknown
        case 409:
            guard let report = try await job(id) else { return .unknown }
            guard report.state == .waiting else { return .notWaiting(report.state) }
            guard !report.isReleasable else { throw Refusal(answer.message) }
            return .notRecovered
        default: throw Refusal(answer.message)
        }
    }

    func pause(queue: String, by actor: String) async throws -> Bool? {
        let answer = try await farm.ask(.post, "/admin/api/queues/\(queue.percentEncoded)/pause")
        guard answer.status == 200 else { throw Refusal(answer.message) }
        return nil
    }

    func resume(queue: String, by actor: String) async throws -> Bool {
        let answer = try await farm.ask(.post, "/admin/api/queues/\(queue.percentEncoded)/resume")
        guard answer.status == 200, case .bool(let wasPaused)? = answer.json?["changed"]?.value else {
            throw Refusal(answer.message)
        }
        return wasPaused
    }
}

extension Enqueued {
    fileprivate init?(_ part: JSONPart) {
        guard let id = part["id"].flatMap({ Int64($0.json.description) }),
            let verdict = part["verdict"]?.string.flatMap({ Verdict(rawValue: $0) })
        else { return nil }
        let seconds = part["cools_for_seconds"].flatMap { Double($0.json.description) }
        self.init(verdict: verdict, job: JobID(id), coolsFor: seconds.map { .seconds($0) })
    }

    /// The key was made for this one request: that it came before means only that an answer got lost.
    fileprivate var asFirst: Enqueued {
        verdict == .duplicate ? Enqueued(verdict: .created, job: job) : self
    }
}

extension NewJob {
    /// As the front reads it; only what was said.
    fileprivate var json: JSONText {
        let fields: [(String, JSONText?)] = [
            ("kind", .string(kind)), ("args", JSONText(args)), ("subject", subject.map { .string($0) }),
            ("key", key.map { .string($0) }), ("delay", delay.map { .string($0.text) }),
            ("run_at", runAt.map { .string($0.text) }),
            ("priority", priority.map { .string($0.description) }), ("queue", queue.map { .string($0) }),
            ("limit_key", limitKey.map { .string($0) }), ("attempts", attemptsMax.map { JSONText($0) }),
            ("meta", meta.map { JSONText($0) }),
        ]
        return .object(fields.compactMap { name, value in value.map { (name, $0) } })
    }
}

extension String {
    /// For a part of a path or of a query.
    var percentEncoded: String {
        utf8.reduce(into: "") { text, byte in
            let character = Character(UnicodeScalar(byte))
            if byte < 0x80, character.isLetter || character.isNumber || "-._~".contains(character) {
                text.append(character)
            } else {
                let hex = String(byte, radix: 16, uppercase: true)
                text += "%" + (hex.count < 2 ? "0" + hex : hex)
            }
        }
    }
}
