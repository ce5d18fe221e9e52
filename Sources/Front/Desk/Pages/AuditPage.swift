internal import HTTPServer
internal import Jobs
internal import Store

/// Who did what by hand.
enum AuditPage {
    static let pageSize = 50

    static func show(_ exchange: DeskExchange) async throws -> Response {
        let before = try exchange.query.number("before", in: 1...Int.max)
        let entries = try await exchange.store.audit(before: before.map(Int64.init), limit: pageSize + 1)
        var sheet = Sheet(
            "Audit",
            [
                .text("When"), .text("Who"), .text("Action"), .text("To what"), .number("How many"),
                .text("Detail"),
            ])
        for entry in entries.prefix(pageSize) {
            sheet.add([
                Told.time(entry.at),
                "<bdi>\(entry.actor)</bdi>\(entry.address.map { "<span class=\"sub\">\($0)</span>" as Markup })",
                "\(entry.action)", target(entry.target), "\(Told.number(entry.count))",
                entry.detail.map { Told.title($0.description, max: 120) } ?? Told.optional(nil),
            ])
        }
        let more: Markup? =
            entries.count > pageSize
            ? """
            <p class="pages"><a class="button" href="\(DeskPath("audit", query: [("before", String(entries[pageSize - 1].number))]))">Older</a></p>
            """ : nil
        let body: Markup = """
            <h1>Audit</h1>
            <p class="lead">What operators did by hand, newest first; kept for a year. Each entry was written in the transaction of its action.</p>
            \(sheet.markup(empty: "Nobody has done anything by hand yet."))
            \(more)
            """
        var page = DeskPage(title: "Audit", section: .audit, body: body)
        try await page.addressed(to: exchange)
        return page.response()
    }

    private static func target(_ text: String) -> Markup {
        guard text.hasPrefix("job "), let number = Int64(text.dropFirst(4)) else { return Told.title(text) }
        return "<a href=\"\(DeskPath("jobs", String(number)))\">\(text)</a>"
    }
}
