/// What is wrong with an expression, by field.
package struct CronFault: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
}

extension CronExpression {
    /// Longer expressions are refused.
    package static let bytesMax = 500

    /// - Throws: `CronFault`, with the field and what was expected; also when no date ever matches (`0 0 30 2 *`).
    package init(_ text: String) throws(CronFault) {
        guard text.utf8.count <= CronExpression.bytesMax else {
            throw CronFault(description: "an expression has at most \(CronExpression.bytesMax) bytes")
        }
        let written = text.split(whereSeparator: \.isWhitespace).map(String.init)
        self.text = written.joined(separator: " ")
        var words = written
        if let macro = words.first, macro.hasPrefix("@") {
            guard words.count == 1, let meaning = CronExpression.macros[macro.lowercased()] else {
                let known = CronExpression.macros.keys.sorted().joined(separator: ", ")
                throw CronFault(description: "expected one of \(known), found “\(text)”")
            }
            words = meaning.split(separator: " ").map(String.init)
        }
        guard words.count == 5 || words.count == 6 else {
            throw CronFault(
                description:
                    "expected 5 fields (minute, hour, day of month, month, day of week), or 6 with the second in front; found \(words.count)"
            )
        }
        if words.count == 5 { words.insert("0", at: 0) }
        let second = try CronField(words[0], .second)
        let minute = try CronField(words[1], .minute)
        let hour = try CronField(words[2], .hour)
        let day = try CronField(words[3], .day)
        let month = try CronField(words[4], .month)
        let weekday = try CronField(words[5], .weekday)
        seconds = second.mask
        minutes = minute.mask
        hours = hour.mask
        days = day.mask
        months = month.mask
        weekdays = weekday.mask
        dayRules = day.dayRules
        weekdayRules = weekday.weekdayRules
        restrictsDays = !day.isEvery
        restrictsWeekdays = !weekday.isEvery
        isRecurring = second.recurs || minute.recurs || hour.recurs
        guard hasDates else {
            throw CronFault(description: "no date ever matches it")
        }
    }

    private static let macros = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]

    /// The calendar repeats itself every 400 years, weekdays included.
    private var hasDates: Bool {
        for year in Int64(2000)..<2400 {
            for month in 1...12 where dayMask(year: year, month: month) != 0 { return true }
        }
        return false
    }
}

/// One field, read.
private struct CronField {
    enum Kind: String {
        case second, minute, hour
        case day = "day of month"
        case month
        case weekday = "day of week"

        var range: ClosedRange<Int> {
            switch self {
            case .second, .minute: 0...59
            case .hour: 0...23
            case .day: 1...31
            case .month: 1...12
            case .weekday: 0...7
            }
        }

        /// How many there are: Sunday has two numbers.
        var count: Int { self == .weekday ? 7 : range.count }

        /// The last of `*`.
        var last: Int { self == .weekday ? 6 : range.upperBound }

        /// The first one's number is the start of the range.
        var names: [String] {
            switch self {
            case .month: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
            case .weekday: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
            default: []
            }
        }

        var expected: String {
            let plain = "\(range.lowerBound)-\(range.upperBound), *, lists, ranges and steps"
            switch self {
            case .second, .minute, .hour: return plain
            case .day: return plain + ", ?, L, L-3, 15W, LW"
            case .month: return plain + ", JAN-DEC"
            case .weekday: return plain + ", ?, SUN-SAT, FRI#2, FRIL"
            }
        }
    }

    private let kind: Kind
    private let text: String
    private(set) var mask: UInt64 = 0
    private(set) var dayRules: [CronExpression.DayRule] = []
    private(set) var weekdayRules: [CronExpression.WeekdayRule] = []
    /// Restricts nothing.
    private(set) var isEvery = false
    /// Has a `*`, a range or a step.
    private(set) var recurs = false

    init(_ text: String, _ kind: Kind) throws(CronFault) {
        self.kind = kind
        self.text = text
        let items = text.uppercased().split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        for item in items where !read(item, isAlone: items.count == 1) {
            throw CronFault(description: "\(kind.rawValue): expected \(kind.expected); found “\(text)”")
        }
    }

    private mutating func read(_ item: String, isAlone: Bool) -> Bool {
        if kind == .day, let rule = CronField.dayRule(item) {
            dayRules.append(rule)
            if case .last = rule { return true }
            return isAlone
        }
        if kind == .weekday, let rule = weekdayRule(item) {
            weekdayRules.append(rule)
            return true
        }
        let parts = item.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2 else { return false }
        var step = 1
        if parts.count == 2 {
            guard let value = CronField.number(parts[1]), (1...kind.range.upperBound).contains(value) else {
                return false
            }
            step = value
            recurs = true
        }
        return read(range: parts[0], step: step, isAlone: isAlone, hasStep: parts.count == 2)
    }

    private mutating func read(range: String, step: Int, isAlone: Bool, hasStep: Bool) -> Bool {
        if range == "*" || range == "?" && !hasStep {
            recurs = true
            if step == 1, isAlone { isEvery = true }
            fill(from: kind.range.lowerBound, through: kind.last, step: step)
            return true
        }
        let ends = range.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard ends.count <= 2, let low = value(ends[0]) else { return false }
        guard ends.count == 2 else {
            fill(from: low, through: hasStep ? max(low, kind.last) : low, step: step)
            return true
        }
        guard let high = value(ends[1]) else { return false }
        recurs = true
        // A range that passes the end goes on at the beginning.
        fill(from: low, through: high < low ? high + kind.count : high, step: step)
        return true
    }

    private mutating func fill(from low: Int, through high: Int, step: Int) {
        let start = kind.range.lowerBound
        for number in stride(from: low, through: high, by: step) {
            mask |= 1 << UInt64((number - start) % kind.count + start)
        }
    }

    private func value(_ text: String) -> Int? {
        if let index = kind.names.firstIndex(of: text) { return index + kind.range.lowerBound }
        guard let number = CronField.number(text), kind.range.contains(number) else { return nil }
        return number
    }

    /// Digits alone, and few.
    private static func number(_ text: some StringProtocol) -> Int? {
        guard (1...2).contains(text.utf8.count),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int(text)
    }

    /// `L`, `L-3`, `LW`, `L-3W`, `15W`.
    private static func dayRule(_ item: String) -> CronExpression.DayRule? {
        let isWorkday = item.hasSuffix("W")
        let base = isWorkday ? String(item.dropLast()) : item
        if base == "L" { return isWorkday ? .lastWorkday(before: 0) : .last(before: 0) }
        if base.hasPrefix("L-") {
            guard let before = number(base.dropFirst(2)), before <= 30 else { return nil }
            return isWorkday ? .lastWorkday(before: before) : .last(before: before)
        }
        guard isWorkday, let day = number(base), (1...31).contains(day) else { return nil }
        return .workday(nearest: day)
    }

    /// `FRI#2`, `5#2`, `FRIL`, `5L`.
    private func weekdayRule(_ item: String) -> CronExpression.WeekdayRule? {
        if item.hasSuffix("L"), let weekday = value(String(item.dropLast())) {
            return .last(weekday: weekday % 7)
        }
        let parts = item.split(separator: "#", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts[1].utf8.count == 1, let number = CronField.number(parts[1]),
            (1...5).contains(number), let weekday = value(parts[0])
        else { return nil }
        return .nth(number, weekday: weekday % 7)
    }
}
