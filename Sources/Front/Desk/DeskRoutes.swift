internal import HTTPServer
internal import Jobs
internal import Store

extension Desk {
    /// Everything below `/admin`: pages, and the same for programs below `/admin/api`.
    package var routes: [Route] { files + pages + deeds + looks + changes }

    private var files: [Route] {
        [
            Route(
                .get, "/admin/style.css", role: .anyone, limit: .free, group: group,
                summary: "The desk’s style sheet",
                answers: [.init(200, "CSS", as: "text/css"), .init(304, "Not changed")], isPage: true,
                handle: { StyleSheet.respond($0.request) }),
            Route(
                .get, "/admin/icon.svg", role: .anyone, limit: .free, group: group,
                summary: "The desk’s icon",
                answers: [.init(200, "SVG", as: "image/svg+xml")], isPage: true,
                handle: { _ in StyleSheet.icon }),
            page(
                "/admin/login", role: .anyone, "Where an operator’s token becomes a session", LogInPage.show),
            deed("/admin/login", role: .anyone, limit: .logIn, "Opens a session", LogInPage.logIn),
        ]
    }

    private var pages: [Route] {
        [
            page("/admin", "The farm at a glance", OverviewPage.show),
            page("/admin/queues", "Queues", QueuesPage.show),
            page("/admin/queues/{name}", "One queue", QueuesPage.one),
            page("/admin/jobs", "Jobs by where they stand", JobsPage.show),
            page("/admin/jobs/{id}", "One job", OneJobPage.show),
            page("/admin/dead", "Dead jobs", DeadPage.show),
            page("/admin/schedules", "Lines of the schedule", SchedulesPage.show),
            page("/admin/schedules/{name}", "One line of the schedule", SchedulesPage.one),
            page("/admin/workers", "Workers and lanes", WorkersPage.show),
            page("/admin/limits", "Limits and who holds their places", LimitsPage.show),
            page("/admin/sessions", "Open sessions of operators", SessionsPage.show),
            page("/admin/audit", "What operators did", AuditPage.show),
            page("/admin/database", "Who holds the vacuum back", DatabasePage.show),
            page("/admin/bulk", "A dry run of an action on many jobs", BulkPage.show),
        ]
    }

    private var deeds: [Route] {
        [
            deed("/admin/logout", "Ends the session", LogInPage.logOut),
            deed("/admin/queues/{name}/pause", "Pauses a queue", QueuesPage.pause),
            deed("/admin/queues/{name}/resume", "Lets a queue go on", QueuesPage.resume),
            deed("/admin/jobs/{id}/{action}", "Cancels, retries or discards a job", OneJobPage.act),
            deed("/admin/schedules/{name}/run", "Runs a line now", SchedulesPage.run),
            deed("/admin/schedules/{name}/pause", "Lets the slots of a line pass", SchedulesPage.pause),
            deed("/admin/schedules/{name}/resume", "Lets a line go on", SchedulesPage.resume),
            deed("/admin/sessions/{id}/end", "Ends a session", SessionsPage.end),
            deed("/admin/bulk", "Does what a dry run showed", BulkPage.act),
        ]
    }

    private func page(
        _ pattern: String, role: Role = .operator, _ summary: String,
        _ handle: @escaping @Sendable (DeskExchange) async throws -> Response
    ) -> Route {
        Route(
            .get, pattern, role: role, limit: .read, group: group, summary: summary,
            answers: [.init(200, "A page", as: "text/html")], isPage: true,
            handle: { try await handle(DeskExchange($0, at: self)) })
    }

    private func deed(
        _ pattern: String, role: Role = .operator, limit: Route.Limit = .write, _ summary: String,
        _ handle: @escaping @Sendable (DeskExchange) async throws -> Response
    ) -> Route {
        Route(
            .post, pattern, role: role, limit: limit, group: group, summary: summary,
            body: .init(.anything, as: "application/x-www-form-urlencoded", bytesMax: 16 << 10),
            answers: [.init(303, "Done; look there")], isPage: true,
            handle: { try await handle(DeskExchange($0, at: self)) })
    }

    // MARK: For programs

