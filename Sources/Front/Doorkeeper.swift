internal import HTTPServer
internal import Jobs
internal import Platform

/// Decides who calls, and how much more he may ask.
struct Doorkeeper: Sendable {
    let settings: FrontSettings
    let session: (@Sendable (Request, String) -> Caller?)?
    private let limiter = Limiter()

    init(_ settings: FrontSettings, session: (@Sendable (Request, String) -> Caller?)?) {
        self.settings = settings
        self.session = session
    }

    /// - Throws: `Problem` 401 for a token that is none, 429 for too many of those.
    func caller(of request: Request) throws(Problem) -> Caller {
        let address = address(of: request)
        if let authorization = request.headers["Authorization"] {
            let words = authorization.split(separator: " ", omittingEmptySubsequences: true)
            if words.count == 2, words[0].lowercased() == "bearer",
                let token = settings.tokens.token(for: String(words[1]))
            {
                return Caller(name: token.name, role: token.role, means: .token, address: address)
            }
            try limit("log-in \(network(address))", settings.logIns)
            throw Problem(
                401, "unknown_token", "expected Authorization: Bearer with a token that is configured here"
            )
            .with(header: "WWW-Authenticate", "Bearer error=\"invalid_token\"")
        }
        return session?(request, address) ?? stranger(request)
    }

    /// Whoever asks, without a look at what he brings.
    func stranger(_ request: Request) -> Caller {
        let localRole =
            settings.tokens.isEmpty
            ? settings.localRoleWithoutTokens ?? settings.localRole : settings.localRole
        let role = isLocal(request) ? localRole : settings.anonymousRole
        return Caller(name: Caller.anonymousName, role: role, means: .nothing, address: address(of: request))
    }

    /// - Throws: `Problem` 401 or 403.
    func admit(_ caller: Caller, to route: Route, _ request: Request) throws(Problem) {
        guard caller.role.suffices(for: route.role) else {
            if caller.isAnonymous {
                throw Problem(
                    401, "no_token",
                    "expected a token of the role \(route.role.rawValue): Authorization: Bearer …"
                ).with(header: "WWW-Authenticate", "Bearer")
            }
            throw Problem(
                403, "forbidden",
                "expected the role \(route.role.rawValue), and \(caller.name) has \(caller.role.rawValue)")
        }
        // Whoever is trusted for where he is could be a browser that another site told to ask.
        if caller.isAnonymous, route.role != .anyone,
            isFromAnotherSite(request, isSafe: request.method.isSafe)
        {
            throw Problem(403, "cross_site", "a page of another site asked; use a token")
        }
    }

    /// Takes one request from the caller's share.
    /// - Throws: `Problem` 429.
    func limit(_ caller: Caller, _ limit: Route.Limit) throws(Problem) {
        let isToken = caller.means != .nothing
        let name = isToken ? "token \(caller.name)" : "address \(network(caller.address))"
        switch limit {
        case .free: return
        case .read: try self.limit("read \(name)", isToken ? settings.tokenReads : settings.anonymousReads)
        case .write:
            try self.limit("write \(name)", isToken ? settings.tokenWrites : settings.anonymousWrites)
        case .logIn: try self.limit("log-in \(network(caller.address))", settings.logIns)
        }
    }

    private func limit(_ name: String, _ rate: Rate) throws(Problem) {
        guard let wait = limiter.take(name, at: rate) else { return }
        let seconds = max(1, Int(wait.inSeconds.rounded(.up)))
        throw Problem(429, "too_many_requests", "at most \(rate) are taken; ask again in \(seconds) s")
            .with(header: "Retry-After", String(seconds))
    }

    /// The connection's other end, or what the first proxy that is not trusted wrote into `X-Forwarded-For`.
    func address(of request: Request) -> String {
        var address = request.peer
        guard isTrusted(address) else { return address }
        let hops = request.headers.all("X-Forwarded-For").joined(separator: ",").split(separator: ",")
        for hop in hops.reversed() {
            let text = String(hop.filter { $0 != " " && $0 != "\t" })
            guard IPAddress(text) != nil else { break }
            address = text
            guard isTrusted(text) else { break }
        }
        return address
    }

    private func isTrusted(_ text: String) -> Bool {
        guard !settings.trustedProxies.isEmpty, let address = IPAddress(text) else { return false }
        return settings.trustedProxies.contains { $0.contains(address) }
    }

    private func network(_ address: String) -> String {
        IPAddress(address).map { $0.network.map(String.init).joined(separator: ".") } ?? address
    }

    /// Whether a program on this machine asks us by a name of this machine, with no proxy between: another site's name
    /// that resolves to us is not enough.
    private func isLocal(_ request: Request) -> Bool {
        let isNear =
            request.peer.isEmpty || request.peer.hasPrefix("/") || IPAddress(request.peer)?.isLoopback == true
        guard isNear, ["X-Forwarded-For", "Forwarded", "Via"].allSatisfy({ request.headers[$0] == nil })
        else {
            return false
        }
        guard let host = request.headers["Host"] else { return true }
        let name = Doorkeeper.name(ofHost: host)
        return name == "localhost" || IPAddress(name)?.isLoopback == true
    }

    /// Without the port and the brackets of IPv6.
    private static func name(ofHost host: String) -> String {
        if host.hasPrefix("[") { return String(host.dropFirst().prefix { $0 != "]" }) }
        return host.split(separator: ":", omittingEmptySubsequences: false).first.map { $0.lowercased() }
            ?? ""
    }

    private func isFromAnotherSite(_ request: Request, isSafe: Bool) -> Bool {
        if let site = request.headers["Sec-Fetch-Site"], site != "same-origin", site != "none" {
            // A link on another page may lead here; it can't read what it finds.
            return !isSafe || request.headers["Sec-Fetch-Mode"] != "navigate"
        }
        guard !isSafe, let origin = request.headers["Origin"] else { return false }
        let place = origin.split(separator: "/", omittingEmptySubsequences: false).last.map(String.init) ?? ""
        return place.lowercased() != request.headers["Host"]?.lowercased()
    }
}
