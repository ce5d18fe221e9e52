internal import HTTPServer
package import Jobs

/// The route table as OpenAPI 3.1.
package enum OpenAPI {
    /// Pages for people stay out of it.
    package static func document(_ routes: [Route], kinds: [String], version: String) -> JSONText {
        var paths: [(String, [(String, JSONText)])] = []
        for route in routes where !route.isPage {
            let operation = (route.method.rawValue.lowercased(), operation(route))
            if let place = paths.firstIndex(where: { $0.0 == route.pattern }) {
                paths[place].1.append(operation)
            } else {
                paths.append((route.pattern, [operation]))
            }
        }
        return .object([
            ("openapi", "3.1.0"),
            (
                "info",
                .object([
                    ("title", "Motorpool"), ("version", .string(version)),
                    (
                        "description",
                        "A worker farm on PostgreSQL: ask for jobs, and see what becomes of them."
                    ),
                ])
            ), ("servers", .array([.object([("url", "/")])])),
            ("paths", .object(paths.map { ($0.0, .object($0.1)) })),
            (
                "components",
                .object([
                    ("schemas", .object(Schemas.all(kinds: kinds).map { ($0.0, $0.1.text) })),
                    (
                        "securitySchemes",
                        .object([("token", .object([("type", "http"), ("scheme", "bearer")]))])
                    ),
                ])
            ),
        ])
    }

    private static func operation(_ route: Route) -> JSONText {
        var members: [(String, JSONText)] = [
            ("operationId", .string(name(route))), ("tags", .array([.string(route.group)])),
            ("summary", .string(route.summary)),
        ]
        if !route.about.isEmpty { members.append(("description", .string(route.about))) }
        // Where no token is configured, callers of the same machine need none.
        if route.role != .anyone {
            members.append(("security", .array([.object([("token", .array([]))]), .object([])])))
            members.append(("x-role", .string(route.role.rawValue)))
        }
        if !route.parameters.isEmpty {
            members.append(("parameters", .array(route.parameters.map(parameter))))
        }
        if let body = route.body {
            let content = JSONText.object([(body.mediaType, .object([("schema", body.schema.text)]))])
            members.append(("requestBody", .object([("required", true), ("content", content)])))
        }
        members.append(("responses", responses(route.documentedAnswers)))
        return .object(members)
    }

    private static func parameter(_ it: Route.Parameter) -> JSONText {
        .object([
            ("name", .string(it.name)), ("in", .string(it.place.rawValue)),
            ("required", .bool(it.isRequired)),
            ("description", .string(it.about)), ("schema", it.schema.text),
        ])
    }

    private static func responses(_ answers: [Route.Answer]) -> JSONText {
        var told: [(String, JSONText)] = []
        for answer in answers {
            var members: [(String, JSONText)] = [("description", .string(answer.about))]
            if let schema = answer.schema {
                members.append(("content", .object([(answer.mediaType, .object([("schema", schema.text)]))])))
            } else if answer.mediaType != "application/json" {
                members.append(("content", .object([(answer.mediaType, .object([]))])))
            }
            told.append((String(answer.status), .object(members)))
        }
        return .object(told)
    }

    /// `get_jobs_id`.
    private static func name(_ route: Route) -> String {
        let words = route.pattern.split { !($0.isLetter || $0.isNumber) }
        return ([route.method.rawValue.lowercased()] + words.map(String.init)).joined(separator: "_")
    }
}

extension Route {
    /// Every answer that can come: the handler's own, and what the front says before it is asked.
    package var documentedAnswers: [Answer] {
        var all = answers
        func add(_ status: Int, _ about: String) {
            if !all.contains(where: { $0.status == status }) {
                all.append(Answer(status, about, .named("Problem")))
            }
        }
        add(400, "the request can't be read")
        add(414, "the path and the query are too long")
        add(431, "the header fields are too many or too long")
        if role != .anyone || limit != .free { add(401, "no token, or one that is unknown here") }
        if role != .anyone { add(403, "the token's role is not enough") }
        add(408, "the request came too slowly")
        if body != nil {
            add(413, "the body is too long")
        }
        if limit != .free {
            add(429, "more than the caller's share; Retry-After tells when to come back")
            add(500, "a stored value can't be given out (`unreadable`), or something went wrong here")
            add(503, "overloaded, ending, or the database is away; Retry-After tells when to come back")
        }
        return all.sorted { $0.status < $1.status }
    }
}
