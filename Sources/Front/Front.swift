package import HTTPServer
internal import Jobs
internal import Platform
internal import Postgres
package import Store

/// Puts HTTP words to the store: finds the route, asks who calls, keeps the limits, and tells what went wrong.
package final class Front: Sendable {
    package let store: Store
    package let settings: FrontSettings
    package let router: Router
    package let watcher: Watcher
    package let meter = Meter()
    package let streams: Gauge
    package let requests: Gauge
    let guests: GuestBook
    let kinds: Cached<[String]>
    let jobs: Gatherer<JobID, JobReport>
    let conditions: Gatherer<ConditionRoutes.Question, Condition>
    let scrape: Cached<Scrape>
    let hasSchema: Cached<Bool>
    let extraMetrics = Lock<[@Sendable (inout MetricsText) -> Void]>([])
    private let doorkeeper: Doorkeeper
    private let page: PageFace?
    private let tell: @Sendable (FrontEvent) -> Void
    private let draining = Lock(false)

    /// - Parameters:
    ///   - store: the front's own, so that it doesn't stand in the way of a farm in the same process.
    ///   - more: routes beside the engine's own.
    ///   - page: `nil`: no route answers people, and nobody has a session.
    ///   - tell: hears of every answer, on whatever task it happens: it must be quick.
    package init(
        store: Store, settings: FrontSettings = FrontSettings(), more: [Route] = [], page: PageFace? = nil,
        tell: @escaping @Sendable (FrontEvent) -> Void = { _ in }
    ) {
        self.store = store
        self.settings = settings
        router = Router(Front.routes + more)
        watcher = Watcher(every: settings.lookInterval, waitersMax: settings.waitersMax) {
            try await store.pulses(of: $0)
        }
        streams = Gauge(max: settings.streamsMax)
        requests = Gauge(max: settings.requestsMax)
        guests = GuestBook(max: settings.guestJobsMax, span: settings.cacheSpan) {
            try await store.guestJobs(max: settings.guestJobsMax)
        }
        jobs = Gatherer(batchMax: 200) { try await store.jobs($0) }
        conditions = Gatherer(batchMax: 200) { try await ConditionRoutes.answers(to: $0, from: store) }
        kinds = Cached(for: settings.cacheSpan) { try await store.kindNames() }
        scrape = Cached(for: settings.cacheSpan) { try await Scrape(store) }
        hasSchema = Cached(for: settings.cacheSpan) { try await store.hasSchema() }
        doorkeeper = Doorkeeper(settings, session: page?.caller)
        self.page = page
        self.tell = tell
    }

    /// The engine's routes, in the order in which they are documented.
    package static let routes = JobRoutes.all + ConditionRoutes.all + HealthRoutes.all + DocumentRoutes.all

    /// Whether the process is on its way out.
    package var isDraining: Bool { draining.withLock { $0 } }

    /// Lets everybody go who waits; new requests are still answered, but nobody waits any more. Twice is once.
    package func drain() {
        draining.withLock { $0 = true }
        watcher.close()
    }

    /// Answers; never throws, whatever a handler does.
    package func handle(_ request: Request) async -> Response {
        let began = ContinuousClock.now
        var visit = Visit(request)
        let dialect = router.dialect(of: request.path)
        var response: Response
        do {
            response = try await answer(request, &visit)
        } catch {
            let problem = Front.problem(
                of: error, isRead: request.method == .get || request.method == .head, &visit)
            if let dialect {
                response = dialect.tell(problem)
            } else if visit.route?.isPage == true, let page {
                response = page.problem(problem, request, visit.caller, visit.id)
            } else {
                response = problem.response(requestID: visit.id)
            }
        }
        response.headers["X-Request-Id"] = visit.id
        for field in dialect?.headers.fields ?? [] { response.headers[field.name] = field.value }
        if visit.route?.cors == .open { response.headers["Access-Control-Allow-Origin"] = "*" }
        let took = ContinuousClock.now - began
        meter.count(request.method.rawValue, visit.route?.pattern ?? "none", response.status, took: took)
        tell(visit.event(response.status, took))
        return response
    }

    private func answer(_ request: Request, _ visit: inout Visit) async throws -> Response {
        let (route, values) = try find(request)
        visit.route = route
        guard request.method != .options else {
            return Front.preflight(route, router.methods(at: request.path))
        }
        let isCounted = route.limit != .free
        guard !isCounted || requests.enter() else {
            throw Problem.unavailable("overloaded", "more requests than can be answered", retryAfter: 1)
        }
        defer { if isCounted { requests.leave() } }
        // What anyone may see at any rate is answered whatever token comes with it.
        let isOpen = route.role == .anyone && route.limit == .free
        let caller = isOpen ? doorkeeper.stranger(request) : try doorkeeper.caller(of: request)
        visit.caller = caller
        try doorkeeper.admit(caller, to: route, request)
        try doorkeeper.limit(caller, route.limit)
        let exchange = Exchange(
            request: request, route: route, values: values,
            query: route.dialect == nil ? try Fields(request.query ?? "") : .empty,
            caller: caller,
            id: visit.id, trace: visit.trace, front: self)
        if route.dialect == nil { try Front.checkQuery(exchange) }
        visit.exchange = exchange
        return try await route.handle(exchange)
    }

    private func find(_ request: Request) throws -> (Route, [String: String]) {
        var match = router.match(request.method, request.path)
        if case .unknown = match, router.dialect(of: request.path) != nil,
            let twin = Dialect.twin(of: request.path)
        {
            match = router.match(request.method, twin)
        }
        switch match {
        case .found(let route, let values): return (route, values)
        case .unknown: throw Problem.notFound("nothing is served at this path; /docs lists what is")
        case .wrongMethod(let route, let allowed):
            if request.method == .options { return (route, [:]) }
            let names = allowed.map(\.rawValue).joined(separator: ", ")
            throw Problem(405, "method_not_allowed", "expected \(names)").with(header: "Allow", names)
        }
    }

    /// A route that reads a query knows all its names: a misspelt filter must not look like an empty one.
    private static func checkQuery(_ exchange: Exchange) throws(Problem) {
        let known = exchange.route.parameters.filter { $0.place == .query }
        guard !known.isEmpty else { return }
        for (name, value) in exchange.query.pairs {
            guard let parameter = known.first(where: { $0.name == name }) else {
                let names = known.map(\.name).joined(separator: ", ")
                throw .badRequest(
                    "unknown “\(name.prefix(60))”; known are \(names)", field: String(name.prefix(60)))
            }
            // A form of a page sends every field, also those that nobody filled.
            if exchange.route.isPage, value.isEmpty { continue }
            if let length = parameter.schema.length, !length.contains(value.unicodeScalars.count) {
                throw .badRequest(
                    "\(name): expected \(length.lowerBound) to \(length.upperBound) characters, found \(value.unicodeScalars.count)",
                    field: name)
            }
        }
        for parameter in known where parameter.isRequired {
            guard exchange.query.pairs.contains(where: { $0.name == parameter.name }) else {
                throw .badRequest("\(parameter.name) is missing: \(parameter.about)", field: parameter.name)
            }
        }
    }

    private static func preflight(_ route: Route, _ methods: [Method]) -> Response {
        let names = methods.map(\.rawValue).joined(separator: ", ")
        var response = Response(204, headers: ["Allow": names])
        guard route.cors == .open else { return response }
        response.headers["Access-Control-Allow-Methods"] = names
        response.headers["Access-Control-Max-Age"] = "86400"
        return response
    }

    /// What a stranger is told of an error; what only an operator may know goes into the visit.
    ///
    /// - Parameter isRead: nothing was to be stored, so a value that the database refuses is one that it holds.
    private static func problem(of error: any Error, isRead: Bool, _ visit: inout Visit) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case BodyError.tooLarge(let limit):
            return Problem(413, "too_large", "a body of at most \(limit) bytes is taken here")
        case BodyError.tooSlow: return Problem(408, "too_slow", "the body came too slowly")
        case BodyError.cutOff: return Problem(400, "cut_off", "the body was cut off")
        case StoreError.unknownKind(_, _, let index):
            let problem = Problem(400, "unknown_kind", "\(error)").with("field", "kind")
            return index.map { problem.with("index", JSONText($0)) } ?? problem
        case StoreError.badRequest(let sentence): return Problem.badRequest(sentence)
        case StoreError.badJob(let index, let count, let fault):
            let problem = Problem.badRequest("\(error)", field: fault.field)
            return count == 1 ? problem : problem.with("index", JSONText(index))
        case StoreError.busy(let sentence): return Problem(409, "busy", sentence)
        case is CancellationError:
            return Problem.unavailable("draining", "this process is ending; ask again", retryAfter: 1)
        case let error as PostgresError:
            visit.trouble = String(reflecting: error)
            if error.isPassing {
                return Problem.unavailable("database_away", "the database does not answer", retryAfter: 2)
            }
            if case .badParameter = error, isRead {
                return Problem.badRequest(
                    "a value of the request is not accepted: it holds a NUL or is too large")
            }
            if error.isData, isRead {
                return Problem(
                    500, "unreadable",
                    "a stored value can't be given out; the operator finds it by the request's id")
            }
            if error.isData { return Problem.badRequest("a value can't be stored: \(error.dataWords)") }
        default: visit.trouble = String(reflecting: error)
        }
        return Problem(
            500, "internal", "something went wrong here; the operator finds it by the request's id")
    }
}

extension PostgresError {
    /// The database is away, busy or being closed: nothing is wrong with the request.
    fileprivate var isPassing: Bool {
        if case .closed = self { return true }
        return isTransient || sqlstate == "57014"
    }

    /// What the server says of data that it refuses: about the value, not about the tables.
    fileprivate var dataWords: String {
        if case .server(let error) = self, error.sqlstate.hasPrefix("22") {
            error.message
        } else {
            "it is not accepted"
        }
    }
}
