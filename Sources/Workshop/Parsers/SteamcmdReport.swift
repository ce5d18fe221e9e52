/// What steamcmd said in one session, gathered line by line.
///
/// Its exit code tells little, and its lines are often glued to each other or to a library's complaints. So each line is
/// searched for the sentences that mean something, wherever they stand.
package struct SteamcmdReport: Sendable {
    package static let version = "steamcmd 1"

    package struct Download: Hashable, Sendable {
        package let id: Int64
        package let path: String
        package let bytes: Int64
    }

    package private(set) var downloads: [Download] = []
    package private(set) var failures: [(id: Int64, reason: String)] = []
    /// What steamcmd answered to the log-in, when it refused.
    package private(set) var loginFailure: String?
    package private(set) var isLoggedIn = false
    /// Sentences that belong to no item by their own words, in their order.
    package private(set) var complaints: [SteamcmdFailure] = []
    /// Whether steamcmd has begun to fetch an item.
    package private(set) var hasBegun = false

    package init() {}

    private static let entriesMax = 1000

    /// Takes one line, in whatever bytes it came.
    package mutating func read(_ bytes: some Sequence<UInt8>) {
        let line = Self.plain(bytes)
        readResults(line)
        readLogin(line)
        for (words, failure) in Self.sentences
        where line.contains(words) && complaints.count < Self.entriesMax {
            complaints.append(failure)
        }
    }

    /// What became of the item.
    /// - Returns: `nil` when the session did not say.
    package func outcome(of id: Int64) -> Result<Download, SteamcmdFailure>? {
        if let download = downloads.last(where: { $0.id == id }) { return .success(download) }
        if let reason = failures.last(where: { $0.id == id })?.reason {
            let failure = SteamcmdFailure(reason: reason)
            // “Failure” is what is said of everything; a sentence before it may say what it was.
            if failure == .failure, let cause = complaints.last { return .failure(cause) }
            return .failure(failure)
        }
        if let loginFailure { return .failure(SteamcmdFailure(login: loginFailure)) }
        return complaints.last.map { .failure($0) }
    }

    // MARK: Sentences

    private static let sentences: [(String, SteamcmdFailure)] = [
        ("Not logged on", .notLoggedOn),
        ("Staged file validation failed", .stagedFiles),
        ("Failed to write patch state file", .fileLocked),
        ("Disk Write Failure", .disk("Disk Write Failure")),
        ("Not enough disk space", .disk("Not enough disk space")),
        ("No space left on device", .disk("No space left on device")),
        ("Failed to get item info: Access Denied", .notForUs("Access Denied")),
        ("Missing configuration", .notForUs("Missing configuration")),
        ("No subscription", .notForUs("No subscription")),
    ]

    private mutating func readResults(_ line: String) {
        if line.contains("Downloading item ") { hasBegun = true }
        for rest in line.after(all: "Downloaded item ") {
            guard downloads.count < Self.entriesMax, let (id, afterID) = Self.number(rest),
                afterID.hasPrefix(" to \"")
            else { continue }
            let path = afterID.dropFirst(5).prefix { $0 != "\"" }
            let afterPath = afterID.dropFirst(5 + path.count)
            guard afterPath.hasPrefix("\" ("), let (bytes, end) = Self.number(afterPath.dropFirst(3)),
                end.hasPrefix(" bytes")
            else { continue }
            downloads.append(Download(id: id, path: String(path), bytes: bytes))
        }
        for rest in line.after(all: "Download item ") {
            guard let (id, afterID) = Self.number(rest) else { continue }
            if afterID.hasPrefix(" failed (") {
                note(id, afterID.dropFirst(9).prefix { $0 != ")" })
            } else if afterID.hasPrefix(" result : ") {
                let word = afterID.dropFirst(10)
                if !word.hasPrefix("OK") { note(id, word) }
            }
        }
        for rest in line.after(all: "Timeout downloading item ") {
            if let (id, _) = Self.number(rest) { note(id, "Timeout") }
        }
    }

    private mutating func note(_ id: Int64, _ reason: Substring) {
        guard failures.count < Self.entriesMax else { return }
        failures.append((id, String(String(reason.prefix(80)).trimmed)))
    }

    private mutating func readLogin(_ line: String) {
        if line.contains("Logged in OK") { isLoggedIn = true }
        for words in ["FAILED (", "ERROR ("] {
            guard let rest = line.after(words) else { continue }
            loginFailure = String(rest.prefix { $0 != ")" }.prefix(80))
        }
        if let rest = line.after("FAILED login with result code ") {
            loginFailure = String(rest.prefix(80)).trimmed
        }
    }

    private static func number(_ text: Substring) -> (Int64, Substring)? {
        let digits = text.prefix { ("0"..."9").contains($0) }
        return Int64(digits: digits).map { ($0, text.dropFirst(digits.count)) }
    }

    /// Without colours and cursor movements, what is no UTF-8 replaced.
    static func plain(_ bytes: some Sequence<UInt8>) -> String {
        var kept: [UInt8] = []
        var escape = Escape.none
        for byte in bytes {
            switch escape {
            case .none where byte == 0x1b: escape = .begun
            case .none where byte == 0 || byte == 0x0d: break
            case .none: kept.append(byte)
            case .begun: escape = byte == UInt8(ascii: "[") ? .control : .none
            // A control sequence ends with a byte from @ to ~.
            case .control: if (0x40...0x7e).contains(byte) { escape = .none }
            }
        }
        return String(decoding: kept, as: UTF8.self)
    }

    private enum Escape {
        case none
        case begun
        case control
    }
}

extension String {
    /// What stands behind the first `words`.
    fileprivate func after(_ words: String) -> Substring? { self[...].after(words) }

    /// What stands behind each `words`.
    fileprivate func after(all words: String) -> [Substring] {
        var places: [Substring] = []
        var rest = self[...]
        while let next = rest.after(words) {
            places.append(next)
            rest = next
        }
        return places
    }

    fileprivate func contains(_ words: String) -> Bool { after(words) != nil }
}

extension Substring {
    fileprivate func after(_ words: String) -> Substring? {
        // Bytes instead of characters: a glued combining mark must not hide what it is glued to, and it is ten times
        // faster.
        let (text, wanted) = (utf8, words.utf8)
        guard let head = wanted.first else { return nil }
        var start = text.startIndex
        while let found = text[start...].firstIndex(of: head) {
            if text[found...].starts(with: wanted) {
                return Substring(text[text.index(found, offsetBy: wanted.count)...])
            }
            start = text.index(after: found)
        }
        return nil
    }
}
