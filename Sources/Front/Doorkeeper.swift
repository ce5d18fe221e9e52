internal import HTTPServer
internal import Jobs
internal import Platform

/// Decides who calls, and how much more he may ask.
struct Doorkeeper: Sendable {
    let settings: FrontSettings
    let session: (@Sendable (Request, String) async throws -> Caller?)?
    /// Hears of each refused token that was charged: the caller's address, and where it was tried.
    let onWrongToken: @Sendable (_ address: String, _ place: String) async -> Void
    private let limiter = Limiter()

    init(
        _ settings: FrontSettings, session: (@Sendable (Request, String) async throws -> Caller?)?,
        onWrongToken: @escaping @Sendable (_ address: String, _ place: String) async -> Void = { _, _ in }
    ) {
        self.settings = settings
        self.session = session
        self.onWrongToken = onWrongToken
    }

    /// Reads the caller's token or session.
    ///
    /// A right token always passes; a wrong one is charged to its address, but for a route that anyone may use: what a client
    /// sends along there, perhaps for another program, is ignored. A session opens the operators' pages alone.
    /// - Throws: `Problem` 401 for a token that is not configured, 429 for too many of those; what the session's look-up
    ///   throws.
    func caller(of request: Request, for route: Route) async throws -> Caller {
        let address = address(of: request)
        if let token = bearer(of: request).flatMap({ settings.tokens.token(for: $0) }) {
            return Caller(
                name: token.name, role: token.role, means: .token, address: address, kinds: token.kinds)
        }
        guard route.role != .anyone else { return stranger(request) }
        if request.headers["Authorization"] != nil {
            try await chargeWrongToken(from: address, at: .bearer)
            throw Problem(
                401, "unknown_token", "expected Authorization: Bearer with a token that is configured here"
            )
            .with(header: "WWW-Authenticate", "Bearer error=\"invalid_token\"")
        }
        guard route.opensToSessions, let session else { return stranger(request) }
        return try await session(request, address) ?? stranger(request)
    }

    private func bearer(of request: Request) -> String? {
        let words = (request.headers["Authorization"] ?? "").split(
            separator: " ", omittingEmptySubsequences: true)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
        return String(words[1])
    }

    /// Where a token was tried. Each place has guesses of its own, so that programs can't lock operators out.
    enum TokenPlace: String {
        case bearer
        case dashboard
    }

    /// Takes one wrong token from the guesses of its address, and notes it.
    /// - Throws: `Problem` 429 when there are none left.
    func chargeWrongToken(from address: String, at place: TokenPlace) async throws(Problem) {
        try limit("\(place.rawValue) guess \(network(address))", settings.logIns)
        // The ledger takes a few a minute from all together: many addresses must not fill it.
        guard limiter.take("noted guesses", at: settings.notedLogIns) == nil else { return }
        await onWrongToken(address, place.rawValue)
    }

    /// The caller without a look at what the request brings.
    func stranger(_ request: Request) -> Caller {
        let role = isLocal(request) ? settings.localRole : settings.anonymousRole
        return Caller(name: Caller.anonymousName, role: role, means: .nothing, address: address(of: request))
    }

    /// - Throws: `Problem` 401 or 403.
    func admit(_ caller: Caller, to route: Route, _ request: Request) throws(Problem) {
        guard route.admits(caller.role) else {
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
        guard caller.kinds == nil || !route.opensToSessions || route.role == .anyone else {
            throw Problem(
                403, "forbidden",
                "the token \(caller.name) is for jobs of some kinds alone; the operators' pages show all")
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
        let name = share(of: caller)
        switch limit {
        case .free: return
        case .read: try self.limit("read \(name)", isToken ? settings.tokenReads : settings.anonymousReads)
        case .write:
            try self.limit("write \(name)", isToken ? settings.tokenWrites : settings.anonymousWrites)
        // Only wrong tokens are charged, and only after they were looked at.
        case .logIn: return
        }
    }

    /// What a caller's shares are counted by: the token, or without one the address.
    func share(of caller: Caller) -> String {
        caller.means != .nothing ? "token \(caller.name)" : "address \(network(caller.address))"
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
        if text == Doorkeeper.unixPeer { return settings.trustsUnixProxy }
        guard !settings.trustedProxies.isEmpty, let address = IPAddress(text) else { return false }
        return settings.trustedProxies.contains { $0.contains(address) }
    }

    private func network(_ address: String) -> String {
        IPAddress(address).map { $0.network.map(String.init).joined(separator: ".") } ?? address
    }

    /// Whether a program of a known user of this machine asks us, with no proxy between.
    ///
    /// Over a unix socket the kernel names the user. An address proves nothing: a proxy with `proxy_pass` alone makes
    /// strangers look local, so TCP counts only where the settings say so, and then only by a name of this machine: another
    /// site's name that resolves to us is not enough.
    private func isLocal(_ request: Request) -> Bool {
        guard ["X-Forwarded-For", "Forwarded", "Via"].allSatisfy({ request.headers[$0] == nil }) else {
            return false
        }
        if request.peer == Doorkeeper.unixPeer {
            return request.peerUser.map(settings.localUsers.contains) ?? false
        }
        guard settings.trustsLoopback, IPAddress(request.peer)?.isLoopback == true else { return false }
        return request.headers["Host"].map(Doorkeeper.isLoopbackName) ?? true
    }

    /// How the server names the other end of a unix socket.
    private static let unixPeer = "unix"

    /// Whether a Host field names this machine: `localhost` or a loopback address, perhaps with a port, and nothing else.
    static func isLoopbackName(_ host: String) -> Bool {
        var name = Substring(host)
        if name.hasPrefix("[") {
            guard let end = name.firstIndex(of: "]") else { return false }
            let port = name[name.index(after: end)...]
            guard port.isEmpty || isPort(port) else { return false }
            name = name[name.index(after: name.startIndex)..<end]
            guard name.contains(":") else { return false }
        } else if let colon = name.firstIndex(of: ":") {
            guard isPort(name[colon...]) else { return false }
            name = name[..<colon]
        }
        guard !name.contains("%") else { return false }
        return name.lowercased() == "localhost" || IPAddress(name)?.isLoopback == true
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.first == ":" && UInt16(text.dropFirst()) != nil
            && text.dropFirst().utf8.allSatisfy { 48...57 ~= $0 }
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
