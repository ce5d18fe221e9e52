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
    let budget: AnonymousBudget
    let kinds: SingleFlight<OneValue, [KindPolicy]>
    let jobs: BatchLoader<JobQuestion, JobReport>
    let conditions: BatchLoader<ConditionRoutes.Question, Condition>
    let scrape: SingleFlight<OneValue, Scrape>
    let hasSchema: SingleFlight<OneValue, Bool>
    let stalledQueues: SingleFlight<OneValue, [StalledQueue]>
    let stuck: SingleFlight<OneValue, [StuckReport]>
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
        streams = Gauge(max: settings.streamsMax, perCaller: settings.streamsPerCallerMax)
        requests = Gauge(max: settings.requestsMax)
        guests = GuestBook(max: settings.guestJobsMax, span: settings.cacheSpan) {
            try await store.guestJobs(max: settings.guestJobsMax)
        }
        budget = AnonymousBudget(bytesMax: settings.anonymousBytesMax) {
            try await store.takeAnonymousBytes($1, from: $0.rawValue, max: $2)
        }
        // Every request that is being answered and every stream may wait at once.
        let waitersMax = settings.requestsMax + settings.waitersMax + settings.streamsMax
        jobs = BatchLoader(batchMax: 200, waitersMax: waitersMax, isFaultOfOneKey: Front.isFaultOfOneKey) {
            try await store.jobs($0)
        }
        conditions = BatchLoader(
            batchMax: 200, waitersMax: waitersMax, isFaultOfOneKey: Front.isFaultOfOneKey
        ) {
            try await ConditionRoutes.answers(to: $0, from: store)
        }
        kinds = SingleFlight(keepingFor: settings.cacheSpan) { try await store.kindPolicies() }
        scrape = SingleFlight(keepingFor: settings.cacheSpan) { try await Scrape(store) }
        hasSchema = SingleFlight(keepingFor: settings.cacheSpan) { try await store.hasSchema() }
        stalledQueues = SingleFlight(keepingFor: settings.cacheSpan) { try await store.stalledQueues() }
        stuck = SingleFlight(keepingFor: settings.cacheSpan) { try await store.stuckRuns() }
        doorkeeper = Doorkeeper(settings, session: page?.caller) { address, place in
            // The refusal stands without its entry: a database that is away opens no way in.
            try? await store.note(
                "wrong token", place, by: Operator(name: Caller.anonymousName, address: address))
        }
        self.page = page
        self.tell = tell
    }

    /// The engine's routes, in the order in which they are documented.
    package static let routes = JobRoutes.all + ConditionRoutes.all + HealthRoutes.all + DocumentRoutes.all

    /// Whether a statement for many failed by the value of one of them.
    private static func isFaultOfOneKey(_ error: any Error) -> Bool {
        (error as? PostgresError)?.isData ?? false
    }

    /// Whether the process is on its way out.
    package var isDraining: Bool { draining.withLock { $0 } }

    /// Charges a wrong token that a handler was given to the caller's address.
    /// - Throws: `Problem` 429 when the address has no guesses left.
    func chargeWrongToken(by caller: Caller) async throws(Problem) {
        try await doorkeeper.chargeWrongToken(from: caller.address, at: .dashboard)
    }

    /// Takes one write from a caller's share, for a request that reads and puts a job in line.
    /// - Throws: `Problem` 429.
    func chargeWrite(by caller: Caller) throws(Problem) { try doorkeeper.limit(caller, .write) }

    /// What the streams of a caller are counted by.
    func share(of caller: Caller) -> String { doorkeeper.share(of: caller) }

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
            let problem = Problem.telling(of: error, isReading: request.method.isSafe, &visit)
            if let dialect {
                response = dialect.tell(problem)
            } else if let page, visit.route?.isPage ?? Front.isPagePath(request.path) {
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
        let caller = try await doorkeeper.caller(of: request, for: route)
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

    /// Where people look with a browser: what is not found there is told as a page, with a page's headers.
    private static func isPagePath(_ path: String) -> Bool {
        path.hasPrefix("/admin/") && !path.hasPrefix("/admin/api/")
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
}
