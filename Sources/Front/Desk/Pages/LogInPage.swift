internal import HTTPServer
internal import Store

/// Where an operator's token becomes a session.
enum LogInPage {
    static func show(_ exchange: DeskExchange) async throws -> Response {
        guard exchange.desk.isOpen else { return closed() }
        try await exchange.desk.loadKey()
        if try await exchange.desk.caller(of: exchange.request, address: exchange.caller.address) != nil {
            return Reply.seeOther(DeskPath().text)
        }
        return page(isWrong: false, exchange).response()
    }

    private static func closed() -> Response {
        let body: Markup = """
            <div class="log-in"><h1>No desk yet</h1>
            <p>The desk opens when the farm knows an operator’s token. Make one with</p>
            <pre>motorpool token new --role operator --name you</pre>
            <p>and start the farm again with the line that it prints in <code>MOTORPOOL_TOKENS</code>.</p></div>
            """
        return DeskPage(title: "No desk yet", body: body).response(status: 404)
    }

    private static func page(isWrong: Bool, _ exchange: DeskExchange) -> DeskPage {
        let body: Markup = """
            <div class="log-in"><h1>Operators’ desk</h1>
            \(isWrong ? "<p class=\"wrong\" role=\"alert\">This is no operator’s token.</p>" : Markup.none)
            <form method="post" action="\(DeskPath("login"))">
            <label for="token">Operator’s token</label>
            <input id="token" name="token" type="password" autocomplete="current-password" required="required" maxlength="200" autofocus="autofocus"/>
            <button class="main">Log in</button>
            </form>
            <p class="dim">A session ends after 12 hours, after an hour without use, or when its token is taken away.\
            \(exchange.isSecure && exchange.request.headers["X-Forwarded-Proto"] == nil ? " From other machines the desk needs HTTPS: without it your browser will not keep the session." : Markup.none)</p></div>
            """
        return DeskPage(title: "Log in", body: body)
    }

    static func logIn(_ exchange: DeskExchange) async throws -> Response {
        guard exchange.desk.isOpen else { return closed() }
        try exchange.refuseOtherSites()
        let form = try await exchange.form()
        guard let secret = try form.one("token"), let token = exchange.desk.tokens.token(for: secret),
            Desk.opens(token)
        else {
            try await exchange.chargeWrongToken()
            return page(isWrong: true, exchange).response(status: 403)
        }
        let cookie = try await exchange.desk.open(
            for: token, at: exchange.caller.address, isSecure: exchange.isSecure)
        return Reply.seeOther(DeskPath().text, headers: ["Set-Cookie": cookie])
    }

    static func logOut(_ exchange: DeskExchange) async throws -> Response {
        try await exchange.guardForm()
        try await exchange.desk.end(exchange.request, by: exchange.actor)
        return Reply.seeOther(
            DeskPath("login").text, headers: ["Set-Cookie": Desk.closing(isSecure: exchange.isSecure)])
    }
}
