internal import HTTPServer
internal import Jobs
internal import Store

/// The desk for programs: the same numbers and actions as JSON.
enum DeskAPI {
    static func queues(_ exchange: DeskExchange) async throws -> Response {
        let (queues, more) = try await exchange.store.queues()
        return Reply.json(
            .object([("queues", .array(queues.map(json))), ("queues_more", JSONText(more))]))
    }

    static func samples(_ exchange: DeskExchange) async throws -> Response {
        let samples = try await exchange.store.samples(of: try exchange.query.one("queue"))
        return Reply.json(
            .object([
                (
                    "samples",
                    .array(
                        samples.map { one in
                            .object([
                                ("minute", JSONText(one.minute)), ("queue", .string(one.queue)),
                                ("depth", JSONText(one.depth)), ("depth_is_more", .bool(one.isMore)),
                                ("done", JSONText(one.done)), ("failed", JSONText(one.failed)),
                                ("span_seconds", one.span.map { .double($0) } ?? .null),
                            ])
                        })
                )
            ]))
    }

    static func workers(_ exchange: DeskExchange) async throws -> Response {
        let workers = try await exchange.store.workerStandings().map { one in
            JSONText.object([
                ("id", .int(one.worker.id.number)), ("name", .string(one.worker.name)),
                ("draining", .bool(one.worker.isDraining)), ("up_seconds", JSONText(one.worker.age)),
                ("lease_seconds", JSONText(one.worker.leaseLeft)),
                ("queues", .array(one.worker.queues.map { .string($0) })),
                ("kinds", .array(one.kinds.map { .string($0) })), ("running", json(one.running)),
                ("stats", JSONText(one.stats)),
            ])
        }
        return Reply.json(.object([("workers", .array(workers))]))
    }

    static func limits(_ exchange: DeskExchange) async throws -> Response {
        let limits = try await exchange.store.limits().map { one in
            JSONText.object([
                ("kind", .string(one.kind)), ("key", JSONText(one.key)), ("taken", JSONText(one.taken)),
                ("places", JSONText(one.places)), ("holders", .array(one.holders.map { .int($0.number) })),
            ])
        }
        return Reply.json(.object([("limits", .array(limits))]))
    }

    static func jobs(_ exchange: DeskExchange) async throws -> Response {
        let page = try await exchange.store.search(try DeskFilter(exchange.query).search)
        return Reply.json(
            .object([
                ("jobs", .array(page.jobs.map(json))), ("next", JSONText(page.next?.description)),
                ("cut_short", .bool(page.isCutShort)),
            ]))
    }

    static func job(_ exchange: DeskExchange) async throws -> Response {
        let id = try exchange.jobID()
        exchange.note(id)
        guard let job = try await exchange.store.job(id) else {
            throw Problem.notFound("job \(id) is not known: it never was, or its time has passed")
        }
        let children = try await exchange.store.children(of: id)
        let told = job.json(hidesContent: job.seenBy == .money)
        return Reply.json(.object([("job", told), ("children", .array(children.map(json)))]))
    }

    static func dead(_ exchange: DeskExchange) async throws -> Response {
        let count = try await exchange.store.deadCount()
        let groups = try await exchange.store.deadGroups().map { one in
            JSONText.object([
                ("kind", .string(one.kind)), ("error", .string(one.error)), ("reason", .string(one.reason)),
                ("count", JSONText(one.count)), ("newest", JSONText(one.newest)),
                ("last_died_at", JSONText(one.lastDiedAt)),
            ])
        }
        return Reply.json(
            .object([
                ("dead", json(BoundedCount(min(count, 10_000), isMore: count > 10_000))),
                ("groups", .array(groups)),
            ]))
    }

    static func audit(_ exchange: DeskExchange) async throws -> Response {
        let before = try exchange.query.number("before", in: 1...Int.max)
        let limit = try exchange.query.number("limit", in: 1...DeskFilter.sizeMax) ?? 50
        let entries = try await exchange.store.audit(before: before.map(Int64.init), limit: limit).map {
            one in
            JSONText.object([
                ("id", .int(one.number)), ("at", JSONText(one.at)), ("actor", .string(one.actor)),
                ("address", JSONText(one.address)), ("action", .string(one.action)),
                ("target", .string(one.target)), ("count", JSONText(one.count)),
                ("detail", JSONText(one.detail)),
            ])
        }
        return Reply.json(.object([("entries", .array(entries))]))
    }

    static func sessions(_ exchange: DeskExchange) async throws -> Response {
        let sessions = try await exchange.store.openSessions().map { one in
            JSONText.object([
                ("id", .int(one.number)), ("token", .string(one.token)), ("address", .string(one.address)),
                ("created_at", JSONText(one.createdAt)), ("seen_at", JSONText(one.seenAt)),
                ("expires_at", JSONText(one.expiresAt)),
            ])
        }
        return Reply.json(.object([("sessions", .array(sessions))]))
    }

    static func endSession(_ exchange: DeskExchange) async throws -> Response {
        try await refuseSessions(exchange)
        let did = try await exchange.store.endSession(
            number: try exchange.jobID().number, by: exchange.actor)
        return Reply.json(.object([("changed", .bool(did))]))
    }

