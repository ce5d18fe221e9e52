internal import HTTPServer
internal import Jobs
internal import Store

/// Dead jobs, those that died alike together.
enum DeadPage {
    static func show(_ exchange: DeskExchange) async throws -> Response {
        let store = exchange.store
        let count = try await store.deadCount()
        let groups = try await store.deadGroups()
        var sheet = Sheet(
            "Dead jobs by how they died",
            [.number("Jobs"), .text("Kind"), .text("Last error"), .text("Because"), .number("Last"), .deeds])
        for group in groups {
            let list = DeskPath("jobs", query: [("place", "dead"), ("kind", group.kind)])
            sheet.add([
                "<a href=\"\(list)\">\(Told.number(group.count))</a>", "<bdi>\(group.kind)</bdi>",
                group.error.isEmpty
                    ? "<span class=\"dim\">no error was told</span>" : Told.title(group.error, max: 160),
                Told.title(Told.death(group.reason)),
                "\(Told.time(group.lastDiedAt))<span class=\"sub\"><a href=\"\(DeskPath("jobs", group.newest.description))\">job \(group.newest)</a></span>",
                "<a class=\"button\" href=\"\(DeskPath("bulk", query: [("action", "retry"), ("place", "dead"), ("kind", group.kind)]))\">Retry kind…</a>",
            ])
        }
        var newest = JobSearch(.dead)
        newest.limit = 25
        let jobs = groups.isEmpty ? [] : try await store.search(newest).jobs
        let list: Markup =
            jobs.isEmpty
            ? .none
            : """
            <h2>The newest</h2>
            \(JobsPage.sheet(jobs, in: .dead).markup(empty: ""))
            <p class="pages"><a class="button" href="\(DeskPath("jobs", query: [("place", "dead")]))">All dead jobs</a></p>
            """
        let shown: Markup? =
            count > Store.groupedMax
            ? " The groups are made of the newest \(Told.number(Store.groupedMax))." : nil
        let body: Markup = """
            <h1>Dead jobs</h1>
            <p class="lead">\(Told.count(BoundedCount(min(count, 10_000), isMore: count > 10_000))) \(count == 1 ? "job has" : "jobs have") used up \
            what patience allowed. Retry them, or discard them.\(shown)</p>
            \(sheet.markup(empty: "No job is dead. That is how it should be."))
            \(list)
            """
        var page = DeskPage(title: "Dead jobs", section: .dead, body: body)
        try await page.addressed(to: exchange)
        return page.response()
    }
}
