/// What the conditional fields of a request make of an answer (RFC 9110, 13.2.2).
package struct Preconditions {
    package enum Verdict: Equatable {
        case proceed
        /// 304
        case notModified
        /// 412
        case failed
    }

    /// A validator with its quotes. `nil`: there is none.
    package var etag: String?
    /// Seconds since 1970. `nil`: not known.
    package var modified: Int?

    package init(etag: String? = nil, modified: Int? = nil) {
        self.etag = etag
        self.modified = modified
    }

    /// For GET and HEAD.
    package func judge(_ headers: Headers) -> Verdict {
        if let wanted = Self.list("If-Match", headers) {
            guard matches(wanted, isStrong: true) else { return .failed }
        } else if let modified, let date = headers["If-Unmodified-Since"].flatMap(HTTPDate.seconds) {
            guard modified <= date else { return .failed }
        }
        if let known = Self.list("If-None-Match", headers) {
            return matches(known, isStrong: false) ? .notModified : .proceed
        }
        if let modified, let date = headers["If-Modified-Since"].flatMap(HTTPDate.seconds) {
            return modified <= date ? .notModified : .proceed
        }
        return .proceed
    }

    /// Whether a range may be answered: what the client has the rest of is still what it was.
    package func allowsRange(_ headers: Headers) -> Bool {
        guard let condition = headers["If-Range"] else { return true }
        if condition.hasPrefix("\"") || condition.hasPrefix("W/") {
            return etag == condition && !condition.hasPrefix("W/")
        }
        guard let modified, let date = HTTPDate.seconds(condition) else { return false }
        return modified == date
    }

    private func matches(_ tags: [Substring], isStrong: Bool) -> Bool {
        if tags == ["*"] { return true }
        guard let etag else { return false }
        if isStrong { return !etag.hasPrefix("W/") && tags.contains { $0 == etag } }
        return tags.contains { Self.weak($0) == Self.weak(Substring(etag)) }
    }

    private static func weak(_ tag: Substring) -> Substring { tag.hasPrefix("W/") ? tag.dropFirst(2) : tag }

    /// The tags of a field. A comma may stand inside of one.
    private static func list(_ name: String, _ headers: Headers) -> [Substring]? {
        let fields = headers.all(name)
        guard !fields.isEmpty else { return nil }
        var tags: [Substring] = []
        for field in fields {
            var start = field.startIndex
            var isQuoted = false
            for index in field.indices {
                if field[index] == "\"" { isQuoted.toggle() }
                guard field[index] == ",", !isQuoted else { continue }
                tags.append(trimmed(field[start..<index]))
                start = field.index(after: index)
            }
            tags.append(trimmed(field[start...]))
        }
        return tags.filter { !$0.isEmpty }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
