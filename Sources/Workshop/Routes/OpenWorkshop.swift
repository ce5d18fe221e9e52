internal import Front
internal import HTTPServer
internal import Jobs

/// How Open Workshop's clients are answered: readable by pages of other sites, errors in the form of FastAPI's.
enum OpenWorkshop {
    static let group = "Open Workshop"

    static let dialect = Dialect(
        roots: ["download", "update", "list", "info", "condition", "statistics"],
        headers: [
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Expose-Headers": "Content-Type,Content-Disposition",
        ]
    ) { problem in
        let words: String
        var headers = problem.headers
        switch problem.status {
        case 404: words = "Not Found"
        case 405:
            words = "Method Not Allowed"
            // HEAD is answered too; the clients' contract names GET alone.
            headers["Allow"] = "GET"
        default: words = problem.message
        }
        var response = Told.json(.object([("detail", .string(words))]), status: problem.status)
        for field in headers.fields { response.headers[field.name] = field.value }
        return response
    }

    /// A route of this system. All of them ask by GET, are open to anyone, and are counted under `type`.
    static func route(
        _ pattern: String, _ summary: String, _ parameters: [Route.Parameter] = [], answers: [Route.Answer],
        about: String = "", handle: @escaping @Sendable (Exchange) async throws -> Response
    ) -> Route {
        Route(
            .get, pattern, role: .anyone, cors: .open, limit: .read, group: group, summary: summary,
            about: about,
            parameters: parameters, answers: answers, dialect: dialect
        ) { exchange in
            do { return try await handle(exchange) } catch let refusal as Refusal { return refusal.response }
        }
    }
}
