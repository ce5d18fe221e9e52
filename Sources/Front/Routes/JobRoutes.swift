internal import HTTPServer
internal import Jobs
internal import Platform
internal import Store

/// Asking for jobs, seeing what became of them, and calling them off.
package enum JobRoutes {
    package static let all = [ask, list, show, events, cancel]

    static let jobsMax = 1000
    private static let group = "Jobs"

    private static let wait = Route.Parameter(
        "wait", in: .query, "seconds to wait for the job's end; the answer then tells what became of it",
        .integer(0...60))
    private static let id = Route.Parameter("id", in: .path, "the job's number", .integer(1...Int(Int64.max)))

    private static let ask = Route(
        .post, "/jobs", role: .producer, admitsMoney: true, limit: .write, group: group,
        summary: "Put a job in line, or many",
        about: """
            The body is one job or an array of at most \(jobsMax); an array is accepted whole or not at all. Once it is \
            answered 202, the job runs, or is visibly dead or cancelled. The same Idempotency-Key with the same body is \
            one request, for at least a day: it gets the same jobs. What came this way can be asked for by its number \
            for as long. A kind says who may ask for it, and what of queue, priority, limit_key, delay and run_at a \
            caller may choose.
            """,
        parameters: [
            wait,
            .init(
                "Idempotency-Key", in: .header,
                "the caller's name for this request; keys of two callers never meet",
                .string(length: 1...200, pattern: "^[!-~]{1,200}$")),
            .init(
                "traceparent", in: .header, "the caller's place in a W3C trace; the job carries it on",
                .string()),
        ],
        body: .init(.either([.named("NewJob"), .array(of: .named("NewJob"), count: 1...jobsMax)])),
        answers: [
            .init(
                202, "accepted; Location is the job's address. An array is answered by an array.",
                .either([.named("AcceptedJob"), .named("AcceptedJobs")])),
            .init(200, "accepted, waited for, and ended", .named("AcceptedJob")),
            .init(400, "the body can't be read, or no kind is called so", .named("Problem")),
            .init(
                403, "the kind is not for this caller, or a field is not the caller's to choose",
                .named("Problem")),
            .init(
                409, "the subject has a live job and its kind says refuse, or its last job ended too lately",
                .named("Problem")),
            .init(410, "the job that had this key is no longer known", .named("Problem")),
            .init(422, "the key came before with another body", .named("Problem")),
        ], handle: JobOrder.take)

    private static let list = Route(
        .get, "/jobs", role: .reader, admitsMoney: true, limit: .read, group: group,
        summary: "List jobs, newest first",
        about: """
            A page ends where `limit` ends it; `before` with its last id asks for the next one. A producer is told of what \
            it asked for, and of kinds that every reader may see into.
            """,
        parameters: [
            .init("state", in: .query, "only jobs in this state", .oneOf(ToldState.allCases.map(\.rawValue))),
            .init("kind", in: .query, "only this kind", .words(64)),
            .init("queue", in: .query, "only this queue", .words(64)),
            .init("subject", in: .query, "only about this subject", .words(512)),
            .init("before", in: .query, "only jobs with a lower number", .integer(1...Int(Int64.max))),
            .init("limit", in: .query, "at most so many; 50 unless said", .integer(1...200)),
        ],
        answers: [.init(200, "a page of jobs", .named("Jobs"))]
    ) { exchange in
        var filter = JobFilter()
        filter.state = try exchange.query.word("state", of: ToldState.self)
        filter.kind = try exchange.query.one("kind")
        filter.queue = try exchange.query.one("queue")
        filter.subject = try exchange.query.one("subject")
        filter.before = try exchange.query.number("before", in: 1...Int(Int64.max)).map { JobID(Int64($0)) }
        filter.limit = try exchange.query.number("limit", in: 1...200) ?? 50
        filter.visibility = exchange.caller.visibility
        filter.kinds = exchange.caller.kinds?.sorted()
        let jobs = try await exchange.store.jobs(filter)
        let next = jobs.count == filter.limit ? jobs.last?.id : nil
        return Reply.json(
            .object([
                ("jobs", .array(jobs.map { exchange.seeing($0).json })), ("next_before", JSONText(next)),
            ]))
    }

    private static let show = Route(
        .get, "/jobs/{id}", role: .reader, admitsMoney: true, limit: .read, group: group,
        summary: "Tell everything about one job",
        about:
            "Also why it does not run. With `wait`, the answer comes when the job has ended or the time is up.",
        parameters: [
            id, wait, .init("If-None-Match", in: .header, "the ETag of an earlier answer", .string()),
        ],
        answers: [
            .init(200, "the job as it stands", .named("Job")),
            .init(304, "nothing has changed since the answer with that ETag"),
            .init(
                404, "there never was a job of that number, or the caller may not see it", .named("Problem")),
            .init(
                410, "it has ended, and how is no longer known: told to operators, and 404 to others",
                .named("Problem")),
        ]
    ) { exchange in
        let job = try exchange.jobID()
        exchange.note(job)
        let seconds = try exchange.query.number("wait", in: 0...60) ?? 0
        let seen = try await exchange.report(of: job, waiting: .seconds(seconds))
        return Reply.tagged(seen.json, for: exchange.request)
    }

    private static let events = Route(
        .get, "/jobs/{id}/events", role: .reader, admitsMoney: true, limit: .read, group: group,
        summary: "Follow one job as server-sent events",
        about: """
            Events are called `state`, `progress` and at last `ended`; the data of each is the job. A comment comes at \
            least every 15 seconds. Whoever returns with Last-Event-ID is told nothing twice.
            """,
        parameters: [id, .init("Last-Event-ID", in: .header, "the last event that was seen", .string())],
        answers: [
            .init(200, "the events, until the job has ended", nil, as: "text/event-stream"),
            .init(204, "the end was seen already"),
            .init(
                404, "there never was a job of that number, or the caller may not see it", .named("Problem")),
            .init(
                410, "it has ended, and how is no longer known: told to operators, and 404 to others",
                .named("Problem")),
        ], handle: JobEvents.follow)

    private static let cancel = Route(
        .delete, "/jobs/{id}", role: .producer, admitsMoney: true, limit: .write, group: group,
        summary: "Call a job off",
        about:
            "A job that waits leaves at once. One that runs can change nothing from now on, and is told to stop.",
        parameters: [id, .init("reason", in: .query, "why, for the record", .string(length: 1...500))],
        answers: [
            .init(
                200, "it is cancelled; may_have_started tells whether a worker had it", .named("Cancelled")),
            .init(
                404, "there never was a job of that number, or the caller may not see it", .named("Problem")),
            .init(403, "another caller asked for it", .named("Problem")),
            .init(409, "it has ended otherwise", .named("Problem")),
            .init(
                410, "it has ended, and how is no longer known: told to operators, and 404 to others",
                .named("Problem")),
        ]
    ) { exchange in
        let job = try exchange.jobID()
        exchange.note(job)
        guard let seen = try await exchange.look(at: job) else { throw try await exchange.absence(of: job) }
        try seen.access.requireCancel(seen.report)
        func told(_ mayHaveStarted: Bool?) -> Response {
            Reply.json(
                .object([
                    ("id", JSONText(job)), ("state", "cancelled"),
                    ("may_have_started", mayHaveStarted.map { .bool($0) } ?? .null),
                ]))
        }
        let by = "cancelled by \(exchange.caller.name)"
        let why = try exchange.query.one("reason").map { "\($0) (\(by))" } ?? by
        switch try await exchange.store.cancel(job, reason: why) {
        case .cancelled(let mayHaveStarted): return told(mayHaveStarted)
        case .ended(.cancelled): return told(nil)
        case .ended(let state):
            throw Problem(409, "ended", "job \(job) has ended already: it is \(state.rawValue)")
                .with("state", .string(state.rawValue))
        case .unknown: throw try await exchange.absence(of: job)
        }
    }
}

