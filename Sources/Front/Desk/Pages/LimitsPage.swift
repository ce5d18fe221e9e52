internal import HTTPServer
internal import Jobs
internal import Store

/// Concurrency limits, and who holds their places.
enum LimitsPage {
    static func show(_ exchange: DeskExchange) async throws -> Response {
        var sheet = Sheet(
            "Limits", [.text("Kind"), .text("Key"), .number("Taken"), .text("Holders"), .deeds])
        for limit in try await exchange.store.limits() {
            let holders = limit.holders.map {
                "<a href=\"\(DeskPath("jobs", $0.description))\">\($0)</a> " as Markup
            }
            let waiting = DeskPath(
                "jobs", query: [("place", "held"), ("kind", limit.kind), ("key", limit.key)])
            sheet.add([
                "<bdi>\(limit.kind)</bdi>",
                limit.key.map { Told.title($0) } ?? "<span class=\"dim\">the whole kind</span>",
                "\(limit.taken) of \(limit.places)",
                "\(holders)\(limit.taken > limit.holders.count ? "and \(limit.taken - limit.holders.count) more" : Markup.none)",
                "<a class=\"button\" href=\"\(waiting)\">Who waits</a>",
            ])
        }
        let body: Markup = """
            <h1>Limits</h1>
            <p class="lead">Places of kinds and keys that are taken now. A held job starts when one becomes free.</p>
            \(sheet.markup(empty: "No place under any limit is taken."))
            """
        var page = DeskPage(title: "Limits", section: .limits, body: body)
        try await page.addressed(to: exchange)
        return page.response()
    }
}
