internal import CPostgres

/// Reads the address of a database: a URI (`postgres://…`) or libpq's keyword text (`host=… dbname=…`).
///
/// libpq does the reading. Its error texts quote what they could not read, and that may be a part of a password; a raw @ or /
/// in a password even moves a part of it into the host or the database's name, which every later error quotes. So what libpq
/// would refuse or misread is found here first, and named without a word of what may be secret.
enum DatabaseAddress {
    /// The address by libpq's keywords.
    /// - Throws: `PostgresError.badAddress` with a sentence that names the part to mend, and never a value of it.
    static func parse(_ text: String) throws -> [String: String] {
        let bytes = Array(text.utf8)
        let fault = isURI(text) ? URIAddress(bytes).fault : KeywordAddress(bytes).fault
        if let fault { throw PostgresError.badAddress(fault) }
        guard let options = PQconninfoParse(text, nil) else {
            throw PostgresError.badAddress(
                "it is neither like postgres://user@host/name nor like host=… dbname=…")
        }
        defer { PQconninfoFree(options) }
        var given: [String: String] = [:]
        for option in all(options) {
            if let value = option.val { given[String(cString: option.keyword)] = String(cString: value) }
        }
        return given
    }

    /// The parameters that libpq knows.
    static let keywords: Set<String> = {
        guard let options = PQconndefaults() else { return [] }
        defer { PQconninfoFree(options) }
        return Set(all(options).map { String(cString: $0.keyword) })
    }()

    private static func isURI(_ text: String) -> Bool {
        text.hasPrefix("postgres://") || text.hasPrefix("postgresql://")
    }

    private static func all(_ options: UnsafeMutablePointer<PQconninfoOption>) -> [PQconninfoOption] {
        var found: [PQconninfoOption] = []
        var option = options
        while option.pointee.keyword != nil {
            found.append(option.pointee)
            option += 1
        }
        return found
    }
}

/// The parts of a URI as libpq cuts it (libpq docs, 34.1.1.2), and what is wrong with them.
private struct URIAddress {
    typealias Bytes = ArraySlice<UInt8>

    /// Before the first @, where libpq looks for it: in front of the first /.
    private let account: Bytes?
    private let hosts: Bytes
    private let path: Bytes
    private let query: Bytes?

    init(_ bytes: [UInt8]) {
        let start = bytes.firstIndex(of: UInt8(ascii: "/")).map { $0 + 2 } ?? bytes.endIndex
        let rest = bytes[min(start, bytes.endIndex)...]
        let head = rest.prefix { $0 != UInt8(ascii: "/") }
        let at = head.firstIndex(of: UInt8(ascii: "@"))
        account = at.map { rest[..<$0] }
        let place = at.map { rest[($0 + 1)...] } ?? rest
        hosts = place.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        let behind = place[hosts.endIndex...]
        path = behind.prefix { $0 != UInt8(ascii: "?") }
        query = path.endIndex < bytes.endIndex ? bytes[(path.endIndex + 1)...] : nil
    }

    /// A sentence, or `nil` when libpq will read it as it is meant.
    var fault: String? { misplaced ?? badEscape ?? badHost ?? badParameter }

    /// A character of the account's that ends a part too early.
    private var misplaced: String? {
        let at = UInt8(ascii: "@")
        if hosts.contains(at) {
            return "there is more than one @: in a user's name or a password, @ must be written %40"
        }
        // Without digits behind the colon it is no port, but a password that a / or ? has cut.
        let isCut = account == nil && !hosts.isEmpty && !arePorts
        if path.contains(at) || (query?.contains(at) == true && isCut) {
            return "an @ stands behind a / or ?: in a user's name or a password, / must be written %2F, "
                + "? must be written %3F and @ must be written %40"
        }
        return nil
    }

    // MARK: Escapes

