internal import Crypto
internal import HTTPServer
package import Jobs
internal import Store

/// One `POST /jobs`, from its body to its answer.
struct JobOrder {
    private let exchange: Exchange
    private let jobs: [NewJob]
    private let isMany: Bool
    private let key: String?
    private let digest: [UInt8]

    static func take(_ exchange: Exchange) async throws -> Response {
        let wait = try exchange.query.number("wait", in: 0...60) ?? 0
        let order = try await JobOrder(exchange)
        guard wait == 0 || !order.isMany else {
            throw Problem.badRequest("wait: expected one job, and this is an array", field: "wait")
        }
        return try await order.placed(waiting: .seconds(wait))
    }

    private init(_ exchange: Exchange) async throws {
        self.exchange = exchange
        let header = try JobOrder.key(exchange)
        let parts = try JobOrder.parts(try await exchange.body())
        isMany = parts.isMany
        let readers = try JobOrder.read(parts.jobs, isMany: isMany)
        try await exchange.admit(readers.map(\.job), isMany: isMany)
        // Of what was asked, and not of when or from where: the same request made again is the same.
        digest = JobOrder.digest(readers.map(\.job), withKeys: parts.isMany)
        var jobs = readers.map { reader in
            var job = reader.job
            // What came by HTTP stays askable.
            job.keep = true
            job.keyScope = "http \(exchange.caller.name)"
            job.meta = JobOrder.meta(job.meta, exchange.trace?.next())
            return job
        }
        if header != nil, jobs.contains(where: { $0.key != nil }) {
            throw Problem.badRequest(
                "key: expected either the header Idempotency-Key or the member, found both", field: "key")
        }
        // The key of a single job is its request's, whichever way it came.
        key = header ?? (isMany ? nil : jobs[0].key)
        if !isMany { jobs[0].key = nil }
        self.jobs = jobs
    }

    // MARK: Reading

