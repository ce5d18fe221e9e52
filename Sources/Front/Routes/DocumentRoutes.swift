internal import HTTPServer
internal import Jobs
internal import Platform
internal import Store

/// What is served here, for programs and for people.
package enum DocumentRoutes {
    package static let all = [root, document, docs, style]

    private static let group = "Documents"

    private static let root = Route(
        .get, "/", role: .anyone, limit: .free, group: group, summary: "Lead to /docs",
        answers: [.init(307, "Location is /docs")]
    ) { _ in Response(307, headers: ["Location": "/docs", "Cache-Control": "no-cache"]) }

    private static let document = Route(
        .get, "/openapi.json", role: .anyone, limit: .read, group: group,
        summary: "Describe this API as OpenAPI 3.1",
        about:
            "Made of the table by which requests are answered, with the kinds that a caller may ask for at the moment.",
        parameters: [.init("If-None-Match", in: .header, "the ETag of an earlier answer", .string())],
        answers: [
            .init(200, "the document", Schema([("type", "object")])),
            .init(304, "nothing has changed since the answer with that ETag"),
        ]
    ) { exchange in
        let front = exchange.front
        // The document is useful without the names of the kinds, too.
        let kinds = ((try? await front.kinds.value()) ?? []).filter { $0.callers.askedBy != .nobody }
        return Reply.tagged(
            OpenAPI.document(front.router.routes, kinds: kinds.map(\.kind), version: front.settings.version),
            for: exchange.request)
    }

    private static let docs = Route(
        .get, "/docs", role: .anyone, limit: .read, group: group, summary: "Describe this API for people",
        answers: [
            .init(200, "a page", nil, as: "text/html"),
            .init(304, "nothing has changed since the answer with that ETag"),
        ]
    ) { exchange in
        let front = exchange.front
        let page = DocsPage.page(front.router.routes, version: front.settings.version)
        var response = Reply.tagged(Array(page.utf8), as: "text/html; charset=utf-8", for: exchange.request)
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
}