    static func vacuum(_ exchange: DeskExchange) async throws -> Response {
        let table = try await exchange.store.hotTableFacts()
        let holders = try await exchange.store.vacuumHolders().map { one in
            JSONText.object([
                ("who", .string(one.words)), ("since", JSONText(one.since)), ("seconds", JSONText(one.age)),
            ])
        }
        return Reply.json(
            .object([
                ("holders", .array(holders)), ("live_rows", JSONText(table.live)),
                ("dead_rows", JSONText(table.dead)), ("last_vacuum", JSONText(table.lastVacuum)),
            ]))
    }

    static func pause(_ exchange: DeskExchange) async throws -> Response {
        try await refuseSessions(exchange)
        let did = try await exchange.store.pause(
            queue: try QueuesPage.nameable(exchange), by: exchange.actor)
        return Reply.json(.object([("changed", .bool(did))]))
    }

    static func resume(_ exchange: DeskExchange) async throws -> Response {
        try await refuseSessions(exchange)
        let did = try await exchange.store.resume(
            queue: try await QueuesPage.known(exchange), by: exchange.actor)
        return Reply.json(.object([("changed", .bool(did))]))
    }

    static func act(_ exchange: DeskExchange) async throws -> Response {
        try await refuseSessions(exchange)
        let id = try exchange.jobID()
        exchange.note(id)
        guard let action = JobAction(rawValue: exchange["action"]) else {
            throw Problem.notFound("nothing called “\(exchange["action"].prefix(60))” can be done to a job")
        }
        guard let job = try await exchange.store.job(id) else {
            throw Problem.notFound("job \(id) is not known: it never was, or its time has passed")
        }
        guard job.seenBy != .money else { throw Problem.moneyOnly(job) }
        let changed = try await exchange.store.act(action, on: [id], target: "job \(id)", by: exchange.actor)
        guard changed == 1 else {
            throw Problem(
                409, "not_possible", "job \(id) is \(job.state.rawValue): \(action.rawValue) changes nothing")
        }
        return Reply.json(.object([("changed", 1)]))
    }

    /// The count and the terms under which it may be confirmed.
    static func dryRun(_ exchange: DeskExchange) async throws -> Response {
        guard let action = try exchange.query.word("action", of: JobAction.self) else {
            throw Problem.badRequest("action: expected one of \(JobAction.words)", field: "action")
        }
        let found = try await BulkPage.dryRun(action, try DeskFilter(exchange.query), exchange.store)
        let confirm: JSONText =
            found.range == nil
            ? .null : .string(try await exchange.desk.confirmation(of: found.terms, by: exchange))
        return Reply.json(
            .object([
                ("count", JSONText(found.count)), ("is_more", .bool(found.isMore)),
                ("first", JSONText(found.range?.lowerBound)), ("last", JSONText(found.range?.upperBound)),
                ("confirm", confirm), ("sample", .array(found.sample.map(json))),
            ]))
    }

    static func bulk(_ exchange: DeskExchange) async throws -> Response {
        try await refuseSessions(exchange)
        let (_, _, changed) = try await BulkPage.confirmed(exchange.query, exchange)
        return Reply.json(.object([("changed", JSONText(changed))]))
    }

    /// A session's writes go through its forms, which carry its proof.
    static func refuseSessions(_ exchange: DeskExchange) async throws {
        guard exchange.caller.means != .session else {
            throw Problem(403, "token_needed", "this path takes a bearer's token, not a session of the desk")
        }
    }

    // MARK: Values

    static func json(_ count: BoundedCount) -> JSONText {
        .object([("count", JSONText(count.count)), ("is_more", .bool(count.isMore))])
    }

    private static func json(_ queue: QueueStanding) -> JSONText {
        .object([
            ("name", .string(queue.name)), ("ready", json(queue.ready)), ("running", json(queue.running)),
            ("scheduled", json(queue.scheduled)), ("held", json(queue.held)),
            ("children", json(queue.children)),
            ("head_age_seconds", JSONText(queue.headAge)), ("paused_at", JSONText(queue.pausedAt)),
            ("paused_by", JSONText(queue.pausedBy)),
            ("done_per_second", queue.doneRate.map { .double($0) } ?? .null),
            ("failed_per_second", queue.failedRate.map { .double($0) } ?? .null),
            ("time_to_drain_seconds", JSONText(queue.timeToDrain)), ("workers", JSONText(queue.workers)),
            ("lanes", JSONText(queue.lanes)), ("lanes_busy", JSONText(queue.busy)),
        ])
    }

    private static func json(_ job: JobLine) -> JSONText {
        .object([
            ("id", JSONText(job.id)), ("kind", .string(job.kind)), ("queue", .string(job.queue)),
            ("state", .string(job.state.rawValue)), ("reason", JSONText(job.reason)),
            ("subject", JSONText(job.subject)), ("limit_key", JSONText(job.limitKey)),
            ("failures", JSONText(job.failures)), ("created_at", JSONText(job.createdAt)),
            ("started_at", JSONText(job.startedAt)), ("ended_at", JSONText(job.endedAt)),
            ("worker", JSONText(job.worker)), ("phase", JSONText(job.phase)), ("done", JSONText(job.done)),
            ("total", JSONText(job.total)), ("error", JSONText(job.error)),
        ])
    }
}
