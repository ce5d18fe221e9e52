internal import HTTPServer
internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// The farm at a glance: how much waits, how fast it goes, and what needs a look.
enum OverviewPage {
    static func show(_ exchange: DeskExchange) async throws -> Response {
        let store = exchange.store
        let queues = try await store.queues()
        let samples = try await store.samples()
        let workers = try await store.workerStandings()
        let dead = try await store.deadCount()
        let troubles = try await Troubles.found(store, queues: queues, workers: workers, dead: dead)
        let charts = Chart.pair(samples, now: PostgresTimestamp(microseconds: WallClock.microseconds))
        let visitor = try await exchange.visitor()
        let body: Markup = """
            <div class="head"><h1>Overview</h1></div>
            \(tiles(queues, workers, dead: dead))
            \(troubles)
            <div class="charts">\(charts.rate.figure(id: "rate"))\(charts.depth.figure(id: "depth"))</div>
            <h2><a href="\(DeskPath("queues"))">Queues</a></h2>
            \(QueuesPage.sheet(queues, visitor: visitor))
            """
        var page = DeskPage(title: "Overview", section: .overview, body: body)
        try await page.addressed(to: exchange)
        return page.response()
    }

    private static func tiles(_ queues: [QueueStanding], _ workers: [WorkerStanding], dead: Int) -> Markup {
        func sum(_ part: (QueueStanding) -> BoundedCount) -> BoundedCount {
            queues.map(part).reduce(BoundedCount(0), +)
        }
        let rate = queues.compactMap(\.doneRate).reduce(0, +)
        let hasRate = queues.contains { $0.doneRate != nil }
        let lanes = queues.map(\.lanes).reduce(0, +)
        let busy = queues.map(\.busy).reduce(0, +)
        func tile(_ label: String, _ figure: String, _ more: String, _ path: DeskPath, _ style: String = "")
            -> Markup
        {
            """
            <li class="\(style)"><a href="\(path)"><span class="label">\(label)</span> <span class="figure">\(figure)</span> \
            <span class="more">\(more)</span></a></li>
            """
        }
        func jobs(_ place: JobSearch.Place) -> DeskPath {
            DeskPath("jobs", query: [("place", place.rawValue)])
        }
        return """
            <ul class="tiles">
            \(tile("In line", Told.count(sum(\.ready)), "ready to be claimed", jobs(.ready)))
            \(tile("Running", Told.count(sum(\.running)), "claimed by a worker", jobs(.running)))
            \(tile("Held", Told.count(sum(\.held)), "by a limit or a rate", jobs(.held)))
            \(tile("Scheduled", Told.count(sum(\.scheduled)), "due later", jobs(.scheduled)))
            \(tile("Dead", Told.count(BoundedCount(min(dead, 10_000), isMore: dead > 10_000)), "wait for a decision", DeskPath("dead"), dead > 0 ? "bad" : ""))
            \(tile("Done", hasRate ? Told.rate(perSecond: rate) : "–", "over five minutes", jobs(.done)))
            \(tile("Workers", Told.number(workers.count), lanes > 0 ? "\(busy) of \(lanes) lanes busy" : "processes", DeskPath("workers"), workers.isEmpty ? "warn" : ""))
            </ul>
            """
    }
}

/// What needs a look, in one list.
enum Troubles {
    static func found(
        _ store: Store, queues: [QueueStanding], workers: [WorkerStanding], dead: Int
    ) async throws -> Markup {
        var lines: [Markup] = []
        if dead > 0 {
            let count = Told.count(BoundedCount(min(dead, 10_000), isMore: dead > 10_000))
            lines.append(
                "<li><span class=\"bad\">Dead:</span> <a href=\"\(DeskPath("dead"))\">\(count)</a> wait for a decision</li>"
            )
        }
        if workers.isEmpty {
            lines.append(
                "<li><span class=\"bad\">No worker is alive.</span> Nothing is run until one starts.</li>")
        }
        for queue in try await store.stalledQueues().prefix(20) {
            lines.append(
                """
                <li><span class="bad">Stalled:</span> <a href="\(DeskPath("queues", queue.name))">\(queue.name)</a> \
                \(queue.sentence)</li>
                """)
        }
        for queue in queues where queue.pausedAt != nil {
            lines.append(
                """
                <li><span class="warn">Paused:</span> queue <a href="\(DeskPath("queues", queue.name))">\(queue.name)</a>, by \
                <bdi>\(queue.pausedBy ?? "an operator")</bdi>, \(Told.time(queue.pausedAt))</li>
                """)
        }
        for (kind, queue) in try await store.homelessKinds().prefix(20) where !workers.isEmpty {
            lines.append(
                """
                <li><span class="bad">Nobody runs</span> the kind <a href="\(DeskPath("jobs", query: [("place", "ready"), ("queue", queue), ("kind", kind)]))">\
                <bdi>\(kind)</bdi></a> of queue \(queue): no live worker knows it</li>
                """)
        }
        for holder in try await store.vacuumHolders() where holder.age ?? .seconds(3600) > .seconds(300) {
            lines.append(
                """
                <li><span class="warn">Vacuum is held back</span> by <a href="\(DeskPath("database"))"><bdi>\(holder.words)</bdi></a>\
                \(holder.age.map { ", for \(Told.span($0))" as Markup })</li>
                """)
        }
        return lines.isEmpty
            ? "<p class=\"calm\"><span class=\"state done\">All is well.</span> No queue is paused, every kind has a worker, no job is dead, nothing holds the vacuum back.</p>"
            : "<ul class=\"look\">\(lines)</ul>"
    }
}
