extension TimeZoneRules {
    /// Reads `2027-03-28`, `2027-03-28T02:30` and `2027-03-28T02:30:15`, with a space for the T or not, as a local time of
    /// this place; with `Z` or `+02:00` behind a time, as one there.
    ///
    /// A local time that comes twice is its first; one that is skipped is the first instant after the gap.
    package func moment(text: String) -> Moment? {
        guard let (local, rest) = LocalTime.read(text) else { return nil }
        guard !rest.isEmpty else {
            switch meaning(of: local) {
            case .once(let moment), .twice(let moment, _), .never(let moment): return moment
            }
        }
        guard let zone = TimeZoneRules(builtIn: String(rest)) else { return nil }
        return Moment(local.seconds - zone.stretch(at: Moment(local.seconds)).offset.seconds)
    }
}

extension LocalTime {
    fileprivate static func read(_ text: String) -> (time: LocalTime, rest: Substring)? {
        let characters = Array(text.utf8)
        /// The number that stands in some places, if nothing but digits stand there.
        func number(_ range: Range<Int>) -> Int64? {
            guard characters.count >= range.upperBound else { return nil }
            let digits = characters[range]
            guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
                return nil
            }
            return Int64(String(decoding: digits, as: UTF8.self))
        }
        func has(_ marks: String, at index: Int) -> Bool {
            characters.count > index && marks.utf8.contains(characters[index])
        }
        guard let year = number(0..<4), has("-", at: 4), let month = number(5..<7), has("-", at: 7),
            let day = number(8..<10), year > 0, (1...12).contains(month),
            day >= 1, day <= CivilDate.days(inMonth: Int(month), of: year)
        else { return nil }
        let date = CivilDate(year: year, month: Int(month), day: Int(day))
        if characters.count == 10 { return (LocalTime(date), "") }
        guard has("T ", at: 10), let hour = number(11..<13), has(":", at: 13), let minute = number(14..<16),
            hour < 24, minute < 60
        else { return nil }
        var (second, end): (Int64, Int) = (0, 16)
        if has(":", at: 16) {
            guard let value = number(17..<19), value < 60 else { return nil }
            (second, end) = (value, 19)
        }
        let rest = String(decoding: characters[end...], as: UTF8.self)
        return (LocalTime(date, second: hour * 3600 + minute * 60 + second), rest[...])
    }
}
