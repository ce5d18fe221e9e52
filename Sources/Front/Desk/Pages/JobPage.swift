internal import HTTPServer
internal import Jobs
internal import Postgres
internal import Store

/// One job: what it is, why it waits, what went wrong, and what can be done.
enum OneJobPage {
    static func show(_ exchange: DeskExchange) async throws -> Response {
        let id = try exchange.jobID()
        exchange.note(id)
        guard let job = try await exchange.store.job(id) else {
            throw Problem.notFound("job \(id) is not known: it never was, or its time has passed")
        }
        let children = try await exchange.store.children(of: id)
        let visitor = try await exchange.visitor()
        let body: Markup = """
            <div class="head"><h1>Job \(id) <span class="dim">\(job.kind)</span></h1>\
            <div class="acts">\(job.seenBy == .money ? Markup.none : deeds(job, visitor))</div></div>
            <p class="lead">\(JobsPage.state(job.state))\(job.subject.map { " · \(Told.title($0, max: 200))" as Markup })</p>
            \(why(job))
            \(facts(job))
            \(family(job, children))
            \(job.seenBy == .money ? hiddenContent : content(job))
            """
        var page = DeskPage(
            title: "Job \(id) \(job.state.rawValue)", section: job.state == .dead ? .dead : .jobs, body: body)
        try await page.addressed(to: exchange)
        return page.response()
    }

    private static func content(_ job: JobReport) -> Markup {
        """
        \(errors(job))
        <h2>Arguments</h2>
        <pre>\(job.args.description)</pre>
        \(json("Result", job.result))\(json("Meta", job.meta))
        """
    }

    private static let hiddenContent: Markup =
        "<p class=\"dim\">Only the role money sees the arguments, the result and the errors of this kind, and changes its jobs.</p>"

    private static func json(_ title: String, _ json: JSON?) -> Markup {
        guard let json else { return .none }
        return "<h2>\(title)</h2>\n<pre>\(json.description)</pre>"
    }

    private static func why(_ job: JobReport) -> Markup {
        guard let told = job.reason else { return .none }
        let reason = job.state == .dead ? Told.death(told) : told
        let style = job.state == .dead ? "why bad" : "why"
        return
            "<p class=\"\(style)\"><strong>\(heading(job.state))</strong> \(linked(reason))</p>"
    }

    private static func heading(_ state: ToldState) -> String {
        switch state {
        case .waiting: "It waits:"
        case .running: "It runs:"
        case .done: "It is done:"
        case .dead: "It is dead:"
        case .cancelled: "It was cancelled:"
        }
    }

    /// The numbers of jobs that hold its place become links.
    private static func linked(_ reason: String) -> Markup {
        guard let range = reason.firstRange(of: " held by jobs ") else { return "<bdi>\(reason)</bdi>" }
        let words = reason[range.upperBound...].split(separator: " ", omittingEmptySubsequences: false).map {
            word -> Markup in
            let digits = word.prefix { $0.isASCII && $0.isNumber }
            guard !digits.isEmpty else { return "\(String(word)) " }
            return
                "<a href=\"\(DeskPath("jobs", String(digits)))\">\(String(digits))</a>\(String(word.dropFirst(digits.count))) "
        }
        return "<bdi>\(String(reason[..<range.upperBound]))</bdi>\(words)"
    }

