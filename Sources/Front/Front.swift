package import HTTPServer
package import Store

/// Puts HTTP words to the store: finds the route, asks who calls, keeps the limits, and tells what went wrong.
package final class Front: Sendable {
    package let store: Store
    package let settings: FrontSettings
    package let router: Router

    package init(store: Store, settings: FrontSettings = FrontSettings()) {
        self.store = store
        self.settings = settings
        router = Router(Front.routes)
    }

    /// Every route, in the order in which they are documented.
    static let routes: [Route] = []

    /// Answers; never throws, whatever a handler does.
    package func handle(_ request: Request) async -> Response {
        let id = request.headers["X-Request-Id"] ?? "-"
        do {
            switch router.match(request.method, request.path) {
            case .unknown: throw Problem.notFound("nothing is served at this path; /docs lists what is")
            case .wrongMethod(let allowed):
                let names = allowed.map(\.rawValue).joined(separator: ", ")
                throw Problem(405, "method_not_allowed", "expected \(names)").with(header: "Allow", names)
            case .found(let route, let values):
                let exchange = Exchange(
                    request: request, route: route, values: values, query: try Fields(request.query ?? ""),
                    caller: Caller(
                        name: Caller.anonymousName, role: .anyone, means: .nothing, address: request.peer),
                    id: id, front: self)
                return try await route.handle(exchange)
            }
        } catch let problem as Problem {
            return problem.response(requestID: id)
        } catch {
            return Problem(500, "internal", "the server failed").response(requestID: id)
        }
    }
}
