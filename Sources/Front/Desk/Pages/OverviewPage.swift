internal import HTTPServer
internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// The farm at a glance: how much waits, how fast it goes, and what needs a look.
enum OverviewPage {
    static func show(_ exchange: DeskExchange) async throws -> Response {
        let store = exchange.store
        let (queues, more) = try await store.queues(most: QueuesPage.overviewMax)
        let samples = try await store.samples()
        let workers = try await store.workerStandings()
        let dead = try await store.deadCount()
        let troubles = try await Troubles.found(store, workers: workers, dead: dead)
        let charts = Chart.pair(samples, now: PostgresTimestamp(microseconds: WallClock.microseconds))
        let visitor = try await exchange.visitor()
        let body: Markup = """
            <div class="head"><h1>Overview</h1></div>
            \(tiles(queues, workers, dead: dead, isPart: more > 0))
            \(troubles)
            <div class="charts">\(charts.rate.figure(id: "rate"))\(charts.depth.figure(id: "depth"))</div>
            <h2><a href="\(DeskPath("queues"))">Queues</a></h2>
            \(QueuesPage.sheet(queues, visitor: visitor))
            \(more == 0 ? Markup.none : QueuesPage.rest(more, isLinked: true))
            """
        var page = DeskPage(title: "Overview", section: .overview, body: body)
        try await page.addressed(to: exchange)
        return page.response()
    }

    /// - Parameter isPart: there are more queues than these, so that sums are lower bounds.
    private static func tiles(
        _ queues: [QueueStanding], _ workers: [WorkerStanding], dead: Int, isPart: Bool
    ) -> Markup {
        func sum(_ part: (QueueStanding) -> BoundedCount) -> BoundedCount {
            queues.map(part).reduce(BoundedCount(0, isMore: isPart), +)
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
    /// Of each sort of trouble at most so many are listed.
    private static let most = 10

    static func found(_ store: Store, workers: [WorkerStanding], dead: Int) async throws -> Markup {
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
        lines += try await paused(store)
        if !workers.isEmpty { lines += try await unworked(store) }
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

    private static func paused(_ store: Store) async throws -> [Markup] {
        let (queues, more) = try await store.pausedQueues(most: most)
        let lines = queues.map { queue, by, since -> Markup in
            """
            <li><span class="warn">Paused:</span> queue <a href="\(DeskPath("queues", queue))">\(queue)</a>, by \
            <bdi>\(by ?? "an operator")</bdi>, \(Told.time(since))</li>
            """
        }
        return lines + rest(more, "paused queues")
    }

    private static func unworked(_ store: Store) async throws -> [Markup] {
        let (all, more) = try await store.unworked(most: most)
        let lines = all.map { jobs -> Markup in
            guard let kind = jobs.kind else {
                return """
                    <li><span class="bad">No worker:</span> no live worker takes jobs from queue \
                    <a href="\(DeskPath("queues", jobs.queue))">\(jobs.queue)</a>, where \(Told.number(jobs.count)) or more wait</li>
                    """
            }
            let path = DeskPath("jobs", query: [("place", "ready"), ("queue", jobs.queue), ("kind", kind)])
            return """
                <li><span class="bad">No worker:</span> no live worker of queue \(jobs.queue) knows the kind \
                <a href="\(path)"><bdi>\(kind)</bdi></a></li>
                """
        }
        return lines + rest(more, "queues and kinds without a worker")
    }

    private static func rest(_ more: Int, _ what: String) -> [Markup] {
        more == 0 ? [] : ["<li>and \(Told.number(more)) more \(what)</li>"]
    }
}
