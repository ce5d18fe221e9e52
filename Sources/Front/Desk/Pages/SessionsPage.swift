internal import HTTPServer
internal import Jobs
internal import Store

/// The open sessions of operators, each of which can be ended.
enum SessionsPage {
    static func show(_ exchange: DeskExchange) async throws -> Response {
        let sessions = try await exchange.store.openSessions()
        let visitor = try await exchange.visitor()
        var sheet = Sheet(
            "Sessions",
            [
                .text("Operator"), .text("Address"), .text("Opened"), .text("Last used"), .text("Ends"),
                .text(""),
            ])
        for one in sessions {
            sheet.add([
                "<bdi>\(one.token)</bdi>", "\(one.address)", Told.time(one.createdAt), Told.time(one.seenAt),
                Told.time(one.expiresAt),
                visitor.button("End", to: DeskPath("sessions", String(one.number), "end")),
            ])
        }
        let body: Markup = """
            <h1>Sessions</h1>
            <p class="lead">Operators who are logged in. A session ends at log-out, after an hour without use, after 12 hours, or here.</p>
            \(sheet.markup(empty: "No session is open."))
            """
        var page = DeskPage(title: "Sessions", section: .sessions, body: body)
        try await page.addressed(to: exchange)
        return page.response()
    }

    static func end(_ exchange: DeskExchange) async throws -> Response {
        try await exchange.guardForm()
        let did = try await exchange.store.endSession(
            number: try exchange.jobID().number, by: exchange.actor)
        return Reply.seeOther(
            DeskPath("sessions", query: [try await exchange.flash(did ? "session-ended" : "nothing")]).text)
    }
}
