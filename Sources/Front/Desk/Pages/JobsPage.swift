internal import HTTPServer
internal import Jobs
internal import Store

/// Jobs by where they stand, kind, queue, key, subject and age.
enum JobsPage {
    static func show(_ exchange: DeskExchange) async throws -> Response {
        if let id = try exchange.query.one("id") {
            guard let number = Int64(id), number > 0 else {
                throw Problem.badRequest(
                    "id: expected the number of a job, found “\(id.prefix(60))”", field: "id")
            }
            return Reply.seeOther(DeskPath("jobs", String(number)).text)
        }
        let filter = try DeskFilter(exchange.query)
        let page = try await exchange.store.search(filter.search)
        let kinds = try await exchange.store.kindNames()
        let queues = try await exchange.store.queueNames()
        let body: Markup = """
            <h1>Jobs</h1>
            <p class="lead">\(order(filter.search))</p>
            \(chips(filter))
            \(form(filter, kinds: kinds, queues: queues))
            \(page.jobs.isEmpty ? Markup.none : bulk(filter))
            \(sheet(page.jobs, in: filter.search.place).markup(empty: empty(filter, page)))
            \(pages(filter, page))
            """
        var desk = DeskPage(
            title: "\(DeskFilter.title(filter.search.place)) jobs", section: .jobs, body: body)
        try await desk.addressed(to: exchange)
        return desk.response()
    }

    private static func order(_ search: JobSearch) -> String {
        switch search.place {
        case .ready: "In the order in which they are claimed."
        case .running: "By worker."
        case .scheduled: "The next that is due comes first."
        case .held: "By kind, in the order in which they are let go."
        case .children: "Oldest first."
        case .live, .waiting, .dead, .done, .cancelled:
            search.olderThan == nil ? "Newest first." : "Oldest first."
        }
    }