    private func look(
        _ path: String, _ summary: String, about: String = "", taking parameters: [Route.Parameter] = [],
        giving schema: [(String, Schema)], refusals: [Route.Answer] = [],
        _ handle: @escaping @Sendable (DeskExchange) async throws -> Response
    ) -> Route {
        Route(
            .get, "/admin/api/\(path)", role: .operator, limit: .read, group: group, summary: summary,
            about: about,
            parameters: parameters,
            answers: [.init(200, "Found", .object(schema, required: schema.map(\.0)))] + refusals,
            handle: { try await handle(DeskExchange($0, at: self)) })
    }

    private func change(
        _ path: String, _ summary: String, about: String = "", _ parameters: [Route.Parameter],
        _ schema: Schema,
        refusals: [Route.Answer], _ handle: @escaping @Sendable (DeskExchange) async throws -> Response
    ) -> Route {
        Route(
            .post, "/admin/api/\(path)", role: .operator, limit: .write, group: group, summary: summary,
            about: about,
            parameters: parameters, answers: [.init(200, "Done", schema)] + refusals,
            handle: { try await handle(DeskExchange($0, at: self)) })
    }

    private var looks: [Route] {
        [
            look(
                "queues", "Queues: depth, age of the head, rate, time to drain",
                giving: [("queues", someObjects)],
                DeskAPI.queues),
            look(
                "samples", "The last hour of the queues, by the minute",
                taking: [.init("queue", in: .query, "Only of this one", .string(length: 1...64))],
                giving: [("samples", someObjects)], refusals: [wrong], DeskAPI.samples),
            look("workers", "Workers and lanes", giving: [("workers", someObjects)], DeskAPI.workers),
            look(
                "limits", "Limits and who holds their places", giving: [("limits", someObjects)],
                DeskAPI.limits),
            look(
                "jobs", "Jobs by where they stand",
                about: "A page reads at most 20,000 jobs; when it was cut short there, `next` goes on.",
                taking: search + paging,
                giving: [("jobs", someObjects), ("next", Schema.string().orNull), ("cut_short", .boolean)],
                refusals: [wrong], DeskAPI.jobs),
            look(
                "jobs/{id}", "One job with its errors and children", taking: [id],
                giving: [("job", Schema([("type", "object")])), ("children", someObjects)],
                refusals: [unknown],
                DeskAPI.job),
            look(
                "dead", "Dead jobs by how they died", giving: [("dead", count), ("groups", someObjects)],
                DeskAPI.dead),
            look(
                "schedules", "Lines of the schedule", giving: [("schedules", someObjects)], DeskAPI.schedules),
            look(
                "schedules/{name}", "One line and its newest 200 slots", taking: [line],
                giving: [("schedule", Schema([("type", "object")])), ("slots", someObjects)],
                refusals: [unknown], DeskAPI.slots),
            look(
                "audit", "What operators did, newest first",
                taking: [
                    .init("before", in: .query, "Only entries with a smaller number", .integer(1...Int.max)),
                    .init("limit", in: .query, "Entries a page", .integer(1...DeskFilter.sizeMax)),
                ], giving: [("entries", someObjects)], refusals: [wrong], DeskAPI.audit),
            look(
                "sessions", "Open sessions of operators, the last used first",
                giving: [("sessions", someObjects)], DeskAPI.sessions),
            look(
                "vacuum", "Who holds the vacuum back",
                giving: [
                    ("holders", someObjects), ("live_rows", .integer()), ("dead_rows", .integer()),
                    ("last_vacuum", Schema.string().orNull),
                ], DeskAPI.vacuum),
            look(
                "bulk", "A dry run: how many jobs an action would change",
                about:
                    "`confirm`, `count`, `first` and `last` go into the POST that does it, with the same search.",
                taking: [bulkAction] + search,
                giving: [
                    ("count", .integer()), ("is_more", .boolean), ("first", Schema.integer().orNull),
                    ("last", Schema.integer().orNull), ("confirm", Schema.string().orNull),
                    ("sample", someObjects),
                ], refusals: [wrong], DeskAPI.dryRun),
        ]
    }

