/// The text of a `scheduler.conf`, read: `[name]` begins a line of the schedule, `setting = value` says what it is.
///
/// `#` begins a comment at the start of a line or behind a space; but a value of `args` is taken whole.
package struct ScheduleFile: Sendable {
    /// In the order of the file; those with faults are missing.
    package private(set) var lines: [ScheduleLine] = []
    /// Every fault of the file, not only the first.
    package private(set) var faults: [Fault] = []
    private var sections: [Section] = []

    /// - Parameters:
    ///   - file: how faults name the file.
    ///   - kinds: those that a line may name.
    ///   - zone: finds the rules of a place; what it throws becomes a fault.
    package init(file: String, text: String, kinds: [String], zone: (String) throws -> TimeZoneRules) {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for (index, line) in lines.enumerated() { read(line.trimmed, file, index + 1) }
        for section in sections { finish(section, file, kinds, zone) }
        if sections.count > ScheduleLine.linesMax {
            let message = "\(sections.count) lines, and at most \(ScheduleLine.linesMax) are taken"
            faults.append(Fault(file: file, message: message))
        }
        faults.sort { $0.line < $1.line }
    }

    private struct Section {
        let name: String
        let number: Int
        var values: [String: (text: String, number: Int)] = [:]
    }

    private static let settings = [
        "when", "zone", "kind", "subject", "args", "overlap", "missed", "jitter",
    ]

    private mutating func read(_ line: String, _ file: String, _ number: Int) {
        func fault(_ message: String) { faults.append(Fault(file: file, line: number, message: message)) }
        let content = line.hasPrefix("args") ? line : ScheduleFile.withoutComment(line)
        guard !content.isEmpty, !content.hasPrefix("#") else { return }
        if content.hasPrefix("[") {
            let name = String(content.dropFirst().dropLast()).trimmed
            guard content.hasSuffix("]"), Definition.isName(name) else {
                return fault(
                    "expected [name], with a name of a-z, 0-9, _ and -, at most \(Bounds.nameBytesMax) bytes; found “\(content)”"
                )
            }
            if let earlier = sections.first(where: { $0.name == name }) {
                fault("\(name) already begins in line \(earlier.number)")
            }
            return sections.append(Section(name: name, number: number))
        }
        guard let equals = content.firstIndex(of: "=") else {
            return fault("expected [name] or setting = value, found “\(content)”")
        }
        let setting = content[..<equals].trimmed
        let value = content[content.index(after: equals)...].trimmed
        guard ScheduleFile.settings.contains(setting) else {
            let known = ScheduleFile.settings.joined(separator: ", ")
            return fault("unknown setting “\(setting)”; known are \(known)")
        }
        guard let last = sections.indices.last else {
            return fault("\(setting) stands before the first [name]")
        }
        if let earlier = sections[last].values.updateValue((value, number), forKey: setting) {
            fault("\(setting) is already set in line \(earlier.number)")
        }
    }

    private static func withoutComment(_ line: String) -> String {
        var previous: Character = " "
        for (index, character) in zip(line.indices, line) {
            if character == "#", previous.isWhitespace { return line[..<index].trimmed }
            previous = character
        }
        return line
    }

    private mutating func finish(
        _ section: Section, _ file: String, _ kinds: [String], _ zone: (String) throws -> TimeZoneRules
    ) {
        let faultsBefore = faults.count
        func fault(_ setting: String, _ message: String) {
            let number = section.values[setting]?.number ?? section.number
            faults.append(Fault(file: file, line: number, message: message))
        }
        /// The value of a setting, read; `nil` when it is not set or wrong, and then the fault is told.
        func value<T>(_ setting: String, expected: String, _ read: (String) -> T?) -> T? {
            guard let text = section.values[setting]?.text else { return nil }
            let value = read(text)
            if value == nil { fault(setting, "\(setting): expected \(expected), found “\(text)”") }
            return value
        }
        var expression: CronExpression?
        if let text = section.values["when"]?.text {
            do { expression = try CronExpression(text) } catch { fault("when", "when: \(error)") }
        } else {
            fault("when", "\(section.name) has no when: expected one, like when = 0 3 * * *")
        }
        let known = kinds.sorted().joined(separator: ", ")
        let kind = value("kind", expected: "a kind, one of \(known)") { kinds.contains($0) ? $0 : nil }
        if section.values["kind"] == nil {
            fault("kind", "\(section.name) has no kind; the kinds are \(known)")
        }
        // Each is read whatever became of the others, so that every fault is told.
        var rules = TimeZoneRules.utc
        if let name = section.values["zone"]?.text {
            do { rules = try zone(name) } catch { fault("zone", "zone: “\(name)” \(error)") }
        }
        let subject = value("subject", expected: "1 to \(Bounds.subjectBytesMax) bytes") { text in
            (1...Bounds.subjectBytesMax).contains(text.utf8.count) && !text.utf8.contains(0) ? text : nil
        }
        let overlap = value("overlap", expected: "skip, queue or allow") { OverlapPolicy(rawValue: $0) }
        let missed = value(
            "missed", expected: "skip, last, or all up to n with n from 1 to \(MissedPolicy.allMax)"
        ) { MissedPolicy(text: $0) }
        let jitter = value(
            "jitter", expected: "a time like 30s or 5m, at most \(ScheduleLine.jitterMax.text)"
        ) { text in
            Duration(text: text).flatMap { $0 <= ScheduleLine.jitterMax ? $0 : nil }
        }
        let args = arguments(section, file)
        guard let expression, let kind, faults.count == faultsBefore else { return }
        var line = ScheduleLine(name: section.name, expression: expression, kind: kind)
        line.zone = rules
        line.subject = subject
        line.args = args ?? line.args
        line.overlap = overlap ?? line.overlap
        line.missed = missed ?? line.missed
        line.jitter = jitter ?? line.jitter
        lines.append(line)
    }

    private mutating func arguments(_ section: Section, _ file: String) -> JSON? {
        guard let (text, number) = section.values["args"] else { return nil }
        let json = JSON(text: text)
        if let refusal = json.refusal(as: "args", bytesMax: Bounds.argsBytesMax) {
            faults.append(Fault(file: file, line: number, message: refusal))
            return nil
        }
        return json
    }
}
