internal import Crypto
package import HTTPServer
internal import Platform
package import Store

/// The operators' desk: who may sit at it, and by what their writes are known to be theirs.
///
/// A session is a signed cookie and a row. The cookie has the second until which it holds, a random part, a signature, and
/// the token's name; the signature covers the digest of the token as it is configured now, so that a token which is
/// removed or changed ends its sessions, and a forged cookie is refused without a look into the database. The row ends a
/// session at once and everywhere: at log-out, by an operator, or when it was not used for an hour.
/// Every form carries a proof made from the session, which no other site can know.
package final class Desk: Sendable {
    package static let cookieName = "motorpool_desk"
    /// Over TLS: browsers take a cookie of this name from a secure page alone (RFC 6265bis, 4.1.3.1).
    static let secureCookieName = "__Secure-motorpool_desk"
    /// Cookies of one name that are looked at: another program of the site may have set one as well.
    static let cookiesMax = 4
    /// How long a log-in holds.
    package static let sessionSeconds: Int64 = 12 * 3600
    /// How long a dry run may be looked at before it is confirmed.
    static let confirmSeconds: Int64 = 600

    private let store: Store
    package let tokens: TokenBook
    private let key = Lock<[UInt8]?>(nil)
    private let now: @Sendable () -> Int64

    /// - Parameter now: seconds since 1970.
    package init(
        store: Store, tokens: TokenBook,
        now: @escaping @Sendable () -> Int64 = { WallClock.microseconds / 1_000_000 }
    ) {
        self.store = store
        self.tokens = tokens
        self.now = now
    }

    /// Without an operator's token there is no desk.
    package var isOpen: Bool { tokens.tokens.contains(where: Desk.opens) }

    /// Whether a token opens the desk: an operator's that is for every kind.
    static func opens(_ token: Token) -> Bool { token.role == .operator && token.kinds == nil }

    // MARK: Sessions

    /// The operator whose session a request carries. `nil`: none, or one that is forged, over, ended, or of a token that is
    /// gone; or the key was not loaded yet, which the page to log in makes up for.
    /// - Throws: when the database can't tell whether the session lives.
    package func caller(of request: Request, address: String) async throws -> Caller? {
        for cookie in Desk.cookies(in: request) {
            guard let token = token(signing: cookie) else { continue }
            guard try await store.isSessionOpen(Desk.digest(of: cookie)) else { continue }
            return Caller(name: token.name, role: token.role, means: .session, address: address)
        }
        return nil
    }

    /// The token that opened a session whose cookie is rightly signed and not over.
    private func token(signing cookie: String) -> Token? {
        guard let key = key.withLock({ $0 }) else { return nil }
        let parts = cookie.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false).map(
            String.init)
        guard parts.count == 4, let expiry = Int64(parts[0]), expiry > now(),
            expiry <= now() + Desk.sessionSeconds
        else { return nil }
        let signature = Array(parts[2].utf8)
        for token in tokens.tokens where Desk.opens(token) && token.name == parts[3] {
            let right = Desk.sign(["session", parts[0], parts[1], parts[3], Hex.text(token.digest)], key)
            if Secret.same(Array(right.utf8), signature) { return token }
        }
        return nil
    }

    /// A new session's `Set-Cookie`.
    /// - Parameter isSecure: the browser may send it over TLS only.
    func open(for token: Token, at address: String, isSecure: Bool) async throws -> String {
        let expiry = String(now() + Desk.sessionSeconds)
        let nonce = Hex.text(Secret.random(16))
        let signature = try await sign("session", expiry, nonce, token.name, Hex.text(token.digest))
        let cookie = "\(expiry).\(nonce).\(signature).\(token.name)"
        try await store.openSession(
            Desk.digest(of: cookie), of: token.name, at: address, for: .seconds(Desk.sessionSeconds),
            by: Operator(name: token.name, address: address))
        return Desk.field(cookie, seconds: Desk.sessionSeconds, isSecure: isSecure)
    }

    /// Ends the session of a request at once, in every process.
    func end(_ request: Request, by actor: Operator) async throws {
        for cookie in Desk.cookies(in: request) where token(signing: cookie) != nil {
            try await store.endSession(Desk.digest(of: cookie), by: actor)
        }
    }

    private static func digest(of cookie: String) -> [UInt8] { SHA256.digest(cookie) }

    /// The `Set-Cookie` that ends a session in its browser.
    static func closing(isSecure: Bool) -> String { field("", seconds: 0, isSecure: isSecure) }

    private static func field(_ value: String, seconds: Int64, isSecure: Bool) -> String {
        "\(isSecure ? secureCookieName : cookieName)=\(value); Path=/admin; Max-Age=\(seconds); HttpOnly; SameSite=Strict\(isSecure ? "; Secure" : "")"
    }

    /// What may be the session's text: those of the secure name first, at most `cookiesMax`.
    private static func cookies(in request: Request) -> [String] {
        let pairs: [Substring] = request.headers.all("Cookie").flatMap { $0.split(separator: ";") }.map {
            (part: Substring) -> Substring in part.drop { $0 == " " }
        }
        let values = [secureCookieName, cookieName].flatMap { name in
            pairs.filter { $0.hasPrefix("\(name)=") }.map { $0.dropFirst(name.count + 1) }
        }
        return values.filter { !$0.isEmpty && $0.utf8.count <= 300 }.prefix(cookiesMax).map(String.init)
    }

    /// The text of the session that a request carries. `nil`: there is none that is rightly signed.
    func cookie(in request: Request) -> String? {
        Desk.cookies(in: request).first { token(signing: $0) != nil }
    }

    // MARK: Proofs

    /// What every form of a session carries.
    func proof(for request: Request) async throws -> String {
        guard let cookie = cookie(in: request) else { return "" }
        return try await sign("proof", cookie)
    }

    /// Signs what the next page is to say was done, so that a link can't make a page tell lies.
    func seal(_ code: String) async throws -> String {
        "\(code).\(try await sign("flash", code).prefix(16))"
    }

    /// The code that was sealed; `nil` for anything else.
    func unseal(_ text: String) async throws -> String? {
        guard let dot = text.lastIndex(of: ".") else { return nil }
        let code = String(text[..<dot])
        let right = try await seal(code)
        return Secret.same(Array(right.utf8), Array(text.utf8)) ? code : nil
    }

    func isProof(_ text: String, for request: Request) async throws -> Bool {
        let right = try await proof(for: request)
        return !right.isEmpty && Secret.same(Array(right.utf8), Array(text.utf8))
    }

    /// Ties a confirmation to who looked at the dry run, to what it was of, and to what it found.
    func confirmation(of terms: [String], by exchange: DeskExchange) async throws -> String {
        let expiry = String(now() + Desk.confirmSeconds)
        return "\(expiry).\(try await sign(confirming(terms, exchange, expiry)))"
    }

    func isConfirmation(_ text: String, of terms: [String], by exchange: DeskExchange) async throws -> Bool {
        let parts = text.split(separator: ".").map(String.init)
        guard parts.count == 2, let expiry = Int64(parts[0]), expiry > now() else { return false }
        let right = try await sign(confirming(terms, exchange, parts[0]))
        return Secret.same(Array(right.utf8), Array(parts[1].utf8))
    }

    private func confirming(_ terms: [String], _ exchange: DeskExchange, _ expiry: String) -> [String] {
        ["confirm", exchange.caller.name, cookie(in: exchange.request) ?? "token", expiry] + terms
    }

    // MARK: Signing

    private func sign(_ parts: String...) async throws -> String { try await sign(parts) }

    private func sign(_ parts: [String]) async throws -> String { Desk.sign(parts, try await loadKey()) }

    /// Each part with its length before it, so that no two lists are signed alike.
    private static func sign(_ parts: [String], _ key: [UInt8]) -> String {
        let text = parts.map { "\($0.utf8.count):\($0)" }.joined()
        return Hex.text(SHA256.hmac(Array(text.utf8), key: key))
    }

    /// Loads what this installation signs with. To be called before sessions are read; twice is once.
    @discardableResult
    package func loadKey() async throws -> [UInt8] {
        if let key = key.withLock({ $0 }) { return key }
        let loaded = try await store.secret(named: "desk", orKeep: Secret.random(32))
        key.withLock { $0 = loaded }
        return loaded
    }
}