extension Exchange {
    /// The job as far as the caller sees it, as it stands, or as it ended within so long.
    /// - Throws: `Problem` 404, 410, 503.
    func report(of job: JobID, waiting limit: Duration = .zero) async throws -> SeenJob {
        if let seen = try await look(at: job) {
            guard limit > .zero, seen.report.isLive, !front.isDraining else { return seen }
        } else {
            throw try await absence(of: job)
        }
        // Whoever waits is not being answered.
        front.requests.leave()
        defer { front.requests.comeBack() }
        _ = try await front.watcher.watch(job, for: min(limit, FrontSettings.waitMax))
        // Between two places for a moment when it is being retried.
        for _ in 0..<2 { if let seen = try await look(at: job) { return seen } }
        throw try await absence(of: job)
    }

    /// For a caller that sees every job, 404 or 410: whether there can have been a job of that number. Requests that came to
    /// an older job use up numbers. For others always the same 404, so that it tells nothing of a job that is hidden.
    func absence(of job: JobID) async throws -> Problem {
        guard caller.seesEveryJob else {
            return .notFound(
                "job \(job) is not known to you: there never was one, its time has passed, or another caller asked for it"
            )
        }
        if job > (try await store.lastNumber()) { return .notFound("there never was a job \(job)") }
        return Problem(
            410, "gone",
            "job \(job) is not known any more: it has ended and its trace was kept for its time only, or the number was never a job's"
        )
    }
}

extension JobReport {
    /// Whether it may still run.
    var isLive: Bool { state == .waiting || state == .running }
}
