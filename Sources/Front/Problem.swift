package import HTTPServer
package import Jobs

/// Why a request is not answered as asked: thrown by handlers, told as JSON (or as a page to people).
package struct Problem: Error, Sendable {
    package let status: Int
    /// A word for programs, such as `unknown_kind`.
    package let code: String
    /// A sentence for people: what was expected, and what came.
    package let message: String
    /// More for programs, beside code and message.
    package var fields: [(String, JSONText)] = []
    package var headers: Headers = [:]

    package init(_ status: Int, _ code: String, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    /// The same, with one more member in its JSON.
    package func with(_ name: String, _ value: JSONText) -> Problem {
        var problem = self
        problem.fields.append((name, value))
        return problem
    }

    /// The same, with one more header field.
    package func with(header name: String, _ value: String) -> Problem {
        var problem = self
        problem.headers.add(name, value)
        return problem
    }

    package static func badRequest(_ message: String, field: String? = nil) -> Problem {
        let problem = Problem(400, "bad_request", message)
        return field.map { problem.with("field", .string($0)) } ?? problem
    }

    package static func notFound(_ message: String) -> Problem { Problem(404, "not_found", message) }

    /// 503, with the seconds after which asking again makes sense.
    package static func unavailable(_ code: String, _ message: String, retryAfter seconds: Int) -> Problem {
        Problem(503, code, message).with(header: "Retry-After", String(seconds))
    }

    /// - Parameter requestID: told in the body, so that a person can name it to the operator.
    package func response(requestID: String) -> Response {
        var headers = headers
        headers["Content-Type"] = "application/json"
        if headers["Cache-Control"] == nil { headers["Cache-Control"] = "no-store" }
        let members: [(String, JSONText)] =
            [("code", .string(code)), ("message", .string(message)), ("request_id", .string(requestID))]
            + fields
        let text = JSONText.object([("error", .object(members))]).text
        return Response(status, headers: headers, content: .bytes(Array(text.utf8)))
    }
}
