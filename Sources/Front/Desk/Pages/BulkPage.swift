internal import HTTPServer
internal import Jobs
internal import Store

/// An action on many jobs: counted and shown first, done when it is confirmed.
enum BulkPage {
    static let sampleSize = 10

    /// What a dry run found, and what may be confirmed.
    struct DryRun {
        let action: JobAction
        let filter: DeskFilter
        let count: Int
        let isMore: Bool
        let range: ClosedRange<JobID>?
        let sample: [JobLine]

        var terms: [String] {
            [action.rawValue, filter.json.text, String(count)]
                + (range.map { [$0.lowerBound.description, $0.upperBound.description] } ?? [])
        }
    }

    static func dryRun(_ action: JobAction, _ filter: DeskFilter, _ store: Store) async throws -> DryRun {
        guard action.places.contains(filter.search.place) else {
            throw Problem.badRequest(
                "\(action.rawValue): expected a place of \(action.places.map(\.rawValue).joined(separator: ", ")), found “\(filter.search.place.rawValue)”",
                field: "place")
        }
        var sampled = filter.search
        sampled.hasMoney = false
        let (jobs, isMore) = try await store.jobs(for: sampled)
        sampled.limit = sampleSize
        let range = jobs.min().flatMap { first in jobs.max().map { first...$0 } }
        return DryRun(
            action: action, filter: filter, count: jobs.count, isMore: isMore, range: range,
            sample: try await store.search(sampled).jobs)
    }

    static func show(_ exchange: DeskExchange) async throws -> Response {
        guard let action = try exchange.query.word("action", of: JobAction.self) else {
            throw Problem.badRequest("action: expected one of \(JobAction.words)", field: "action")
        }
        let found = try await dryRun(action, try DeskFilter(exchange.query), exchange.store)
        let visitor = try await exchange.visitor()
        let body: Markup = """
            <h1>\(action.title) \(Told.jobs(found.count))?</h1>
            <p class="lead">\(effect(action)) These are the \(found.filter.words).</p>
            \(found.isMore ? "<p class=\"why\">There are more: one turn takes \(Told.number(Store.turnMax)) jobs at most. Come back for the others.</p>" : Markup.none)
            \(try await confirm(found, visitor, exchange))
            <h2>\(found.count > found.sample.count ? "The first \(found.sample.count) of them" : "All of them")</h2>
            \(JobsPage.sheet(found.sample, in: found.filter.search.place).markup(empty: "Nothing fits: there is nothing to do."))
            """
        var page = DeskPage(title: "\(action.title) jobs", section: .jobs, body: body)
        try await page.addressed(to: exchange)
        page.refresh = nil
        return page.response()
    }

    private static func effect(_ action: JobAction) -> String {
        switch action {
        case .cancel: "Waiting jobs leave at once; what a running one still does can’t be settled any more."
        case .retry: "They stand in line again under their own numbers, with a fresh count of attempts."
        case .discard:
            "They leave the list of dead jobs, and stay known by their numbers as long as history is kept."
        case .release:
            "Those that met worker crashes forget them and wait at their ordinary level. The others stay as they are."
        }
    }

    private static func confirm(_ found: DryRun, _ visitor: Visitor, _ exchange: DeskExchange) async throws
        -> Markup
    {
        let back = DeskPath("jobs", query: found.filter.fields)
        guard let range = found.range else {
            return "<p><a class=\"button\" href=\"\(back)\">Back</a></p>"
        }
        var fields = found.filter.fields.compactMap { name, value in value.map { (name, $0) } }
        fields += [
            ("action", found.action.rawValue), ("count", String(found.count)),
            ("first", range.lowerBound.description), ("last", range.upperBound.description),
            ("confirm", try await exchange.desk.confirmation(of: found.terms, by: exchange)),
        ]
        return """
            <div class="acts">\(visitor.button("\(found.action.title) \(Told.jobs(found.count))", to: DeskPath("bulk"), look: found.action.look, fields: fields)) \
            <a class="button" href="\(back)">Leave it</a></div>
            """
    }

    static func act(_ exchange: DeskExchange) async throws -> Response {
        let form = try await exchange.guardForm()
        let (action, filter, changed) = try await confirmed(form, exchange)
        return Reply.seeOther(
            DeskPath(
                "jobs", query: filter.fields + [try await exchange.flash("\(action.rawValue).\(changed)")]
            ).text)
    }

    /// Does what a dry run showed, to no more jobs than it counted.
    static func confirmed(_ fields: Fields, _ exchange: DeskExchange) async throws -> (
        JobAction, DeskFilter, Int
    ) {
        guard let action = try fields.word("action", of: JobAction.self) else {
            throw Problem.badRequest("action: expected one of \(JobAction.words)", field: "action")
        }
        let filter = try DeskFilter(fields)
        guard let count = try fields.number("count", in: 1...Store.turnMax),
            let first = try fields.number("first", in: 1...Int.max),
            let last = try fields.number("last", in: first...Int.max)
        else { throw Problem.badRequest("expected count, first and last as the dry run told them") }
        let shown = DryRun(
            action: action, filter: filter, count: count, isMore: false,
            range: JobID(Int64(first))...JobID(Int64(last)), sample: [])
        guard let text = try fields.one("confirm"),
            try await exchange.desk.isConfirmation(text, of: shown.terms, by: exchange)
        else {
            throw Problem(
                409, "not_confirmed", "this is not what was counted, or it was ten minutes ago: count again")
        }
        var search = filter.search
        search.hasMoney = false
        let (jobs, _) = try await exchange.store.jobs(for: search, in: shown.range, limit: count)
        let changed = try await exchange.store.act(
            action, on: jobs, target: filter.words, by: exchange.actor,
            detail: JSON(text: filter.json.text))
        return (action, filter, changed)
    }
}
