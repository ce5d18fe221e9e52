package import HTTPServer

/// What pages for people add to the front: who is logged in, and how a problem looks.
package struct PageFace: Sendable {
    /// Reads the session of a request that brought no token.
    package let caller: @Sendable (_ request: Request, _ address: String) async throws -> Caller?
    /// Tells a problem of a route that answers people. The caller is `nil` when that is the problem.
    package let problem:
        @Sendable (_ problem: Problem, _ request: Request, _ caller: Caller?, _ requestID: String) -> Response

    package init(
        caller: @escaping @Sendable (_ request: Request, _ address: String) async throws -> Caller?,
        problem: @escaping @Sendable (Problem, Request, Caller?, String) -> Response
    ) {
        self.caller = caller
        self.problem = problem
    }
}
