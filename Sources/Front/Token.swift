internal import Crypto
internal import Jobs
internal import Platform

/// Somebody who may ask, and what for. The token itself is known to its holder only.
package struct Token: Hashable, Sendable {
    package let name: String
    package let role: Role
    /// SHA-256 of the whole token.
    package let digest: [UInt8]
    /// The kinds that it may ask for and see. `nil`: all that its role may.
    package let kinds: Set<String>?

    package init(name: String, role: Role, digest: [UInt8], kinds: Set<String>? = nil) {
        self.kinds = kinds
        self.name = name
        self.role = role
        self.digest = digest
    }

    /// The token whose holder keeps `secret`.
    package init(name: String, role: Role, secret: String, kinds: Set<String>? = nil) {
        self.init(name: name, role: role, digest: SHA256.digest(secret), kinds: kinds)
    }

    /// Reads `name:role:digest` or `name:role:digest:kind+kind`, the digest in 64 hexadecimal digits. `nil` for anything
    /// else.
    package init?(text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (3...4).contains(parts.count), Token.isName(parts[0]),
            let role = Role(rawValue: String(parts[1])),
            role != .anyone,
            let digest = Hex.bytes(parts[2]), digest.count == SHA256.bytesCount
        else { return nil }
        var kinds: Set<String>?
        if parts.count == 4 {
            guard let read = Token.kinds(parts[3], separator: "+") else { return nil }
            kinds = read
        }
        self.init(name: String(parts[0]), role: role, digest: digest, kinds: kinds)
    }

    /// How many kinds one token may name.
    package static let kindsMax = 100

    /// Reads names of kinds: 1 to `kindsMax`, each once. `nil` for anything else.
    package static func kinds(_ text: some StringProtocol, separator: Character) -> Set<String>? {
        let names = text.split(omittingEmptySubsequences: false) { $0 == separator }.map { String($0) }
        guard names.count <= kindsMax, names.allSatisfy(Definition.isName), Set(names).count == names.count
        else {
            return nil
        }
        return Set(names)
    }

    /// Letters, digits, `.`, `_` and `-`, at most 64, and not the name of callers without a token.
    package static func isName(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.count <= 64 && text != Caller.anonymousName
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || "._-".utf8.contains($0)
            }
    }

    /// As it is configured.
    package var line: String {
        "\(name):\(role.rawValue):\(Hex.text(digest))"
            + (kinds.map { ":" + $0.sorted().joined(separator: "+") } ?? "")
    }

    /// A new one that nobody can guess.
    /// - Returns: what its holder keeps, and what is configured.
    package static func new(name: String, role: Role, kinds: Set<String>? = nil) -> (
        secret: String, token: Token
    ) {
        let secret = "mp_" + Hex.text(Secret.random(32))
        return (secret, Token(name: name, role: role, secret: secret, kinds: kinds))
    }
}

/// All tokens that are accepted: one book for everybody who looks into it, so that a reload reaches all of them.
package final class TokenBook: Sendable {
    private let accepted: Lock<[Token]>

    package init(_ tokens: [Token]) { accepted = Lock(tokens) }

    package var tokens: [Token] { accepted.withLock { $0 } }

    /// From now on these are accepted and no others; sessions of tokens that are gone end.
    package func replace(with tokens: [Token]) { accepted.withLock { $0 = tokens } }

    package var isEmpty: Bool { tokens.isEmpty }

    package func has(_ role: Role) -> Bool { tokens.contains { $0.role.suffices(for: role) } }

    /// Whose `secret` this is. Takes the same time for every secret of one length: all tokens are looked at, whichever
    /// matches, and digests are compared to their end.
    package func token(for secret: String) -> Token? {
        let digest = SHA256.digest(secret)
        var found: Token?
        for token in tokens where Secret.same(token.digest, digest) { found = token }
        return found
    }
}
