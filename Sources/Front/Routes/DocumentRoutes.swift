internal import HTTPServer
internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// What is served here, for programs and for people.
package enum DocumentRoutes {
    package static let all = [root, document, docs, style, security]

    private static let group = "Documents"

    private static let root = Route(
        .get, "/", role: .anyone, limit: .free, group: group, summary: "Lead to /docs",
        answers: [.init(307, "Location is /docs")]
    ) { _ in Response(307, headers: ["Location": "/docs", "Cache-Control": "no-cache"]) }

    private static let document = Route(
        .get, "/openapi.json", role: .anyone, limit: .read, group: group,
        summary: "Describe this API as OpenAPI 3.1",
        about:
            "Made of the table by which requests are answered, with the kinds that a caller may ask for at the moment. The operators' part and the program's version are in it for those who may use them.",
        parameters: [.init("If-None-Match", in: .header, "the ETag of an earlier answer", .string())],
        answers: [
            .init(200, "the document", Schema([("type", "object")])),
            .init(304, "nothing has changed since the answer with that ETag"),
        ]
    ) { exchange in
        let front = exchange.front
        // The document is useful without the names of the kinds, too.
        let kinds = ((try? await front.kinds.value()) ?? []).filter { $0.callers.askedBy != .nobody }
        var response = Reply.tagged(
            OpenAPI.document(exchange.shownRoutes, kinds: kinds.map(\.kind), version: exchange.shownVersion),
            for: exchange.request)
        response.headers["Vary"] = "Authorization"
        return response
    }

    private static let docs = Route(
        .get, "/docs", role: .anyone, limit: .read, group: group, summary: "Describe this API for people",
        answers: [
            .init(200, "a page", nil, as: "text/html"),
            .init(304, "nothing has changed since the answer with that ETag"),
        ]
    ) { exchange in
        let page = DocsPage.page(exchange.shownRoutes, version: exchange.shownVersion)
        var response = Reply.tagged(Array(page.utf8), as: "text/html; charset=utf-8", for: exchange.request)
        response.headers["Vary"] = "Authorization"
        response.headers["Content-Security-Policy"] =
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        return response
    }

    private static let style = Route(
        .get, "/docs/style.css", role: .anyone, limit: .free, group: group, summary: "The style of /docs",
        answers: [
            .init(200, "a style sheet", nil, as: "text/css"),
            .init(304, "nothing has changed since the answer with that ETag"),
        ]
    ) { exchange in
        Reply.tagged(Array(DocsPage.style.utf8), as: "text/css; charset=utf-8", for: exchange.request)
    }

    private static let security = Route(
        .get, "/.well-known/security.txt", role: .anyone, limit: .free, group: group,
        summary: "Say where to report a weakness (RFC 9116)",
        answers: [
            .init(200, "the contact, and until when it holds", nil, as: "text/plain"),
            .init(404, "the operator has named none: MOTORPOOL_SECURITY_CONTACT", .named("Problem")),
        ]
    ) { exchange in
        let contacts = exchange.front.settings.securityContacts
        guard !contacts.isEmpty else { throw Problem.notFound("no contact is configured here") }
        let lines = contacts.map { "Contact: \($0)" } + ["Expires: \(expiry)", "Preferred-Languages: en"]
        var response = Reply.text(lines.joined(separator: "\n") + "\n")
        response.headers["Cache-Control"] = "max-age=3600"
        return response
    }

    /// 90 days from the beginning of this one: the contact comes from the settings of a process that runs now.
    private static var expiry: String {
        let day: Int64 = 86_400_000_000
        let today = WallClock.microseconds / day * day
        return PostgresTimestamp(microseconds: today + 90 * day).iso8601
    }
}

extension Exchange {
    /// The routes that the caller is told of: an operator's are an operator's matter.
    fileprivate var shownRoutes: [Route] {
        front.router.routes.filter { $0.role != .operator || caller.role.suffices(for: .operator) }
    }

    /// The program's version is told to callers with a token. The document needs one for everybody: that of the API.
    fileprivate var shownVersion: String { caller.isAnonymous ? "1" : front.settings.version }
}
