package import HTTPServer
package import Jobs
internal import Platform
package import Store

/// One request on its way through a handler.
package struct Exchange: Sendable {
    package let request: Request
    package let route: Route
    /// What stood in the pattern's braces, decoded.
    package let values: [String: String]
    package let query: Fields
    package let caller: Caller
    /// Names this request in the log, in errors and in the answer's `X-Request-Id`.
    package let id: String
    /// Where in which trace the caller stands, when he says so.
    package let trace: TraceContext?
    package let front: Front
    private let jobs = Lock<[JobID]>([])

    package init(
        request: Request, route: Route, values: [String: String], query: Fields, caller: Caller, id: String,
        trace: TraceContext? = nil, front: Front
    ) {
        self.request = request
        self.route = route
        self.values = values
        self.query = query
        self.caller = caller
        self.id = id
        self.trace = trace
        self.front = front
    }

    package var store: Store { front.store }

    /// The value of a brace of the pattern.
    package subscript(_ name: String) -> String { values[name] ?? "" }

    /// The value of a brace as a job's number.
    /// - Throws: `Problem` 404: what is no number is no job.
    package func jobID(_ name: String = "id") throws(Problem) -> JobID {
        let text = self[name]
        guard let number = Int64(text), number > 0, String(number) == text else {
            throw .notFound("no job is called “\(text.prefix(60))”: jobs have numbers")
        }
        return JobID(number)
    }

    /// The body, at most as long as the route says.
    package func body() async throws -> [UInt8] {
        try await request.body(upTo: route.body?.bytesMax ?? 0)
    }

    /// The body of a form (`application/x-www-form-urlencoded`).
    /// - Throws: `Problem` 400, `BodyError`.
    package func form() async throws -> Fields {
        guard let text = String(validating: try await body(), as: UTF8.self) else {
            throw Problem.badRequest("expected a form in UTF-8")
        }
        return try Fields(text)
    }

    /// Lets the log line of this request name a job.
    package func note(_ job: JobID) {
        jobs.withLock { if $0.count < 10 { $0.append(job) } }
    }

    package var notedJobs: [JobID] { jobs.withLock { $0 } }
}
