/// Something wrong with what was written in a configuration, told so that it can be mended.
package struct Fault: Hashable, Sendable, Error, CustomStringConvertible {
    package let file: String
    /// Counted from 1; 0 when it is about the file as a whole.
    package let line: Int
    package let message: String

    package init(file: String, line: Int = 0, message: String) {
        self.file = file
        self.line = line
        self.message = message
    }

    package var description: String { line > 0 ? "\(file):\(line): \(message)" : "\(file): \(message)" }
}

/// Reads the text of a `jobs/<kind>.conf`: lines of `setting = value`, `#` begins a comment.
package struct DefinitionFile: Sendable {
    package private(set) var definition: Definition
    /// Every fault of the file, not only the first.
    package private(set) var faults: [Fault] = []
    private let file: String
    private var seen: [String: Int] = [:]

    /// - Parameters:
    ///   - kind: the kind's name, which is the file's name without `.conf`.
    ///   - file: how faults name the file.
    package init(kind: String, file: String, text: String) {
        definition = Definition(kind: kind)
        self.file = file
        // By property, because CR LF is one character, and not the character LF.
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() {
            read(line: line, number: index + 1)
        }
        if definition.patience.backoffFirst > definition.patience.backoffMax {
            faults.append(Fault(file: file, message: "backoff: the first pause is longer than the longest"))
        }
        checkMoney()
    }

    /// What money asks for is seen by money alone, and who may not see a job does not ask for it.
    private mutating func checkMoney() {
        let line = seen["seen_by"] ?? 0
        if definition.askedBy == .money, seen["seen_by"] != nil, definition.seenBy != .money {
            faults.append(
                Fault(
                    file: file, line: line,
                    message: "seen_by: a kind with asked_by = money is seen by money alone"))
        }
        if definition.seenBy == .money, ![.money, .nobody].contains(definition.askedBy) {
            faults.append(
                Fault(
                    file: file, line: line,
                    message: "seen_by = money expects asked_by = money or nobody, found \(definition.askedBy)"
                ))
        }
    }

    private mutating func read(line: Substring, number: Int) {
        let content = line.prefix { $0 != "#" }.trimmed
        guard !content.isEmpty else { return }
        guard let equals = content.firstIndex(of: "=") else {
            faults.append(
                Fault(file: file, line: number, message: "expected setting = value, found “\(content)”"))
            return
        }
        let name = content[..<equals].trimmed
        let value = content[content.index(after: equals)...].trimmed
        if name != "host", let earlier = seen.updateValue(number, forKey: name) {
            faults.append(
                Fault(file: file, line: number, message: "\(name) is already set in line \(earlier)"))
            return
        }
        guard let setting = DefinitionFile.settings[name] else {
            let known = DefinitionFile.settings.keys.sorted().joined(separator: ", ")
            faults.append(
                Fault(file: file, line: number, message: "unknown setting “\(name)”; known are \(known)"))
            return
        }
        if !setting.read(value, &definition) {
            let message = "\(name): expected \(setting.expected), found “\(value)”"
            faults.append(Fault(file: file, line: number, message: message))
        }
    }

    /// One setting of the dialect: what it expects, and how it is read into a definition.
    struct Setting: Sendable {
        let expected: String
        let read: @Sendable (_ value: String, _ definition: inout Definition) -> Bool
    }

    /// Every setting there is; the documentation and the error texts are made from it.
    static let settings: [String: Setting] = [
        "queue": Setting(expected: "a name of a-z, 0-9, _ and -, at most \(Bounds.nameBytesMax) bytes") {
            value, it in
            guard Definition.isName(value) else { return false }
            it.queue = value
            return true
        },
        "lanes": whole(1...1024) { $1.lanes = $0 },
        "attempts": whole(1...1000) { $1.patience.attemptsMax = $0 },
        "budget": time(positive: true) { $1.patience.budget = $0 },
        "time_limit": time(positive: true) { $1.timeLimit = $0 },
        "backoff": Setting(expected: "two times like 1s to 5m") { value, it in
            let words = value.split(separator: " ").map(String.init)
            guard words.count == 3, words[1] == "to", let first = Duration(text: words[0]),
                let max = Duration(text: words[2])
            else { return false }
            it.patience.backoffFirst = first
            it.patience.backoffMax = max
            return true
        },
        "jitter": Setting(expected: "a percentage from 0% to 100%") { value, it in
            guard value.hasSuffix("%"), let percent = Double(value.dropLast()), (0...100).contains(percent)
            else {
                return false
            }
            it.patience.jitter = percent / 100
            return true
        },
        "priority": Setting(expected: "urgent, high, normal or low") { value, it in
            guard let priority = Priority(text: value) else { return false }
            it.priority = priority
            return true
        },
        "limit": whole(1...100_000) { $1.limit = $0 },
        "limit_per_key": whole(1...100_000) { $1.limitPerKey = $0 },
        "rate": rate { $1.rate = $0 },
        "rate_per_key": rate { $1.ratePerKey = $0 },
        "unique": Setting(expected: "join, again or refuse") { value, it in
            guard let policy = UniquePolicy(rawValue: value) else { return false }
            it.unique = policy
            return true
        },
        "cooldown": time(positive: false) { $1.cooldown = $0 },
        "cooldown_after_failure": time(positive: false) { $1.cooldownAfterFailure = $0 },
        "asked_by": word(AskedBy.self) { $1.askedBy = $0 },
        "callers_choose": Setting(expected: "some of \(words(CallerChoice.self)), or none") { value, it in
            let words = value.split(separator: " ").map(String.init)
            if words == ["none"] { return true }
            let choices = words.compactMap(CallerChoice.init(rawValue:))
            guard !words.isEmpty, choices.count == words.count, Set(choices).count == words.count else {
                return false
            }
            it.callersChoose = Set(choices)
            return true
        },
        "seen_by": word(SeenBy.self) { $1.seenBy = $0 },
        "history": Setting(expected: "keep or none") { value, it in
            guard value == "keep" || value == "none" else { return false }
            it.keepsHistory = value == "keep"
            return true
        },
        "host": Setting(expected: "a host name and a rate, like api.example.org 5/s") { value, it in
            let parts = value.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, let rate = Rate(text: String(parts[1])), parts[0].utf8.count <= 253 else {
                return false
            }
            return it.hosts.updateValue(rate, forKey: String(parts[0])) == nil
        },
    ]

    private static func whole(
        _ range: ClosedRange<Int>, _ set: @escaping @Sendable (Int, inout Definition) -> Void
    ) -> Setting {
        Setting(expected: "a whole number from \(range.lowerBound) to \(range.upperBound)") { value, it in
            guard let number = Int(value), range.contains(number) else { return false }
            set(number, &it)
            return true
        }
    }

    private static func words<Word: RawRepresentable<String> & CaseIterable>(_: Word.Type) -> String {
        Word.allCases.map(\.rawValue).joined(separator: ", ")
    }

    private static func word<Word: RawRepresentable<String> & CaseIterable & Sendable>(
        _: Word.Type, _ set: @escaping @Sendable (Word, inout Definition) -> Void
    ) -> Setting {
        Setting(expected: "one of \(words(Word.self))") { value, it in
            guard let word = Word(rawValue: value) else { return false }
            set(word, &it)
            return true
        }
    }

    private static func time(
        positive: Bool, _ set: @escaping @Sendable (Duration, inout Definition) -> Void
    ) -> Setting {
        Setting(expected: "a time like 250ms, 30s, 5m, 3h or 1h30m" + (positive ? ", above zero" : "")) {
            value, it in
            guard let time = Duration(text: value), !positive || time > .zero else { return false }
            set(time, &it)
            return true
        }
    }

    private static func rate(_ set: @escaping @Sendable (Rate, inout Definition) -> Void) -> Setting {
        Setting(expected: "a rate like 5/s, 100/5m or 10/s burst 20") { value, it in
            guard let rate = Rate(text: value) else { return false }
            set(rate, &it)
            return true
        }
    }
}

extension Definition {
    /// Whether `text` may name a kind or a queue.
    package static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= Bounds.nameBytesMax
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "_")
                    || $0 == UInt8(ascii: "-")
            }
    }
}

extension StringProtocol {
    /// Without white space at both ends.
    var trimmed: String {
        var rest = Substring(self)
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return String(rest)
    }
}
