internal import Crypto
package import HTTPServer
internal import Platform
package import Store

/// The operators' desk: who may sit at it, and by what their writes are known to be theirs.
///
/// A session is a signed cookie, nothing is kept: number of seconds until which it holds, a random part, a signature, and
/// the token's name. The signature covers the digest of the token as it is configured now, so that a token which is
/// removed or changed ends its sessions. Every form carries a proof made from the session, which no other site can know.
package final class Desk: Sendable {
    package static let cookieName = "motorpool_desk"
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
    package var isOpen: Bool { tokens.tokens.contains { $0.role == .operator } }

    // MARK: Sessions

    /// Whose session a request carries. `nil`: none, or one that is forged, over, or of a token that is gone; or the key
    /// was not loaded yet, which the page to log in makes up for.
    package func caller(of request: Request, address: String) -> Caller? {
        guard let key = key.withLock({ $0 }), let cookie = Desk.cookie(in: request) else { return nil }
        let parts = cookie.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false).map(
            String.init)
        guard parts.count == 4, let expiry = Int64(parts[0]), expiry > now(),
            expiry <= now() + Desk.sessionSeconds
        else { return nil }
        let signature = Array(parts[2].utf8)
        for token in tokens.tokens where token.role == .operator && token.name == parts[3] {
            let right = Desk.sign(["session", parts[0], parts[1], parts[3], Hex.text(token.digest)], key)
            if Secret.same(Array(right.utf8), signature) {
                return Caller(name: token.name, role: token.role, means: .session, address: address)
            }
        }
        return nil
    }

    /// A new session's `Set-Cookie`.
    /// - Parameter isSecure: the browser may send it over TLS only.
    func open(for token: Token, isSecure: Bool) async throws -> String {
        let expiry = String(now() + Desk.sessionSeconds)
        let nonce = Hex.text(Secret.random(16))
        let signature = try await sign("session", expiry, nonce, token.name, Hex.text(token.digest))
        return Desk.field(
            "\(expiry).\(nonce).\(signature).\(token.name)", seconds: Desk.sessionSeconds, isSecure: isSecure)
    }

    /// The `Set-Cookie` that ends a session in its browser.
    static func closing(isSecure: Bool) -> String { field("", seconds: 0, isSecure: isSecure) }

    private static func field(_ value: String, seconds: Int64, isSecure: Bool) -> String {
        "\(cookieName)=\(value); Path=/admin; Max-Age=\(seconds); HttpOnly; SameSite=Strict\(isSecure ? "; Secure" : "")"
    }

    /// The session's text. `nil`: there is none, or more than one, of which somebody else may have set one.
    static func cookie(in request: Request) -> String? {
        let values = request.headers.all("Cookie").flatMap { $0.split(separator: ";") }.compactMap {
            part -> Substring? in
            let part = part.drop { $0 == " " }
            guard part.hasPrefix("\(cookieName)=") else { return nil }
            return part.dropFirst(cookieName.count + 1)
        }
        guard values.count == 1, !values[0].isEmpty, values[0].utf8.count <= 300 else { return nil }
        return String(values[0])
    }

    // MARK: Proofs

    /// What every form of a session carries.
    func proof(for request: Request) async throws -> String {
        guard let cookie = Desk.cookie(in: request) else { return "" }
        return try await sign("proof", cookie)
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
        ["confirm", exchange.caller.name, Desk.cookie(in: exchange.request) ?? "token", expiry] + terms
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
