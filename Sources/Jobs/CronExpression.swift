/// When, in the words of a crontab: which seconds, minutes, hours, days of the month, months and days of the week.
///
/// The dialect, all of it:
/// - Five fields, or six with seconds in front. Lists, ranges and steps; `JAN` and `MON` in any case; Sunday is 0 and 7.
///   A range may pass the end: `22-2` is 22, 23, 0, 1, 2. `a/n` is every n-th from a on.
/// - `?` is `*`. Days of the month: `L` the last, `L-n` n days before it, `15W` the working day nearest to
///   the 15th in the same month, `LW`, `L-nW`. Days of the week: `FRIL` or `5L` the last Friday, `FRI#2` the second.
/// - `@hourly`, `@daily` or `@midnight`, `@weekly`, `@monthly`, `@yearly` or `@annually`.
/// - Where both kinds of days are restricted, either suffices.
///
/// Over a change of clocks: local times that are skipped fire once, together, at the first instant after the gap. Local
/// times that come twice fire the first time; but an expression with a `*`, a range or a step in second, minute or hour
/// goes on through both.
package struct CronExpression: Hashable, Sendable, CustomStringConvertible {
    /// A day of the month that depends on the month.
    enum DayRule: Hashable, Sendable {
        /// So many days before the last one.
        case last(before: Int)
        /// The working day of the month that is nearest to the day.
        case workday(nearest: Int)
        /// The working day that is nearest to so many days before the last one.
        case lastWorkday(before: Int)
    }

    /// A day of the week that does not come each week; 0 is Sunday.
    enum WeekdayRule: Hashable, Sendable {
        case nth(Int, weekday: Int)
        case last(weekday: Int)
    }

    /// As it was written, with single spaces.
    package let text: String
    /// A bit each.
    let seconds: UInt64
    let minutes: UInt64
    let hours: UInt64
    let days: UInt64
    let months: UInt64
    let weekdays: UInt64
    let dayRules: [DayRule]
    let weekdayRules: [WeekdayRule]
    let restrictsDays: Bool
    let restrictsWeekdays: Bool
    /// Whether it goes on through both of an hour that comes twice.
    package let isRecurring: Bool

    package var description: String { text }

    /// The days of a month on which it fires, bit 1 for the first.
    func dayMask(year: Int64, month: Int) -> UInt64 {
        guard months & (1 << UInt64(month)) != 0 else { return 0 }
        let length = CivilDate.days(inMonth: month, of: year)
        let whole: UInt64 = ((1 << UInt64(length)) - 1) << 1
        let firstWeekday = CivilDate(year: year, month: month, day: 1).weekday
        let byDay = restrictsDays ? monthDays(length, firstWeekday) : 0
        let byWeekday = restrictsWeekdays ? weekDays(length, firstWeekday) : 0
        return restrictsDays || restrictsWeekdays ? (byDay | byWeekday) & whole : whole
    }

    private func monthDays(_ length: Int, _ firstWeekday: Int) -> UInt64 {
        var mask = days
        for rule in dayRules {
            switch rule {
            case .last(let before):
                if before < length { mask |= 1 << UInt64(length - before) }
            case .workday(let day):
                if day <= length { mask |= 1 << UInt64(workday(day, length, firstWeekday)) }
            case .lastWorkday(let before):
                if before < length { mask |= 1 << UInt64(workday(length - before, length, firstWeekday)) }
            }
        }
        return mask
    }

    /// Saturdays give way to the Friday before, Sundays to the Monday after, unless that is in another month.
    private func workday(_ day: Int, _ length: Int, _ firstWeekday: Int) -> Int {
        switch (firstWeekday + day - 1) % 7 {
        case 6: day > 1 ? day - 1 : day + 2
        case 0: day < length ? day + 1 : day - 2
        default: day
        }
    }

    private func weekDays(_ length: Int, _ firstWeekday: Int) -> UInt64 {
        var mask: UInt64 = 0
        for day in 1...length where weekdays & (1 << UInt64((firstWeekday + day - 1) % 7)) != 0 {
            mask |= 1 << UInt64(day)
        }
        for rule in weekdayRules {
            switch rule {
            case .nth(let number, let weekday):
                let day = 1 + (weekday - firstWeekday + 7) % 7 + (number - 1) * 7
                if day <= length { mask |= 1 << UInt64(day) }
            case .last(let weekday):
                let first = 1 + (weekday - firstWeekday + 7) % 7
                mask |= 1 << UInt64(first + (length - first) / 7 * 7)
            }
        }
        return mask
    }

    /// Whether a clock that shows `local` is a time of it.
    package func matches(_ local: LocalTime) -> Bool {
        let (date, second) = (local.date, local.secondOfDay)
        return seconds & (1 << UInt64(second % 60)) != 0 && minutes & (1 << UInt64(second / 60 % 60)) != 0
            && hours & (1 << UInt64(second / 3600)) != 0
            && dayMask(year: date.year, month: date.month) & (1 << UInt64(date.day)) != 0
    }
}
