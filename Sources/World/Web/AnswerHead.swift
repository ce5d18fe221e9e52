internal import CCurl

/// The head of an answer, as it comes in line by line.
struct AnswerHead {
    private(set) var status = 0
    private(set) var fields: [(name: String, value: String)] = []
    /// The empty line behind a final status has come.
    private(set) var isWhole = false
    private var bytes = 0

    /// - Returns: false when there is more than `max`, interim heads included.
    mutating func take(_ line: UnsafeRawBufferPointer, max: Int) -> Bool {
        bytes += line.count
        guard bytes <= max else { return false }
        let text = String(decoding: line.prefix { $0 != 0x0d && $0 != 0x0a }, as: UTF8.self)
        if text.isEmpty {
            // 100 and its kin announce that the answer is still to come.
            isWhole = status >= 200
        } else if text.hasPrefix("HTTP/"), text.split(separator: " ").count > 1 {
            status = Int(text.split(separator: " ")[1]) ?? 0
            fields = []
        } else if let colon = text.firstIndex(of: ":") {
            let value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            fields.append((String(text[..<colon]), value.trimmingEnd))
        }
        return true
    }

    mutating func takesTrailer(_ count: Int, max: Int) -> Bool {
        bytes += count
        return bytes <= max
    }

    var isRedirect: Bool {
        [301, 302, 303, 307, 308].contains(status) && fields.first(named: "location") != nil
    }

    /// What may stand in `If-Range`: a strong tag, else a date so old that the file can't have changed within its second.
    var validator: String? {
        if let tag = fields.first(named: "etag") { return tag.hasPrefix("\"") ? tag : nil }
        guard let modified = fields.first(named: "last-modified"), let date = fields.first(named: "date")
        else {
            return nil
        }
        let (changed, now) = (curl_getdate(modified, nil), curl_getdate(date, nil))
        return changed > 0 && now - changed >= 60 ? modified : nil
    }

    /// `Content-Range: bytes first-last/total`.
    var contentRange: (first: Int64, last: Int64, total: Int64?)? {
        guard let text = fields.first(named: "content-range"), text.lowercased().hasPrefix("bytes ") else {
            return nil
        }
        let parts = text.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Int64(ends[0]), let last = Int64(ends[1]), first >= 0,
            // The byte behind the last one has a number, too.
            first <= last, last < .max
        else { return nil }
        let total = Int64(parts[1])
        guard parts[1] == "*" || total.map({ $0 == last + 1 }) ?? false else { return nil }
        return (first, last, total)
    }

    /// `Content-Range: bytes */total`, how a host says that it has nothing there.
    var unsatisfiedTotal: Int64? {
        guard let text = fields.first(named: "content-range"), text.lowercased().hasPrefix("bytes */") else {
            return nil
        }
        return Int64(text.dropFirst(8))
    }
}

extension Substring {
    fileprivate var trimmingEnd: String {
        var rest = self
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return String(rest)
    }
}