    private static func facts(_ job: JobReport) -> Markup {
        func list(_ place: String, _ name: String, _ value: String) -> Markup {
            "<a href=\"\(DeskPath("jobs", query: [("place", place), (name, value)]))\">\(value)</a>"
        }
        let place = place(job.state).rawValue
        let rows: [(String, Markup?)] = [
            ("Kind", list(place, "kind", job.kind)),
            ("Queue", "<a href=\"\(DeskPath("queues", job.queue))\">\(job.queue)</a>"),
            ("Priority", "\(job.priority.description)"),
            ("Subject", job.subject.map { list(place, "subject", $0) }),
            ("Limit key", job.limitKey.flatMap { $0.isEmpty ? nil : list(place, "key", $0) }),
            ("Attempts", "\(job.run) begun, \(job.failures) failed"),
            ("Worker deaths", job.workerDeaths > 0 ? "\(String(job.workerDeaths))" : nil),
            ("Progress", JobsPage.progress(phase: job.phase, done: job.done, total: job.total)),
            ("Worker", job.worker.map { "<bdi>\($0)</bdi>" }),
            ("Parent", job.parent.map { "<a href=\"\(DeskPath("jobs", $0.description))\">job \($0)</a>" }),
            ("Asked for", Told.time(job.createdAt)),
            ("Due", job.dueAt.map { Told.time($0) }), ("Started", job.startedAt.map { Told.time($0) }),
            ("Ended", job.endedAt.map { Told.time($0) }),
        ]
        return
            "<dl class=\"facts\">\(rows.compactMap { name, value in value.map { "<dt>\(name)</dt><dd>\($0)</dd>\n" as Markup } })</dl>"
    }

    private static func place(_ state: ToldState) -> JobSearch.Place {
        switch state {
        case .waiting: .waiting
        case .running: .running
        case .done: .done
        case .dead: .dead
        case .cancelled: .cancelled
        }
    }

    private static func family(_ job: JobReport, _ children: [JobLine]) -> Markup {
        guard !children.isEmpty || job.childrenLeft != nil else { return .none }
        let left = job.childrenLeft.map { " (\($0) have not ended)" } ?? ""
        return """
            <h2>Children\(left)</h2>
            \(JobsPage.sheet(children, in: .live).markup(empty: "All its children have ended."))
            """
    }

    private static func errors(_ job: JobReport) -> Markup {
        guard let errors = job.errors, case .array(let parts)? = try? errors.parts().value, !parts.isEmpty
        else { return .none }
        let items = parts.reversed().map { part -> Markup in
            let (run, at) = (part["run"]?.json.description ?? "?", part["at"]?.string ?? "?")
            return """
                <li><p>Attempt \(run), \(String(at.prefix(19).map { $0 == "T" ? " " : $0 })) UTC</p><pre>\(part["error"]?.string ?? part.json.description)</pre></li>
                """
        }
        return "<h2>Errors</h2>\n<ol class=\"errors\">\(items)</ol>"
    }

    private static func deeds(_ job: JobReport, _ visitor: Visitor) -> Markup {
        func button(_ action: JobAction, _ look: Visitor.Look?, _ about: String) -> Markup {
            visitor.button(
                action.title, to: DeskPath("jobs", job.id.description, action.rawValue), look: look,
                about: about)
        }
        switch job.state {
        case .waiting, .running:
            let release: Markup =
                job.isReleasable
                ? button(.release, .main, "Forgets its worker crashes: it waits at its ordinary level")
                : .none
            return
                "\(release)\(button(.cancel, .danger, "It never starts, or what it still does can't be settled"))"
        case .dead:
            return
                "\(button(.retry, .main, "Back in line with a fresh count of attempts"))\(button(.discard, .danger, "Out of the list of dead jobs; it stays known by its number"))"
        case .cancelled: return button(.retry, .main, "Back in line with a fresh count of attempts")
        case .done: return .none
        }
    }

    /// `POST /admin/jobs/{id}/{action}`.
    static func act(_ exchange: DeskExchange) async throws -> Response {
        let id = try exchange.jobID()
        exchange.note(id)
        guard let action = JobAction(rawValue: exchange["action"]) else {
            throw Problem.notFound("nothing called “\(exchange["action"].prefix(60))” can be done to a job")
        }
        try await exchange.guardForm()
        if let job = try await exchange.store.job(id), job.seenBy == .money { throw Problem.moneyOnly(job) }
        let changed = try await exchange.store.act(action, on: [id], target: "job \(id)", by: exchange.actor)
        let flash = changed == 1 ? "\(action.rawValue).1" : "nothing"
        return Reply.seeOther(DeskPath("jobs", id.description, query: [try await exchange.flash(flash)]).text)
    }
}