    private static func chips(_ filter: DeskFilter) -> Markup {
        let chips = JobSearch.Place.allCases.map { place -> Markup in
            let path = DeskPath(
                "jobs", query: [("place", place.rawValue)] + filter.fields.filter { $0.0 != "place" })
            let isHere = place == filter.search.place
            return
                "<li><a href=\"\(path)\"\(isHere ? " aria-current=\"true\"" : Markup.none)>\(DeskFilter.title(place))</a></li>"
        }
        return "<ul class=\"chips\">\(chips)</ul>"
    }

    private static func form(_ filter: DeskFilter, kinds: [String], queues: [String]) -> Markup {
        func choice(_ name: String, _ label: String, _ chosen: String?, _ all: [String], _ any: String)
            -> Markup
        {
            let known = chosen.map { all.contains($0) ? all : [$0] + all } ?? all
            let options = known.map { one -> Markup in
                "<option value=\"\(one)\"\(one == chosen ? " selected=\"selected\"" : Markup.none)>\(one)</option>"
            }
            return """
                <label>\(label)<select name="\(name)"><option value="">\(any)</option>\(options)</select></label>
                """
        }
        func text(_ name: String, _ label: String, _ value: String?) -> Markup {
            "<label>\(label)<input name=\"\(name)\" value=\"\(value ?? "")\" maxlength=\"512\"/></label>"
        }
        let search = filter.search
        return """
            <form class="filter" method="get" action="\(DeskPath("jobs"))">
            <input type="hidden" name="place" value="\(search.place.rawValue)"/>
            \(choice("kind", "Kind", search.kind, kinds, "any kind"))
            \(choice("queue", "Queue", search.queue, queues, "any queue"))
            \(text("key", "Limit key", search.limitKey))
            \(text("subject", "Subject", search.subject))
            \(choice("older", "Asked for before", search.olderThan?.text, DeskFilter.ages, "any age"))
            <button class="main">Show</button>
            </form>
            """
    }

    private static func bulk(_ filter: DeskFilter) -> Markup {
        // Hardly any waiting job is recovered: those are released one by one, or through the API.
        let deeds = JobAction.allCases.filter {
            $0 != .release && $0.places.contains(filter.search.place)
        }
        guard !deeds.isEmpty else { return .none }
        let links = deeds.map { deed -> Markup in
            let path = DeskPath("bulk", query: [("action", deed.rawValue)] + filter.fields)
            return "<a class=\"button\" href=\"\(path)\">\(deed.title) all of these…</a> "
        }
        return "<p class=\"bulk\">\(links)<span>counted and shown first, done after you confirm</span></p>"
    }

    private static func empty(_ filter: DeskFilter, _ page: JobPage) -> Markup {
        page.isCutShort
            ? "None among the \(Told.number(Store.lookedAtMax)) jobs that one page looks at. There may be more further on."
            : "There are no \(filter.words)."
    }

    static func pages(_ filter: DeskFilter, _ page: JobPage) -> Markup {
        guard let next = page.next else {
            return filter.search.after == nil
                ? .none
                : "<p class=\"pages\"><a class=\"button\" href=\"\(DeskPath("jobs", query: filter.fields))\">First page</a> This is the last page.</p>"
        }
        let first: Markup? =
            filter.search.after == nil
            ? nil : "<a class=\"button\" href=\"\(DeskPath("jobs", query: filter.fields))\">First page</a>"
        let path = DeskPath("jobs", query: filter.fields + [("after", next.description)])
        return """
            <p class="pages">\(first)<a class="button" href="\(path)" rel="next">Next page</a>\
            \(page.isCutShort ? " This page has looked at \(Told.number(Store.lookedAtMax)) jobs." : Markup.none)</p>
            """
    }

    static func sheet(_ jobs: [JobLine], in place: JobSearch.Place?) -> Sheet {
        let hasEnded = place == .dead || place == .done || place == .cancelled
        var sheet = Sheet(
            "Jobs",
            [
                .number("Job"), .text("State"), .text("Kind"), .text("Subject"),
                .text(hasEnded ? "How it ended" : "Why"),
                .number("Asked for"), .number(hasEnded ? "Ended" : "Started"), .number("Failures"),
            ])
        for job in jobs {
            sheet.add([
                "<a href=\"\(DeskPath("jobs", job.id.description))\">\(job.id)</a>", state(job.state),
                "<bdi>\(job.kind)</bdi><span class=\"sub\">\(job.queue)</span>",
                """
                \(job.subject.map { Told.title($0) } ?? Told.optional(nil))\
                \(job.limitKey.flatMap { $0.isEmpty ? nil : "<span class=\"sub\">key \(Told.title($0, max: 40))</span>" as Markup })
                """,
                """
                \(why(job))\(job.error.map { "<span class=\"error\">\(Told.title($0, max: 160))</span>" as Markup })
                """,
                Told.time(job.createdAt), Told.time(hasEnded ? job.endedAt : job.startedAt),
                "\(job.failures)",
            ])
        }
        return sheet
    }

    static func state(_ state: ToldState) -> Markup {
        "<span class=\"state \(state.rawValue)\">\(state.rawValue)</span>"
    }

    private static func why(_ job: JobLine) -> Markup {
        if job.state == .running, let progress = progress(phase: job.phase, done: job.done, total: job.total)
        {
            return
                "\(progress)\(job.worker.map { "<span class=\"sub\">on <bdi>\($0)</bdi></span>" as Markup })"
        }
        if let reason = job.reason {
            return Told.title(job.state == .dead ? Told.death(reason) : reason, max: 160)
        }
        return job.worker.map { "on <bdi>\($0)</bdi>" } ?? Told.optional(nil)
    }

    static func progress(phase: String?, done: Int64?, total: Int64?) -> Markup? {
        guard phase != nil || done != nil else { return nil }
        let words = phase.map { Told.title($0, max: 60) } ?? Markup.none
        guard let done else { return words }
        guard let total, total > 0 else { return "\(words) \(Told.number(done))" }
        let bounded = min(max(done, 0), total)
        return """
            \(words) \(Told.number(done)) of \(Told.number(total))\
            <progress class="meter" max="\(String(total))" value="\(String(bounded))" aria-label="progress"></progress>
            """
    }
}

extension JobAction {
    /// All of them, for a message.
    static var words: String { allCases.map(\.rawValue).joined(separator: ", ") }

    var look: Visitor.Look {
        switch self {
        case .cancel, .discard: .danger
        case .retry, .release: .main
        }
    }

    var title: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() }

    /// What was done, of so many.
    func past(_ count: Int) -> String {
        switch self {
        case .cancel: "Cancelled \(Told.jobs(count))."
        case .retry: "Put \(Told.jobs(count)) back in line."
        case .discard: "Discarded \(Told.jobs(count))."
        case .release: "Released \(Told.jobs(count))."
        }
    }
}
