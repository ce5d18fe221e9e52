internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// How values read on the desk.
enum Told {
    /// `1,234`, `10,000+`.
    static func count(_ count: BoundedCount) -> String {
        number(count.count) + (count.isMore ? "+" : "")
    }

    /// With commas between thousands.
    static func number(_ number: Int) -> String {
        let digits = Array(String(number.magnitude))
        var text = number < 0 ? "−" : ""
        for (place, digit) in digits.enumerated() {
            if place > 0, (digits.count - place).isMultiple(of: 3) { text += "," }
            text.append(digit)
        }
        return text
    }

    static func number(_ number: Int64) -> String { Told.number(Int(number)) }

    /// `1 job`, `2 jobs`.
    static func jobs(_ count: Int) -> String { count == 1 ? "1 job" : "\(number(count)) jobs" }

    /// Two units at most: `4 s`, `3 min 20 s`, `2 d 4 h`.
    static func span(_ duration: Duration) -> String {
        let seconds = duration.inSeconds
        guard seconds.isFinite, seconds < 1e12 else { return "very long" }
        if seconds < 1 { return "\(Int(max(0, seconds) * 1000)) ms" }
        if seconds < 10 { return "\(tenths(seconds)) s" }
        let whole = Int(seconds)
        let units = [("d", 86400), ("h", 3600), ("min", 60), ("s", 1)]
        let first = units.firstIndex { whole >= $0.1 } ?? 3
        let major = "\(number(whole / units[first].1)) \(units[first].0)"
        guard first < 3 else { return major }
        let rest = whole % units[first].1 / units[first + 1].1
        return rest == 0 || whole / units[first].1 >= 10 ? major : "\(major) \(rest) \(units[first + 1].0)"
    }

    /// `0.4/s`, `12/s`, `3/min`.
    static func rate(perSecond rate: Double) -> String {
        if rate == 0 { return "0/min" }
        if rate >= 10 { return "\(number(Int(rate.rounded())))/s" }
        if rate >= 1 { return "\(tenths(rate))/s" }
        if rate * 60 >= 10 { return "\(Int((rate * 60).rounded()))/min" }
        return "\(tenths(rate * 60))/min"
    }

    private static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }

    /// How long ago, or in how long; the exact instant when one points at it.
    static func time(_ at: PostgresTimestamp?) -> Markup {
        guard let at else { return "<span class=\"none\">–</span>" }
        guard at.microseconds != .max, at.microseconds != .min else { return "\(at.iso8601)" }
        let ago = Duration.microseconds(WallClock.microseconds - at.microseconds)
        let words = ago >= .zero ? "\(span(ago)) ago" : "in \(span(.zero - ago))"
        return "<time datetime=\"\(at.iso8601)\" title=\"\(instant(at))\">\(words)</time>"
    }

    /// To the second, in UTC.
    static func instant(_ at: PostgresTimestamp) -> String {
        let text = at.iso8601
        guard text.count == 27 else { return text }
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(8)) UTC"
    }

    /// Why a job died, as the settlement's word says it; any other reason as it is.
    static func death(_ reason: String) -> String {
        let word = reason.prefix { $0 != ";" }
        let words =
            switch DeathReason(rawValue: String(word)) {
            case .attempts: "all its attempts failed"
            case .budget: "its time was used up"
            case .forGood: "it failed for good"
            case .poison: "too many workers died while they ran it"
            case nil: String(word)
            }
        return words + reason.dropFirst(word.count)
    }

    static func optional(_ text: String?) -> Markup {
        text.map { "\($0)" } ?? "<span class=\"none\">–</span>"
    }

    /// A text from outside, on one line and at most so long; all of it when one points at it.
    static func title(_ text: String, max: Int = 80) -> Markup {
        let line = String(text.prefix(max * 4).map { $0.isNewline ? " " : $0 })
        guard line.count > max || text.count > max * 4 else { return "<bdi class=\"title\">\(line)</bdi>" }
        return
            "<bdi class=\"title\" title=\"\(String(text.prefix(1000)))\">\(String(line.prefix(max)))…</bdi>"
    }
}
