internal import HTTPServer

/// A page of the desk: what stands around every one of them.
struct DeskPage {
    enum Section: String, CaseIterable {
        case overview
        case queues
        case jobs
        case dead
        case schedules
        case workers
        case limits
        case audit
        case sessions
        case database

        var title: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() }

        var path: DeskPath { self == .overview ? DeskPath() : DeskPath(rawValue) }
    }

    /// Seconds between two looks, for whoever asked the page to look again by itself.
    static let refreshSeconds = 5

    let title: String
    var section: Section?
    /// Who reads it; `nil`: nobody has logged in.
    var visitor: Visitor?
    /// What was just done.
    var flash: String?
    /// Where the page is, when it can look again by itself.
    var refresh: Refresh?
    let body: Markup

    struct Refresh {
        let isOn: Bool
        /// The same page with it switched the other way.
        let other: DeskPath
    }

    func response(status: Int = 200, headers: Headers = [:]) -> Response {
        var headers = headers
        for (name, value) in DeskPage.guards { headers[name] = value }
        return Reply.page(markup.html, status: status, headers: headers)
    }

    /// What every answer of the desk carries: no script runs, nothing is loaded from elsewhere, nobody frames it, nobody
    /// keeps it. That nobody guesses the type of an answer is the server's part.
    static let guards: [(String, String)] = [
        (
            "Content-Security-Policy",
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        ),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    ]

    private var markup: Markup {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <meta name="color-scheme" content="light dark"/>
        <meta name="robots" content="noindex"/>
        \(refresh?.isOn == true ? "<meta http-equiv=\"refresh\" content=\"\(DeskPage.refreshSeconds)\"/>" : Markup.none)
        <title>\(title) · Motorpool</title>
        <link rel="icon" href="/admin/icon.svg" type="image/svg+xml"/>
        <link rel="stylesheet" href="/admin/style.css"/>
        </head>
        <body>
        <a class="skip" href="#main">Skip to the page</a>
        \(header)
        <main id="main">
        \(flash.map { "<p class=\"flash\" role=\"status\">\($0)</p>" as Markup })
        \(body)
        </main>
        <footer><p>Motorpool\(refreshLink)</p></footer>
        </body>
        </html>
        """
    }

    private var refreshLink: Markup {
        guard let refresh else { return .none }
        return refresh.isOn
            ? " · looks again every \(DeskPage.refreshSeconds) s · <a href=\"\(refresh.other)\">stop that</a>"
            : " · <a href=\"\(refresh.other)\">look again every \(DeskPage.refreshSeconds) s</a>"
    }

    private var header: Markup {
        guard let visitor else {
            return "<header><p class=\"brand\"><a href=\"\(DeskPath())\">Motorpool</a></p></header>"
        }
        let links = Section.allCases.map { one -> Markup in
            one == section
                ? "<li><a href=\"\(one.path)\" aria-current=\"page\">\(one.title)</a></li>"
                : "<li><a href=\"\(one.path)\">\(one.title)</a></li>"
        }
        return """
            <header>
            <p class="brand"><a href="\(DeskPath())">Motorpool</a></p>
            <nav aria-label="Desk"><ul>\(links)</ul></nav>
            <form class="find" method="get" action="\(DeskPath("jobs"))" role="search">\
            <label class="unseen" for="find">Job number</label>\
            <input id="find" name="id" inputmode="numeric" placeholder="Job number" size="10" maxlength="19"/></form>
            <div class="who"><span title="operator">\(visitor.caller.name)</span>\(visitor.logOut)</div>
            </header>
            """
    }
}

/// Whoever reads a page, and with what their forms prove that they are theirs.
struct Visitor: Sendable {
    let caller: Caller
    /// Goes into every form. Empty for a bearer's token, which no other site can send.
    let proof: String

    /// A button that does something: a form of its own, by POST.
    /// - Parameter look: `nil` for an ordinary button.
    func button(
        _ label: String, to path: DeskPath, look: Look? = nil, fields: [(String, String)] = [],
        about: String? = nil
    ) -> Markup {
        let hidden = fields.map { "<input type=\"hidden\" name=\"\($0.0)\" value=\"\($0.1)\"/>" as Markup }
        return """
            <form class="act" method="post" action="\(path)">\(proving)\(hidden)\
            <button class="\(look?.rawValue ?? "plain")"\(about.map { " title=\"\($0)\"" as Markup })>\(label)</button></form>
            """
    }

    var proving: Markup { "<input type=\"hidden\" name=\"proof\" value=\"\(proof)\"/>" }

    enum Look: String {
        case danger
        case main
        case quiet
    }

    fileprivate var logOut: Markup {
        caller.means == .session ? button("Log out", to: DeskPath("logout"), look: .quiet) : .none
    }
}
