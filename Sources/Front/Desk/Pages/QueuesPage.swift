internal import HTTPServer
internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// Queues: how deep, how old, how fast, and whether they go.
enum QueuesPage {
    static func show(_ exchange: DeskExchange) async throws -> Response {
        let (queues, more) = try await exchange.store.queues()
        let visitor = try await exchange.visitor()
        let body: Markup = """
            <h1>Queues</h1>
            <p class="lead">Counts are exact up to 10,000. The rate is that of the last minutes; the time to drain assumes that nothing is added.</p>
            \(sheet(queues, visitor: visitor))
            \(more == 0 ? Markup.none : rest(more, isLinked: false))
            """
        var page = DeskPage(title: "Queues", section: .queues, body: body)
        try await page.addressed(to: exchange)
        return page.response()
    }

    /// So many queues stand on the overview.
    static let overviewMax = 25

    /// Below a list that does not hold all queues.
    static func rest(_ more: Int, isLinked: Bool) -> Markup {
        let link: Markup =
            isLinked ? " <a class=\"button\" href=\"\(DeskPath("queues"))\">All queues</a>" : .none
        return "<p class=\"pages\">and \(Told.number(more)) more, with fewer jobs than these.\(link)</p>"
    }

    static func sheet(_ queues: [QueueStanding], visitor: Visitor) -> Markup {
        var sheet = Sheet(
            "Queues",
            [
                .text("Queue"), .text("State"), .number("In line"), .number("Running"), .number("Held"),
                .number("Scheduled"), .number("Head waits"), .number("Rate"), .number("Time to drain"),
                .deeds,
            ])
        for queue in queues {
            sheet.add([
                "<a href=\"\(DeskPath("queues", queue.name))\">\(queue.name)</a>", state(queue),
                link(queue.ready, .ready, queue), link(queue.running, .running, queue),
                link(queue.held, .held, queue),
                link(queue.scheduled, .scheduled, queue), Told.optional(queue.headAge.map(Told.span)),
                Told.optional(queue.doneRate.map(Told.rate(perSecond:))), "\(drain(queue))",
                deed(queue, visitor),
            ])
        }
        return sheet.markup(
            empty:
                "No queue yet. One appears as soon as a farm publishes its kinds: start one with <code>motorpool up</code>."
        )
    }

    static func state(_ queue: QueueStanding) -> Markup {
        if let pausedAt = queue.pausedAt {
            return """
                <span class="state paused">paused</span><span class="sub">by <bdi>\(queue.pausedBy ?? "an operator")</bdi>, \(Told.time(pausedAt))</span>
                """
        }
        return queue.workers > 0
            ? "<span class=\"state on\">going</span><span class=\"sub\">\(queue.busy) of \(queue.lanes) lanes busy</span>"
            : "<span class=\"state off\">no worker</span>"
    }

    private static func link(_ count: BoundedCount, _ place: JobSearch.Place, _ queue: QueueStanding)
        -> Markup
    {
        "<a href=\"\(DeskPath("jobs", query: [("place", place.rawValue), ("queue", queue.name)]))\">\(count)</a>"
    }

    private static func drain(_ queue: QueueStanding) -> String {
        if queue.ready.count + queue.held.count == 0 { return "empty" }
        guard queue.pausedAt == nil else { return "paused" }
        guard let time = queue.timeToDrain else { return "unknown" }
        return (queue.ready.isMore || queue.held.isMore ? "over " : "") + Told.span(time)
    }

    static func deed(_ queue: QueueStanding, _ visitor: Visitor) -> Markup {
        queue.pausedAt == nil
            ? visitor.button(
                "Pause", to: DeskPath("queues", queue.name, "pause"),
                about: "No more jobs are claimed from it; what runs goes on")
            : visitor.button("Resume", to: DeskPath("queues", queue.name, "resume"), look: .main)
    }

    static func one(_ exchange: DeskExchange) async throws -> Response {
        let name = exchange["name"]
        guard let queue = try await exchange.store.queue(named: name) else {
            throw unknown(name)
        }
        let charts = Chart.pair(
            try await exchange.store.samples(of: name),
            now: PostgresTimestamp(microseconds: WallClock.microseconds))
        let workers = try await exchange.store.workerStandings().filter { $0.worker.queues.contains(name) }
        let visitor = try await exchange.visitor()
        let body: Markup = """
            <div class="head"><h1>Queue \(name)</h1><div class="acts">\(deed(queue, visitor))</div></div>
            <p class="lead">\(state(queue))</p>
            <ul class="tiles">
            \(tile("In line", queue.ready, .ready, queue))\(tile("Running", queue.running, .running, queue))\
            \(tile("Held by a limit", queue.held, .held, queue))\(tile("Scheduled", queue.scheduled, .scheduled, queue))\
            \(tile("Waiting for children", queue.children, .children, queue))
            <li><div><span class="label">Head waits</span> <span class="figure">\(queue.headAge.map(Told.span) ?? "–")</span></div></li>
            <li><div><span class="label">Time to drain</span> <span class="figure">\(drain(queue))</span></div></li>
            </ul>
            <div class="charts">\(charts.rate.figure(id: "rate"))\(charts.depth.figure(id: "depth"))</div>
            <h2>Workers</h2>
            \(WorkersPage.sheet(workers))
            """
        var page = DeskPage(title: "Queue \(name)", section: .queues, body: body)
        try await page.addressed(to: exchange)
        return page.response()
    }

    private static func tile(
        _ label: String, _ count: BoundedCount, _ place: JobSearch.Place, _ queue: QueueStanding
    )
        -> Markup
    {
        """
        <li><a href="\(DeskPath("jobs", query: [("place", place.rawValue), ("queue", queue.name)]))"><span class="label">\(label)</span> \
        <span class="figure">\(count)</span></a></li>
        """
    }

    static func pause(_ exchange: DeskExchange) async throws -> Response {
        let name = try nameable(exchange)
        try await exchange.guardForm()
        let did = try await exchange.store.pause(queue: name, by: exchange.actor)
        return Reply.seeOther(
            DeskPath("queues", name, query: [try await exchange.flash(did ? "paused" : "nothing")]).text)
    }

    static func resume(_ exchange: DeskExchange) async throws -> Response {
        let name = try await known(exchange)
        try await exchange.guardForm()
        let did = try await exchange.store.resume(queue: name, by: exchange.actor)
        return Reply.seeOther(
            DeskPath("queues", name, query: [try await exchange.flash(did ? "resumed" : "nothing")]).text)
    }

    /// Any name that an enqueue takes: a queue may be paused before its first job comes.
    static func nameable(_ exchange: DeskExchange) throws -> String {
        let name = exchange["name"]
        guard Definition.isName(name) else { throw unknown(name) }
        return name
    }

    static func known(_ exchange: DeskExchange) async throws -> String {
        let name = try nameable(exchange)
        guard try await exchange.store.knows(queue: name) else { throw unknown(name) }
        return name
    }

    private static func unknown(_ name: String) -> Problem {
        Problem.notFound("no queue is called “\(name.prefix(60))”")
    }
}