    private var changes: [Route] {
        [
            change(
                "queues/{name}/pause", "Pauses a queue", [name], changed, refusals: [unknown], DeskAPI.pause),
            change(
                "queues/{name}/resume", "Lets a queue go on", [name], changed, refusals: [unknown],
                DeskAPI.resume),
            change(
                "jobs/{id}/{action}", "Cancels, retries or discards a job", [id, action],
                .object([("changed", .integer())], required: ["changed"]), refusals: [unknown, late],
                DeskAPI.act),
            change(
                "schedules/{name}/run", "Runs a line now", [line],
                .object([("job", Schema.integer().orNull)], required: ["job"]), refusals: [wrong, unknown],
                DeskAPI.runLine),
            change(
                "schedules/{name}/pause", "Lets the slots of a line pass", [line], changed,
                refusals: [unknown], DeskAPI.pauseLine),
            change(
                "schedules/{name}/resume", "Lets a line go on", [line], changed, refusals: [unknown],
                DeskAPI.resumeLine),
            change(
                "sessions/{id}/end", "Ends a session", [session], changed, refusals: [unknown],
                DeskAPI.endSession),
            change(
                "bulk", "Does what a dry run showed, to no more jobs than it counted",
                [bulkAction] + search + [
                    told("count", .integer(1...Store.turnMax)), told("first", .integer(1...Int.max)),
                    told("last", .integer(1...Int.max)), told("confirm", .string(length: 1...200)),
                ], .object([("changed", .integer())], required: ["changed"]), refusals: [wrong, late],
                DeskAPI.bulk),
        ]
    }

    // MARK: The front's side

    /// What the front asks the desk: whose session it is, and how a problem looks.
    package var face: PageFace {
        PageFace(
            caller: { try await self.caller(of: $0, address: $1) },
            problem: { problem, request, _, id in Desk.answer(problem, to: request, id) })
    }

    /// A problem as a page; whoever has not logged in is sent to where they can.
    private static func answer(_ problem: Problem, to request: Request, _ requestID: String) -> Response {
        if problem.status == 401, request.method == .get || request.method == .head {
            return Reply.seeOther(DeskPath("login").text)
        }
        let body: Markup = """
            <div class="log-in"><h1>\(problem.status)</h1><p>\(problem.message)</p>
            <p><a class="button" href="\(DeskPath())">To the overview</a></p>
            <p class="dim">Request \(requestID)</p></div>
            """
        return DeskPage(title: "\(problem.status)", body: body).response(
            status: problem.status, headers: problem.headers)
    }
}

// MARK: - What several routes share

private let group = "Operators’ desk"
private let name = Route.Parameter("name", in: .path, "The queue", .string(length: 1...64))
private let line = Route.Parameter(
    "name", in: .path, "The line of the schedule", .string(length: 1...64))
private let id = Route.Parameter("id", in: .path, "The job’s number", .integer(1...Int.max))
private let session = Route.Parameter("id", in: .path, "The session’s number", .integer(1...Int.max))
private let action = Route.Parameter(
    "action", in: .path, "What to do to the job", .oneOf(JobAction.allCases.map(\.rawValue)))
private let search: [Route.Parameter] = [
    .init(
        "place", in: .query, "Where the jobs stand; live when nothing is said",
        .oneOf(JobSearch.Place.allCases.map(\.rawValue))),
    .init("kind", in: .query, "Only of this kind", .string(length: 1...64)),
    .init("queue", in: .query, "Only in this queue", .string(length: 1...64)),
    .init("key", in: .query, "Only under this limit key", .string(length: 1...256)),
    .init("subject", in: .query, "Only about this subject", .string(length: 1...512)),
    .init(
        "older", in: .query, "Only asked for longer ago than this, like 10m or 2d; oldest first then",
        .string(length: 2...20, pattern: "^([0-9]{1,6}(ms|s|m|h|d))+$")),
]
private let paging: [Route.Parameter] = [
    .init("after", in: .query, "The next of an earlier page", .string(length: 3...200)),
    .init("limit", in: .query, "Jobs a page", .integer(1...DeskFilter.sizeMax)),
]
private let count = Schema.object(
    [("count", .integer()), ("is_more", .boolean)], required: ["count", "is_more"])
private let changed = Schema.object([("changed", .boolean)], required: ["changed"])
private let someObjects = Schema.array(of: Schema([("type", "object")]))
private let wrong = Route.Answer(400, "A parameter is not what was expected")
private let unknown = Route.Answer(404, "There is none of that name or number")
private let late = Route.Answer(409, "It is no longer as it was counted")
private let bulkAction = Route.Parameter(
    "action", in: .query, required: true, "What to do to all of them",
    .oneOf(JobAction.allCases.map(\.rawValue)))
private func told(_ name: String, _ schema: Schema) -> Route.Parameter {
    .init(name, in: .query, required: true, "As the dry run told", schema)
}
