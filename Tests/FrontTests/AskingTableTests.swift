import Front
import HTTPServer
import Jobs
import Store
import Testing

/// The whole table of roles, routes and kinds: each route has a row here, and each policy a column.
@Suite struct AskingTableTests {
    private typealias Visitor = AskingHouse.Visitor

    /// How a route treats kinds.
    private enum Row {
        /// It answers the same whatever kinds there are: the role alone decides.
        case role
        case ask
        case list
        case show
        case events
        case cancel
        case conditions
        /// One job, as operators see it.
        case deskShow
        /// An action on one job.
        case deskAct
        /// Lists of jobs, as operators see them.
        case deskList
    }

    private static let rows: [String: Row] = {
        var rows: [String: Row] = [
            "POST /jobs": .ask, "GET /jobs": .list, "GET /jobs/{id}": .show, "GET /jobs/{id}/events": .events,
            "DELETE /jobs/{id}": .cancel, "GET /conditions": .conditions,
            "GET /admin/jobs/{id}": .deskShow, "GET /admin/api/jobs/{id}": .deskShow,
            "POST /admin/jobs/{id}/{action}": .deskAct, "POST /admin/api/jobs/{id}/{action}": .deskAct,
            "GET /admin/jobs": .deskList, "GET /admin/api/jobs": .deskList, "GET /admin/dead": .deskList,
            "GET /admin/api/dead": .deskList, "GET /admin": .deskList,
        ]
        let others = [
            "GET /metrics", "GET /health", "GET /health/live", "GET /health/ready", "GET /",
            "GET /openapi.json", "GET /docs", "GET /docs/style.css", "GET /.well-known/security.txt",
            "GET /admin/style.css",
            "GET /admin/icon.svg", "GET /admin/login", "POST /admin/login", "POST /admin/logout",
            "GET /admin/queues", "GET /admin/queues/{name}", "GET /admin/schedules",
            "GET /admin/schedules/{name}", "GET /admin/workers", "GET /admin/limits", "GET /admin/sessions",
            "GET /admin/audit", "GET /admin/database", "GET /admin/bulk", "POST /admin/bulk",
            "POST /admin/queues/{name}/pause", "POST /admin/queues/{name}/resume",
            "POST /admin/schedules/{name}/run", "POST /admin/schedules/{name}/pause",
            "POST /admin/schedules/{name}/resume", "POST /admin/sessions/{id}/end",
            "GET /admin/api/queues", "GET /admin/api/samples", "GET /admin/api/workers",
            "GET /admin/api/limits", "GET /admin/api/schedules", "GET /admin/api/schedules/{name}",
            "GET /admin/api/audit", "GET /admin/api/sessions", "GET /admin/api/vacuum", "GET /admin/api/bulk",
            "POST /admin/api/queues/{name}/pause", "POST /admin/api/queues/{name}/resume",
            "POST /admin/api/schedules/{name}/run", "POST /admin/api/schedules/{name}/pause",
            "POST /admin/api/schedules/{name}/resume", "POST /admin/api/sessions/{id}/end",
            "POST /admin/api/bulk",
        ]
        for name in others { rows[name] = .role }
        return rows
    }()

    /// Who sees what of a job, written out: hidden, state or whole, and whether it may cancel.
    private static func sight(_ visitor: Visitor, _ kind: Definition) -> (sight: String, cancels: Bool) {
        let isMine = AskingHouse.maker(of: kind) == visitor
        switch (kind.seenBy, visitor) {
        case (_, .none), (_, .wrong): return ("hidden", false)
        case (.money, .money): return ("whole", true)
        case (.money, .operator): return ("state", false)
        case (.money, _), (_, .money): return ("hidden", false)
        case (_, .operator): return ("whole", true)
        case (_, .asker) where isMine: return ("whole", true)
        case (.reader, .asker), (.reader, .producer), (.reader, .reader): return ("whole", false)
        case (.asker, .reader): return ("state", false)
        case (.asker, .asker), (.asker, .producer): return ("hidden", false)
        }
    }

    private static func asks(_ visitor: Visitor, _ kind: Definition) -> Bool {
        switch kind.askedBy {
        case .nobody: false
        case .producer: [.asker, .producer, .operator].contains(visitor)
        case .operator: visitor == .operator
        case .money: visitor == .money
        }
    }

    @Test("H1: every route answers every role for every policy as the table says, and none is without a row")
    func table() async throws {
        try await withAskingHouse { house in
            let policies = Set(AskingHouse.definitions.map { "\($0.askedBy) \($0.seenBy)" })
            // What a policy file can say: all pairs but those of money that no one could see.
            var possible = Set<String>()
            for asked in AskedBy.allCases {
                for seen in SeenBy.allCases where (asked == .money) == (seen == .money) || (asked == .nobody)
                {
                    possible.insert("\(asked) \(seen)")
                }
            }
            #expect(policies == possible)

            var cells = 0
            let routes = house.front.router.routes
            let names = routes.map { "\($0.method.rawValue) \($0.pattern)" }
            #expect(Set(names) == Set(Self.rows.keys), "routes without a row, and rows without a route")
            for (route, name) in zip(routes, names) {
                guard let row = Self.rows[name] else { continue }
                for visitor in Visitor.allCases {
                    for kind in AskingHouse.definitions {
                        try await cell(house, route, row, visitor, kind)
                        cells += 1
                    }
                }
            }
            print("role × route × kind: \(cells) cells asserted")
            #expect(cells == routes.count * Visitor.allCases.count * AskingHouse.definitions.count)
        }
    }

