/// An instant in whole seconds, which is as finely as anything is planned.
package struct Moment: Hashable, Comparable, Sendable {
    /// Seconds since 1970-01-01T00:00:00Z.
    package let seconds: Int64

    package init(_ seconds: Int64) { self.seconds = seconds }

    package static func < (a: Moment, b: Moment) -> Bool { a.seconds < b.seconds }

    /// `2027-03-28T01:00:00Z`.
    package var text: String { LocalTime(seconds).text + "Z" }
}

/// What a wall clock shows somewhere: seconds since 1970-01-01T00:00:00 as though every day had 86,400 of them.
package struct LocalTime: Hashable, Comparable, Sendable {
    package let seconds: Int64

    package init(_ seconds: Int64) { self.seconds = seconds }

    package init(_ date: CivilDate, second: Int64 = 0) {
        seconds = date.daysSince1970 * LocalTime.daySeconds + second
    }

    package static let daySeconds: Int64 = 86_400

    package static func < (a: LocalTime, b: LocalTime) -> Bool { a.seconds < b.seconds }

    package var date: CivilDate {
        CivilDate(daysSince1970: seconds.flooredDivision(by: LocalTime.daySeconds).quotient)
    }

    /// From 0 to 86,399.
    package var secondOfDay: Int64 { seconds.flooredDivision(by: LocalTime.daySeconds).remainder }

    /// `2027-03-28T01:00:00`.
    package var text: String { "\(date)T\(clock(withSeconds: true))" }

    /// `01:00`, with seconds where there are some: `01:00:30`.
    package var clock: String { clock(withSeconds: secondOfDay % 60 != 0) }

    private func clock(withSeconds: Bool) -> String {
        let second = secondOfDay
        let minutes = "\((second / 3600).padded(to: 2)):\((second / 60 % 60).padded(to: 2))"
        return withSeconds ? "\(minutes):\((second % 60).padded(to: 2))" : minutes
    }
}

/// A date of the proleptic Gregorian calendar.
package struct CivilDate: Hashable, Sendable, CustomStringConvertible {
    package let year: Int64
    /// From 1 to 12.
    package let month: Int
    /// From 1 to 31.
    package let day: Int

    package init(year: Int64, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// Counts years from March, so that the leap day is the last of its year, in eras of 400 years: the method of
    /// howardhinnant.github.io/date_algorithms.html (`civil_from_days`).
    package init(daysSince1970 days: Int64) {
        let (era, dayOfEra) = (days + CivilDate.marchShift).flooredDivision(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let fromMarch = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * fromMarch + 2) / 5 + 1)
        month = Int(fromMarch < 10 ? fromMarch + 3 : fromMarch - 9)
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Days from 0000-03-01 to 1970-01-01.
    private static let marchShift: Int64 = 719_468

    package var daysSince1970: Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = shifted.flooredDivision(by: 400)
        let fromMarch = Int64(month > 2 ? month - 3 : month + 9)
        let dayOfYear = (153 * fromMarch + 2) / 5 + Int64(day) - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - CivilDate.marchShift
    }

    /// 0 is Sunday, 6 Saturday.
    package var weekday: Int { Int((daysSince1970 + 4).flooredDivision(by: 7).remainder) }

    package static func isLeap(_ year: Int64) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    package static func days(inMonth month: Int, of year: Int64) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    package var description: String {
        "\(year.padded(to: 4))-\(Int64(month).padded(to: 2))-\(Int64(day).padded(to: 2))"
    }
}

extension Int64 {
    func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    /// In decimal, with zeros in front.
    func padded(to width: Int) -> String {
        let digits = String(magnitude)
        return (self < 0 ? "-" : "") + String(repeating: "0", count: Swift.max(0, width - digits.count))
            + digits
    }
}
