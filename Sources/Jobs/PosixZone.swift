/// The rule of a POSIX `TZ` text: `CET-1CEST,M3.5.0,M10.5.0/3`, as the footer of a zone's file has it.
struct PosixZone: Hashable, Sendable {
    /// A day of each year and a time on it.
    struct Day: Hashable, Sendable {
        enum Reckoning: Hashable, Sendable {
            /// 1 to 365; February 29 is never counted.
            case withoutLeapDay(Int)
            /// 0 to 365.
            case withLeapDay(Int)
            /// The week is 1 to 5, where 5 is the last; 0 is Sunday.
            case weekday(month: Int, week: Int, weekday: Int)
        }

        let reckoning: Reckoning
        /// From midnight, from −167 to 167 hours.
        let second: Int64

        func local(in year: Int64) -> LocalTime {
            let newYear = CivilDate(year: year, month: 1, day: 1)
            switch reckoning {
            case .withoutLeapDay(let day):
                let leap = CivilDate.isLeap(year) && day >= 60 ? 1 : 0
                return LocalTime(
                    CivilDate(daysSince1970: newYear.daysSince1970 + Int64(day - 1 + leap)), second: second)
            case .withLeapDay(let day):
                return LocalTime(CivilDate(daysSince1970: newYear.daysSince1970 + Int64(day)), second: second)
            case .weekday(let month, let week, let weekday):
                let first = CivilDate(year: year, month: month, day: 1)
                let day = 1 + (weekday - first.weekday + 7) % 7 + (week - 1) * 7
                let isInside = day <= CivilDate.days(inMonth: month, of: year)
                return LocalTime(
                    CivilDate(year: year, month: month, day: isInside ? day : day - 7), second: second)
            }
        }
    }

    /// Daylight saving time: from when to when.
    struct Summer: Hashable, Sendable {
        let offset: TimeZoneRules.Offset
        let from: Day
        let to: Day
    }

    let standard: TimeZoneRules.Offset
    /// `nil`: clocks never change.
    let summer: Summer?

    /// The changes of some years, by time.
    func changes(in years: ClosedRange<Int64>) -> [TimeZoneRules.Change] {
        guard let summer else { return [] }
        var changes: [TimeZoneRules.Change] = []
        for year in years {
            let from = summer.from.local(in: year).seconds - standard.seconds
            let to = summer.to.local(in: year).seconds - summer.offset.seconds
            changes.append(TimeZoneRules.Change(at: from, offset: summer.offset))
            changes.append(TimeZoneRules.Change(at: to, offset: standard))
        }
        return changes.sorted { $0.at < $1.at }
    }
}

extension PosixZone {
    /// Reads a `TZ` text. `nil` when it is none.
    init?(_ text: some StringProtocol) {
        var reader = Reader(rest: Array(text.utf8)[...])
        guard let standard = reader.offset(default: nil) else { return nil }
        self.standard = standard
        guard !reader.rest.isEmpty else {
            summer = nil
            return
        }
        guard let offset = reader.offset(default: standard.seconds + 3600), reader.take(","),
            let from = reader.day(), reader.take(","), let to = reader.day(), reader.rest.isEmpty
        else { return nil }
        summer = Summer(offset: offset, from: from, to: to)
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        mutating func whole(atMost limit: Int64) -> Int64? {
            var value: Int64?
            while let digit = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) {
                let next = (value ?? 0) * 10 + Int64(digit - UInt8(ascii: "0"))
                guard next <= limit else { return nil }
                value = next
                rest.removeFirst()
            }
            return value
        }

        mutating func name() -> String? {
            let isQuoted = take("<")
            let name = rest.prefix { byte in
                if isQuoted { return byte != UInt8(ascii: ">") }
                return (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte & 0xdf) && byte >= 0x41
            }
            rest = rest.dropFirst(name.count)
            guard name.count >= 3, !isQuoted || take(">") else { return nil }
            return String(decoding: name, as: UTF8.self)
        }

        /// `hh[:mm[:ss]]`, perhaps with a sign.
        mutating func time() -> Int64? {
            let isNegative = take("-")
            if !isNegative { _ = take("+") }
            guard let hours = whole(atMost: 167) else { return nil }
            var (minutes, seconds): (Int64, Int64) = (0, 0)
            if take(":") {
                guard let value = whole(atMost: 59) else { return nil }
                minutes = value
                if take(":") {
                    guard let value = whole(atMost: 59) else { return nil }
                    seconds = value
                }
            }
            let total = hours * 3600 + minutes * 60 + seconds
            return isNegative ? -total : total
        }

        /// A name and what to add to local time to get UTC, which is the other way round than everywhere else.
        mutating func offset(default seconds: Int64?) -> TimeZoneRules.Offset? {
            guard let name = name() else { return nil }
            if let seconds, rest.isEmpty || rest.first == UInt8(ascii: ",") {
                return TimeZoneRules.Offset(seconds: seconds, name: name)
            }
            guard let time = time() else { return nil }
            return TimeZoneRules.Offset(seconds: -time, name: name)
        }

        mutating func day() -> Day? {
            let reckoning: Day.Reckoning
            if take("M") {
                guard let month = whole(atMost: 12), month > 0, take("."), let week = whole(atMost: 5),
                    week > 0,
                    take("."), let weekday = whole(atMost: 6)
                else { return nil }
                reckoning = .weekday(month: Int(month), week: Int(week), weekday: Int(weekday))
            } else if take("J") {
                guard let day = whole(atMost: 365), day > 0 else { return nil }
                reckoning = .withoutLeapDay(Int(day))
            } else {
                guard let day = whole(atMost: 365) else { return nil }
                reckoning = .withLeapDay(Int(day))
            }
            guard take("/") else { return Day(reckoning: reckoning, second: 7200) }
            return time().map { Day(reckoning: reckoning, second: $0) }
        }
    }
}
