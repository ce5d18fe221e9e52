/// An instant as PostgreSQL's `timestamptz` keeps it: whole microseconds.
package struct PostgresTimestamp: Sendable, Hashable, Comparable {
    /// Microseconds since 1970-01-01T00:00:00Z.
    ///
    /// `infinity` is `Int64.max`, `-infinity` is `Int64.min`.
    package let microseconds: Int64

    /// PostgreSQL counts from 2000-01-01.
    private static let epochShift: Int64 = 946_684_800_000_000

    package init(microseconds: Int64) { self.microseconds = microseconds }

    package var secondsSince1970: Double { Double(microseconds) / 1_000_000 }

    package static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }

    /// `2025-02-03T04:05:06.789012Z`; microseconds are always six digits, so texts of four-digit years sort as times.
    package var iso8601: String {
        switch microseconds {
        case .max: return "infinity"
        case .min: return "-infinity"
        default: break
        }
        let (seconds, fraction) = microseconds.flooredDivision(by: 1_000_000)
        let (days, second) = seconds.flooredDivision(by: 86_400)
        let date = CivilDate(daysSince1970: days)
        let day = "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
        let clock = "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
        return "\(day)T\(clock).\(padded(fraction, 6))Z"
    }
}

extension PostgresTimestamp: PostgresDecodable {
    package static func decode(from bytes: UnsafeRawBufferPointer, type oid: UInt32) throws
        -> PostgresTimestamp
    {
        guard oid == TypeOID.timestamptz, let raw = bytes.bigEndian(Int64.self) else {
            throw mismatch(Self.self, bytes, oid)
        }
        guard raw != .max, raw != .min else { return PostgresTimestamp(microseconds: raw) }
        return PostgresTimestamp(microseconds: raw &+ epochShift)
    }
}

/// A date of the proleptic Gregorian calendar.
private struct CivilDate {
    let year: Int64
    let month: Int64
    let day: Int64

    /// Howard Hinnant's `civil_from_days` (howardhinnant.github.io/date_algorithms.html): years begin in March, eras
    /// last 400 years.
    init(daysSince1970 days: Int64) {
        let (era, dayOfEra) = (days + 719_468).flooredDivision(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }
}

extension Int64 {
    fileprivate func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

private func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number.magnitude)
    let zeros = String(repeating: "0", count: max(0, width - digits.count))
    return (number < 0 ? "-" : "") + zeros + digits
}
