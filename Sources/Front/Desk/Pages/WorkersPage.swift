internal import HTTPServer
internal import Jobs
internal import Store

/// Worker processes and their lanes.
enum WorkersPage {
    static func show(_ exchange: DeskExchange) async throws -> Response {
        let workers = try await exchange.store.workerStandings()
        let body: Markup = """
            <h1>Workers</h1>
            <p class="lead">Every process whose lease lives. A process renews its lease and tells its counts several times within it.</p>
            \(sheet(workers))
            """
        var page = DeskPage(title: "Workers", section: .workers, body: body)
        try await page.addressed(to: exchange)
        return page.response()
    }

    /// So many queues of one worker are told.
    private static let lanesMax = 50

    static func sheet(_ workers: [WorkerStanding]) -> Markup {
        var sheet = Sheet(
            "Workers",
            [
                .text("Worker"), .text("State"), .text("Lanes"), .number("Holds"), .number("Done"),
                .number("Failed"),
                .number("Up for"),
            ])
        for one in workers {
            let worker = one.worker
            let stats = one.stats.flatMap { try? $0.parts() }
            sheet.add([
                "<bdi>\(worker.name)</bdi><span class=\"sub\">number \(worker.id.description)</span>",
                """
                <span class="state \(worker.isDraining ? "paused" : "on")">\(worker.isDraining ? "draining" : "alive")</span>\
                <span class="sub">lease for \(Told.span(worker.leaseLeft))</span>
                """,
                "\(lanes(stats, worker))\(stuck(stats))",
                "<a href=\"\(DeskPath("jobs", query: [("place", "running")]))\">\(one.running)</a>",
                number(stats, "done"), number(stats, "failed"), "\(Told.span(worker.age))",
            ])
        }
        return sheet.markup(
            empty:
                "No worker is alive. Jobs wait; nothing is lost. Start one with <code>motorpool work</code>.")
    }

    private static func number(_ stats: JSONPart?, _ name: String) -> Markup {
        guard case .number(let text)? = stats?[name]?.value, let number = Int(text) else {
            return Told.optional(nil)
        }
        return "\(Told.number(number))"
    }

    private static func lanes(_ stats: JSONPart?, _ worker: LiveWorker) -> Markup {
        func rest(_ count: Int) -> Markup {
            count <= lanesMax ? .none : "<span class=\"sub\">and \(Told.number(count - lanesMax)) more</span>"
        }
        guard case .object(let lanes)? = stats?["pools"]?.value else {
            let names = worker.queues.prefix(lanesMax).map { "<span class=\"tag\">\($0)</span>" as Markup }
            return Markup(names + [rest(worker.queues.count)])
        }
        return Markup(
            lanes.prefix(lanesMax).map { name, lane in
                let (busy, all) = (
                    lane["busy"]?.json.description ?? "?", lane["lanes"]?.json.description ?? "?"
                )
                let lost = lane["lost"]?.json.description ?? "0"
                return
                    "<span class=\"tag\">\(name) \(busy)/\(all)\(lost == "0" ? "" : ", \(lost) lost")</span>"
            } + [rest(lanes.count)])
    }

    /// The runs that block a lane or have lost it.
    private static func stuck(_ stats: JSONPart?) -> Markup {
        guard case .array(let runs)? = stats?["stuck"]?.value else { return "" }
        return Markup(
            runs.prefix(5).map { run in
                let job = run["job"]?.json.description ?? "?"
                let seconds = run["seconds"]?.json.description ?? "?"
                let isLost = run["lost"]?.json.description == "true"
                return """
                    <span class="sub"><a href="\(DeskPath("jobs/\(job)"))">job \(job)</a> (\(run["kind"]?.string ?? "?")) \
                    \(isLost ? "was given up and still runs" : "does not let go of its thread"), \(seconds) s</span>
                    """
            })
    }
}