    private static func key(_ exchange: Exchange) throws(Problem) -> String? {
        let keys = exchange.request.headers.all("Idempotency-Key")
        guard let key = keys.first else { return nil }
        guard keys.count == 1, (1...200).contains(key.utf8.count),
            key.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            throw .badRequest(
                "expected one Idempotency-Key of 1 to 200 visible ASCII characters", field: "Idempotency-Key")
        }
        return key
    }

    private static func parts(_ body: [UInt8]) throws(Problem) -> (jobs: [JSONPart], isMany: Bool) {
        let whole: JSONPart
        do throws(JSONFault) { whole = try JSON(body).parts() } catch {
            throw Problem(400, "no_json", "the body is no JSON: \(error)")
        }
        // Counted before anything is taken apart.
        guard let count = whole.elementCount else { return ([whole], false) }
        guard (1...JobRoutes.jobsMax).contains(count), case .array(let parts) = whole.value else {
            throw .badRequest("expected 1 to \(JobRoutes.jobsMax) jobs, found \(count)")
        }
        return (parts, true)
    }

    private static func read(_ parts: [JSONPart], isMany: Bool) throws(Problem) -> [JobReader] {
        var readers: [JobReader] = []
        for (index, part) in parts.enumerated() {
            do throws(FieldFault) {
                let reader = try JobReader(part)
                readers.append(reader)
            } catch {
                let place = isMany ? "job \(index + 1) of \(parts.count): " : ""
                let problem = Problem.badRequest(place + error.message, field: error.field)
                throw isMany ? problem.with("index", JSONText(index)) : problem
            }
        }
        return readers
    }

    private static func meta(_ meta: JSON?, _ trace: TraceContext?) -> JSON? {
        guard let trace else { return meta }
        let own = ("traceparent", JSONText.string(trace.header))
        guard let meta, case .object(let members)? = try? meta.parts().value else {
            return JSON(text: JSONText.object([own]).text)
        }
        // A trace that the producer wrote there himself is meant.
        guard !members.contains(where: { $0.name == "traceparent" }) else { return meta }
        return JSON(text: JSONText.object(members.map { ($0.name, JSONText($0.part.json)) } + [own]).text)
    }

    // MARK: Placing

    private func placed(waiting limit: Duration) async throws -> Response {
        if exchange.caller.isAnonymous {
            try await exchange.front.guests.admit(jobs.count)
            let bytes = jobs.reduce(0) { $0 + $1.writtenBytes }
            try await exchange.front.budget.charge(bytes, to: .orders)
        }
        let asker = Asker(
            scope: "http \(exchange.caller.name)", key: key, body: digest,
            isGuest: exchange.caller.isAnonymous, caller: exchange.caller.name)
        let answers = try await exchange.store.enqueue(jobs, for: asker)
        if let first = answers.first, first.verdict == .mismatch {
            throw Problem(422, "key_reused", "this key came before with another body, as job \(first.job)")
                .with("job", JSONText(first.job))
        }
        for answer in answers { exchange.note(answer.job) }
        return isMany ? many(answers) : try await one(answers[0], waiting: limit)
    }

    private func one(_ answer: Enqueued, waiting limit: Duration) async throws -> Response {
        switch answer.verdict {
        case .mismatch:
            throw Problem(422, "key_reused", "this key came before with another body, as job \(answer.job)")
                .with("job", JSONText(answer.job))
        case .refused:
            throw Problem(409, "refused", "job \(answer.job) is alive and has the subject")
                .with("job", JSONText(answer.job))
        case .cooling:
            let seconds = max(1, Int((answer.coolsFor ?? .zero).inSeconds.rounded(.up)))
            throw Problem(
                409, "cooling",
                "job \(answer.job) of the same subject ended lately; ask again in \(seconds) s"
            )
            .with("job", JSONText(answer.job)).with(header: "Retry-After", String(seconds))
        case .created, .duplicate, .joined, .again:
            let seen = try await exchange.report(of: answer.job, waiting: limit)
            let report = seen.report
            let isEnded = limit > .zero && !report.isLive
            guard case .object(let members) = seen.json else { return Reply.json(seen.json, status: 202) }
            var headers: Headers = ["Location": "/jobs/\(answer.job)"]
            if let trace = TraceContext(in: report.meta) { headers["traceparent"] = trace.header }
            return Reply.json(
                .object([("verdict", .string(answer.verdict.rawValue))] + members),
                status: isEnded ? 200 : 202,
                headers: headers)
        }
    }

    private func many(_ answers: [Enqueued]) -> Response {
        let jobs = answers.map { answer in
            JSONText.object([
                ("id", JSONText(answer.job)), ("verdict", .string(answer.verdict.rawValue)),
                ("accepted", .bool(answer.isAccepted)), ("cools_for_seconds", JSONText(answer.coolsFor)),
            ])
        }
        return Reply.json(.object([("jobs", .array(jobs))]), status: 202)
    }
}

extension JobOrder {
    /// Of everything that was asked.
    fileprivate static func digest(_ jobs: [NewJob], withKeys hasKeys: Bool) -> [UInt8] {
        var text: [UInt8] = []
        for (index, job) in jobs.enumerated() {
            if index > 0 { text.append(UInt8(ascii: "\n")) }
            job.write(identity: &text, withKey: hasKeys)
        }
        return SHA256.digest(text)
    }
}

extension NewJob {
    /// Keys that are a day old are compared by it: only members that were not there before may be added, and only when
    /// they are set.
    fileprivate func write(identity text: inout [UInt8], withKey hasKey: Bool) {
        let rest: [JSONText] = [
            JSONText(subject), JSONText(delay), JSONText(runAt?.text), JSONText(priority?.description),
            JSONText(queue), JSONText(limitKey), JSONText(attemptsMax), JSONText(hasKey ? key : nil),
        ]
        text += "[\(JSON.quoted(kind)),".utf8
        text += args.bytes
        text += ",\(JSONText.array(rest).text.dropFirst())".utf8
    }
}

extension TraceContext {
    /// The trace that a job carries.
    package init?(in meta: JSON?) {
        guard let text = (try? meta?.parts())?["traceparent"]?.string else { return nil }
        self.init(text)
    }
}