    private func cell(
        _ house: AskingHouse, _ route: Route, _ row: Row, _ visitor: Visitor, _ kind: Definition
    ) async throws {
        let place = "\(route.method) \(route.pattern), \(visitor), \(kind.kind)"
        let job =
            switch row {
            case .role, .ask, .conditions: JobID(1)
            default: try await house.put(kind)
            }
        let subject = "s-\(kind.kind)"
        if row == .conditions { _ = try await house.store.enqueue(NewJob(kind.kind, subject: subject)) }
        let isLetIn = route.admits(visitor.role)
        let values = ["id": "\(job)", "action": "cancel", "name": "nothing-called-so"]
        var path = route.pattern.split(separator: "/", omittingEmptySubsequences: false).map { part in
            part.hasPrefix("{") ? values[String(part.dropFirst().dropLast())] ?? "1" : String(part)
        }.joined(separator: "/")
        if row == .conditions { path += "?kind=\(kind.kind)&subject=\(subject)" }
        if row == .list { path += "?kind=\(kind.kind)" }
        let answer = await house.ask(
            route.method, path, row == .ask ? "{\"kind\":\"\(kind.kind)\"}" : "", by: visitor)
        guard isLetIn else {
            // The desk's pages send whoever has no session to the log-in.
            let expected: Set<Int> =
                [.none, .wrong].contains(visitor) ? (route.isPage ? [303, 401] : [401]) : [403]
            #expect(expected.contains(answer.status), "\(place): \(answer.status)")
            return
        }
        let (sight, cancels) = Self.sight(visitor, kind)
        let shows = answer.text.contains("hidden-\(kind.kind)")
        switch row {
        case .role:
            #expect(answer.status != 401, "\(place)")
            #expect(answer.status != 403 || route.pattern == "/admin/login", "\(place): \(answer.text)")
        case .ask:
            #expect(answer.status == (Self.asks(visitor, kind) ? 202 : 403), "\(place): \(answer.text)")
            if answer.status == 403 {
                #expect(answer.code == "kind_forbidden" && answer.problem("kind") == kind.kind, "\(place)")
                let need = kind.askedBy == .nobody ? "no caller" : "role \(kind.askedBy.rawValue)"
                #expect(answer.problem("message")?.contains(need) == true, "\(place): \(answer.text)")
            }
        case .show:
            #expect(answer.status == (sight == "hidden" ? 404 : 200), "\(place): \(answer.status)")
            #expect(shows == (sight == "whole"), "\(place): \(answer.text)")
            if sight == "hidden" {
                let unknown = await house.ask(.get, "/jobs/999999999", by: visitor)
                #expect(unknown.status == 404, "\(place)")
                #expect(
                    unknown.problem("message")?.replacing("999999999", with: "\(job)")
                        == answer.problem("message"), "\(place)")
            }
        case .events:
            #expect(answer.status == (sight == "hidden" ? 404 : 200), "\(place): \(answer.status)")
            if case .stream(let write) = answer.response.content, visitor == .reader || visitor == .operator {
                _ = try await house.store.cancel(job, reason: "a test")
                let ear = Ear()
                try await write(ear)
                #expect(
                    ear.text.contains("hidden-\(kind.kind)") == (sight == "whole"), "\(place): \(ear.text)")
            }
        case .list:
            #expect(answer.status == 200, "\(place)")
            #expect(answer.text.contains("\"id\":\(job),") == (sight != "hidden"), "\(place): \(answer.text)")
            #expect(shows == (sight == "whole"), "\(place): \(answer.text)")
        case .cancel:
            let expected = cancels ? 200 : sight == "hidden" ? 404 : 403
            #expect(answer.status == expected, "\(place): \(answer.text)")
            let state = try await house.store.job(job)?.state
            #expect(state == (cancels ? .cancelled : .waiting), "\(place)")
        case .conditions:
            #expect(answer.status == 200, "\(place)")
            // Code asked for it, so no caller has a concern with it.
            let seen =
                switch (kind.seenBy, visitor) {
                case (.money, .money), (.money, .operator): true
                case (.money, _), (_, .money): false
                case (.asker, .asker), (.asker, .producer): false
                default: true
                }
            #expect(!answer.text.contains("absent") == seen, "\(place): \(answer.text)")
        case .deskShow:
            #expect(answer.status == 200, "\(place)")
            #expect(shows == (sight == "whole"), "\(place)")
        case .deskAct:
            let isDone = kind.seenBy != .money
            #expect([200, 303].contains(answer.status) == isDone, "\(place): \(answer.status)")
            #expect(answer.status == 403 || isDone, "\(place)")
            #expect(try await house.store.job(job)?.state == (isDone ? .cancelled : .waiting), "\(place)")
        case .deskList:
            #expect(answer.status == 200, "\(place)")
            #expect(!shows, "\(place)")
        }
    }
}
