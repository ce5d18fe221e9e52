package import HTTPServer

/// One thing that can be asked of the front, with everything that holds for it: the router, the limits, the
/// documentation and the tests all read this.
package struct Route: Sendable {
    /// Whether pages of other sites may read the answers.
    package enum CORS: Sendable {
        case none
        /// `Access-Control-Allow-Origin: *`, never with credentials.
        case open
    }

    /// Which bucket of its caller a request is taken from.
    package enum Limit: String, Sendable, CaseIterable {
        /// Not limited: what a load balancer or a style sheet asks for.
        case free
        case read
        case write
        /// Guesses at a token: the handler charges the wrong ones, a few in a minute.
        case logIn
    }

    package let method: Method
    /// `/jobs/{id}`: segments in braces take any one segment.
    package let pattern: String
    package let role: Role
    /// Whether the role money is let in as well: the route tells it of money kinds alone.
    package let admitsMoney: Bool
    package let cors: CORS
    package let limit: Limit
    /// The heading under which it is documented.
    package let group: String
    /// One line: what it does.
    package let summary: String
    /// What else a stranger must know.
    package let about: String
    package let parameters: [Parameter]
    package let body: Body?
    /// Every status that the handler answers by itself. What the front adds (401, 403, 429, 500, 503) need not be said.
    package let answers: [Answer]
    /// Whether it answers people: its problems are then told as pages, and it stays out of `/openapi.json`.
    package let isPage: Bool
    /// `nil`: the engine's own ways.
    package let dialect: Dialect?
    package let handle: @Sendable (Exchange) async throws -> Response

    package init(
        _ method: Method, _ pattern: String, role: Role, admitsMoney: Bool = false, cors: CORS = .none,
        limit: Limit, group: String,
        summary: String, about: String = "", parameters: [Parameter] = [], body: Body? = nil,
        answers: [Answer],
        isPage: Bool = false, dialect: Dialect? = nil,
        handle: @escaping @Sendable (Exchange) async throws -> Response
    ) {
        self.method = method
        self.pattern = pattern
        self.role = role
        self.admitsMoney = admitsMoney
        self.cors = cors
        self.limit = limit
        self.group = group
        self.summary = summary
        self.about = about
        self.parameters = parameters
        self.body = body
        self.answers = answers
        self.isPage = isPage
        self.dialect = dialect
        self.handle = handle
    }

    /// Whether callers of this role may use it.
    package func admits(_ caller: Role) -> Bool {
        caller.suffices(for: role) || (admitsMoney && caller == .money)
    }

    /// Whether a session of the operators' pages is read here: a cookie is for those pages alone.
    package var opensToSessions: Bool { pattern == "/admin" || pattern.hasPrefix("/admin/") }

    /// A value that comes with the request.
    package struct Parameter: Sendable {
        package enum Place: String, Sendable {
            case path
            case query
            case header
        }

        package let name: String
        package let place: Place
        package let isRequired: Bool
        package let about: String
        package let schema: Schema

        package init(
            _ name: String, in place: Place, required: Bool? = nil, _ about: String, _ schema: Schema
        ) {
            self.name = name
            self.place = place
            isRequired = required ?? (place == .path)
            self.about = about
            self.schema = schema
        }
    }

    /// What is sent along.
    package struct Body: Sendable {
        package let mediaType: String
        package let schema: Schema
        package let bytesMax: Int

        package init(_ schema: Schema, as mediaType: String = "application/json", bytesMax: Int = 1 << 20) {
            self.mediaType = mediaType
            self.schema = schema
            self.bytesMax = bytesMax
        }
    }

    /// What comes back.
    package struct Answer: Sendable {
        package let status: Int
        package let about: String
        package let mediaType: String
        /// `nil`: no body, or one that no schema describes.
        package let schema: Schema?

        package init(
            _ status: Int, _ about: String, _ schema: Schema? = nil, as mediaType: String = "application/json"
        ) {
            self.status = status
            self.about = about
            self.mediaType = mediaType
            self.schema = schema
        }
    }
}