    private var badEscape: String? {
        let parts = account?.split(
            separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        let named: [(String, Bytes?)] = [
            ("the user's name", parts?.first), ("the password", parts?.dropFirst().first),
            ("the host", hosts),
            ("the database's name", path), ("the parameters", query),
        ]
        for (name, part) in named {
            guard let part, let fault = URIAddress.escapeFault(in: part) else { continue }
            return "in \(name), \(fault)"
        }
        return nil
    }

    private static func escapeFault(in part: Bytes) -> String? {
        var index = part.startIndex
        while let percent = part[index...].firstIndex(of: UInt8(ascii: "%")) {
            let digits = part[(percent + 1)...].prefix(2)
            guard digits.count == 2, digits.allSatisfy(isHexDigit) else {
                return "a % does not begin an escape like %40: % itself must be written %25"
            }
            if digits.allSatisfy({ $0 == UInt8(ascii: "0") }) { return "%00 stands for no character" }
            index = percent + 3
        }
        return nil
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }

    // MARK: Hosts and ports

    private var badHost: String? {
        for place in places {
            if place.first == UInt8(ascii: "["), !place.contains(UInt8(ascii: "]")) {
                return "the host begins with [ and lacks the ] behind it"
            }
        }
        // What stands there may be a piece of a password, so it is not repeated.
        guard arePorts else {
            return "what stands behind the colon of the host is no port from 1 to 65535; "
                + "a password stands before an @, and an IPv6 address in [ ]"
        }
        return nil
    }

    private var places: [Bytes] {
        hosts.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    }

    private var arePorts: Bool {
        places.allSatisfy { place in
            let isBracketed = place.first == UInt8(ascii: "[")
            let name = place.prefix { $0 != UInt8(ascii: isBracketed ? "]" : ":") }
            let behind = place[name.endIndex...].drop { $0 == UInt8(ascii: "]") }
            guard behind.first == UInt8(ascii: ":") else { return behind.isEmpty }
            let digits = behind.dropFirst()
            return digits.isEmpty
                || Int(String(decoding: digits, as: UTF8.self)).map { (1...65535).contains($0) } == true
        }
    }

    // MARK: Parameters

    private var badParameter: String? {
        guard let query, !query.isEmpty else { return nil }
        for part in query.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false) {
            let halves = part.split(separator: UInt8(ascii: "="), omittingEmptySubsequences: false)
            let name = name(halves[0])
            guard halves.count > 1 else {
                return
                    "behind the ? stands a part without =: parameters are like sslmode=require&connect_timeout=5"
            }
            guard let name else { return "it has a parameter that PostgreSQL's library does not know" }
            let isTLS = name == "ssl" && Array(halves[1]) == Array("true".utf8)
            guard DatabaseAddress.keywords.contains(name) || isTLS else {
                return "the parameter “\(name)” is not known to PostgreSQL's library: leave it out"
            }
            guard halves.count == 2 else {
                return "the value of the parameter “\(name)” holds an =, which must be written %3D"
            }
        }
        return nil
    }

    /// The name as it may be shown, or nil: behind a raw @, it may be a piece of a password.
    private func name(_ bytes: Bytes) -> String? {
        let name = String(decoding: bytes, as: UTF8.self)
        return query?.contains(UInt8(ascii: "@")) == true && !DatabaseAddress.keywords.contains(name)
            ? nil : KeywordAddress.shown(bytes)
    }
}

/// Keyword text as libpq reads it (`conninfo_parse`), and what is wrong with it.
private struct KeywordAddress {
    private let bytes: [UInt8]

    private static let secrets: Set<String> = ["password", "sslpassword"]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// A sentence, or `nil` when libpq can read it.
    var fault: String? {
        var rest = bytes[...].drop(while: KeywordAddress.isSpace)
        var isSecretBefore = false
        while !rest.isEmpty {
            let word = rest.prefix { $0 != UInt8(ascii: "=") && !KeywordAddress.isSpace($0) }
            rest = rest[word.endIndex...].drop(while: KeywordAddress.isSpace)
            let name = KeywordAddress.shown(word)
            let isKnown = name.map(DatabaseAddress.keywords.contains) ?? false
            guard rest.first == UInt8(ascii: "="), isKnown else {
                return isSecretBefore ? Self.brokenSecret : Self.broken(rest.first, name)
            }
            rest = rest.dropFirst().drop(while: KeywordAddress.isSpace)
            guard let end = KeywordAddress.valueEnd(rest) else {
                return "the value of “\(name ?? "")” begins with a single quote and lacks the one behind it"
            }
            rest = rest[end...].drop(while: KeywordAddress.isSpace)
            isSecretBefore = name.map(KeywordAddress.secrets.contains) ?? false
        }
        return nil
    }

    private static let brokenSecret =
        "what stands behind the password is no parameter: a password with spaces or quotes stands in single quotes, "
        + "with a backslash before each ' and \\ in it"

    private static func broken(_ next: UInt8?, _ name: String?) -> String {
        guard let name else { return "it is neither like postgres://user@host/name nor like host=… dbname=…" }
        return next == UInt8(ascii: "=")
            ? "the parameter “\(name)” is not known to PostgreSQL's library: leave it out"
            : "behind “\(name)” an = is missing: it is neither like postgres://user@host/name nor like host=… dbname=…"
    }

    /// Behind the value that begins here; nil when its quote is not closed.
    private static func valueEnd(_ rest: ArraySlice<UInt8>) -> Int? {
        let isQuoted = rest.first == UInt8(ascii: "'")
        var index = isQuoted ? rest.startIndex + 1 : rest.startIndex
        while index < rest.endIndex {
            if rest[index] == UInt8(ascii: "\\") {
                index += 2
                continue
            }
            if isQuoted, rest[index] == UInt8(ascii: "'") { return index + 1 }
            if !isQuoted, isSpace(rest[index]) { return index }
            index += 1
        }
        return isQuoted ? nil : min(index, rest.endIndex)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

    /// A parameter's name, if it looks like one.
    static func shown(_ bytes: ArraySlice<UInt8>) -> String? {
        let isName =
            (1...40).contains(bytes.count)
            && bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."),
                    UInt8(ascii: "-"):
                    true
                default: false
                }
            }
        return isName ? String(decoding: bytes, as: UTF8.self) : nil
    }
}
