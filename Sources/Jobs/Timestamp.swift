/// An instant in microseconds, as finely as PostgreSQL keeps one.
package struct Timestamp: Hashable, Comparable, Sendable {
    /// Since 1970-01-01T00:00:00Z.
    package let microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    package static func < (a: Timestamp, b: Timestamp) -> Bool { a.microseconds < b.microseconds }

    /// `2027-01-01T00:00:00Z` or `2027-01-01T00:00:00.5Z`: always in UTC, the fraction as short as it can be.
    package var text: String {
        let (seconds, fraction) = microseconds.flooredDivision(by: 1_000_000)
        let local = LocalTime(seconds).text
        guard fraction > 0 else { return local + "Z" }
        var digits = fraction.padded(to: 6)[...]
        while digits.last == "0" { digits.removeLast() }
        return "\(local).\(digits)Z"
    }

    /// Longer texts are refused; nine digits of a second need 35.
    private static let textBytesMax = 64

    /// Reads RFC 3339, section 5.6: date, `T`, time with seconds, `Z` or an offset; small letters too.
    ///
    /// Digits of a second past the sixth are cut. Second 60 is read where a leap second may stand, at the end of a
    /// month in UTC, as the second after it. There is no year 0.
    package init?(rfc3339 text: String) {
        guard text.utf8.count <= Self.textBytesMax else { return nil }
        var reader = TimestampReader(Array(text.utf8))
        guard let timestamp = reader.timestamp() else { return nil }
        self = timestamp
    }
}

private struct TimestampReader {
    private let bytes: [UInt8]
    private var place = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func timestamp() -> Timestamp? {
        guard let year = number(4), year > 0, take("-"), let month = number(2), take("-"),
            let day = number(2),
            (1...12).contains(month), day >= 1, day <= CivilDate.days(inMonth: Int(month), of: year),
            take("T") || take("t"), let hour = number(2), hour < 24, take(":"), let minute = number(2),
            minute < 60, take(":"), let second = number(2), second <= 60,
            let fraction = fraction(), let offset = offset(), place == bytes.count
        else { return nil }
        let date = CivilDate(year: year, month: Int(month), day: Int(day))
        let seconds = LocalTime(date, second: hour * 3600 + minute * 60 + second).seconds - offset
        guard second < 60 || Self.beginsMonth(LocalTime(seconds)) else { return nil }
        return Timestamp(microseconds: seconds * 1_000_000 + fraction)
    }

    private static func beginsMonth(_ time: LocalTime) -> Bool { time.date.day == 1 && time.secondOfDay == 0 }

    /// Microseconds; 0 when there is no fraction.
    private mutating func fraction() -> Int64? {
        guard take(".") else { return 0 }
        var value: Int64 = 0
        var count = 0
        while let digit = digit() {
            if count < 6 { value = value * 10 + digit }
            count += 1
        }
        guard count > 0 else { return nil }
        for _ in count..<max(count, 6) { value *= 10 }
        return value
    }

    /// Seconds east of UTC.
    private mutating func offset() -> Int64? {
        if take("Z") || take("z") { return 0 }
        let sign: Int64 = take("+") ? 1 : take("-") ? -1 : 0
        guard sign != 0, let hours = number(2), hours < 24, take(":"), let minutes = number(2), minutes < 60
        else { return nil }
        return sign * (hours * 3600 + minutes * 60)
    }

    private mutating func number(_ digits: Int) -> Int64? {
        var value: Int64 = 0
        for _ in 0..<digits {
            guard let digit = digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    private mutating func digit() -> Int64? {
        guard place < bytes.count, (0x30...0x39).contains(bytes[place]) else { return nil }
        defer { place += 1 }
        return Int64(bytes[place] - 0x30)
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard place < bytes.count, bytes[place] == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }
}
