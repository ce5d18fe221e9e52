package import Jobs

/// One request that was answered, for the log. Holds no query, no token and no body.
package struct FrontEvent: Sendable {
    package let requestID: String
    package let method: String
    /// The route's pattern; `nil`: nothing is served at that path.
    package let route: String?
    package let status: Int
    package let took: Duration
    package let caller: String
    package let address: String
    package let jobs: [JobID]
    /// The trace that the caller named.
    package let trace: String?
    /// For an operator: what went wrong inside.
    package let trouble: String?
}
