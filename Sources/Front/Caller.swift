/// Who asks.
package struct Caller: Sendable {
    /// How we know.
    package enum Means: String, Sendable {
        /// Nobody said: an anonymous caller.
        case nothing
        /// `Authorization: Bearer`.
        case token
        /// A cookie that the desk signed. Its writes need a token against forgery from other sites.
        case session
    }

    /// The token's name; `public` for whoever brought none.
    package let name: String
    package let role: Role
    package let means: Means
    /// Where the request came from, without a port: the connection's other end, or what a trusted proxy says.
    package let address: String
    /// The kinds that its token is for. `nil`: all.
    package let kinds: Set<String>?

    package init(name: String, role: Role, means: Means, address: String, kinds: Set<String>? = nil) {
        self.kinds = kinds
        self.name = name
        self.role = role
        self.means = means
        self.address = address
    }

    package var isAnonymous: Bool { means == .nothing }

    /// The name of callers who brought no token. No token may be called so.
    package static let anonymousName = "public"
}
