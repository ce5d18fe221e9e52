// A place's time is a row of stretches with one offset each. Inside a stretch local time runs as UTC does, so the search
// is one over plain calendar days; only where a stretch begins is there something to decide:
//
// 1. Clocks went forward: local times between the two offsets were skipped. If any of them was a time of the expression,
//    the first instant of the stretch fires, once.
// 2. Clocks went back: the first local times of the stretch were shown before. An expression that goes on through both
//    fires again; any other has fired.

extension CronExpression {
    /// Nothing is planned so far from where a search starts: the rarest date there is comes every 40 years.
    private static let reachYears: Int64 = 100

    /// The first firing after a moment. `nil`: none within a century, or none in the years that can be written.
    package func next(after moment: Moment, in zone: TimeZoneRules) -> Moment? {
        guard let limit = CronExpression.limit(moment, years: CronExpression.reachYears) else { return nil }
        var from = moment.seconds + 1
        while from < limit {
            let stretch = zone.stretch(at: Moment(from))
            if from == stretch.start, firesForGap(before: stretch) { return Moment(from) }
            var low = stretch.local(Moment(from))
            if !isRecurring, let seen = stretch.repeatEnd { low = max(low, seen) }
            let high = LocalTime(min(stretch.end, limit) + stretch.offset.seconds)
            if let local = nextLocal(from: low, before: high) { return stretch.moment(local) }
            guard stretch.end < limit else { return nil }
            from = stretch.end
        }
        return nil
    }

    /// The last firing before a moment.
    package func previous(before moment: Moment, in zone: TimeZoneRules) -> Moment? {
        guard let limit = CronExpression.limit(moment, years: -CronExpression.reachYears) else { return nil }
        var upTo = moment.seconds - 1
        while upTo >= limit {
            let stretch = zone.stretch(at: Moment(upTo))
            let isFirst = stretch.start == .min
            var low = LocalTime((isFirst ? limit : max(stretch.start, limit)) + stretch.offset.seconds)
            if !isRecurring, !isFirst, let seen = stretch.repeatEnd { low = max(low, seen) }
            if let local = previousLocal(upTo: stretch.local(Moment(upTo)), from: low) {
                return stretch.moment(local)
            }
            guard !isFirst, stretch.start >= limit else { return nil }
            if firesForGap(before: stretch) { return Moment(stretch.start) }
            upTo = stretch.start - 1
        }
        return nil
    }

    /// The years 1 to 9999 can be written.
    private static func limit(_ moment: Moment, years: Int64) -> Int64? {
        let (earliest, latest): (Int64, Int64) = (-62_135_596_800, 253_402_300_800)
        guard (earliest...latest).contains(moment.seconds) else { return nil }
        return max(earliest, min(latest, moment.seconds + years * 31_556_952))
    }

    func firesForGap(before stretch: TimeZoneRules.Stretch) -> Bool {
        guard stretch.start != .min, let gap = stretch.gapStart else { return false }
        return nextLocal(from: gap, before: stretch.local(Moment(stretch.start))) != nil
    }

    /// The first time of it that a clock which never changes shows.
    func nextLocal(from: LocalTime, before limit: LocalTime) -> LocalTime? {
        guard from < limit else { return nil }
        let start = from.date
        var (year, month, day) = (start.year, start.month, start.day)
        if dayMask(year: year, month: month) & (1 << UInt64(day)) != 0,
            let second = nextSecond(from: from.secondOfDay)
        {
            let found = LocalTime(start, second: second)
            return found < limit ? found : nil
        }
        day += 1
        let last = limit.date
        while (year, month) <= (last.year, last.month) {
            let rest = dayMask(year: year, month: month) & ~((1 << UInt64(day)) - 1)
            if rest != 0 {
                let date = CivilDate(year: year, month: month, day: rest.trailingZeroBitCount)
                guard let second = nextSecond(from: 0) else { return nil }
                let found = LocalTime(date, second: second)
                return found < limit ? found : nil
            }
            (year, month, day) = month == 12 ? (year + 1, 1, 1) : (year, month + 1, 1)
        }
        return nil
    }

    func previousLocal(upTo: LocalTime, from limit: LocalTime) -> LocalTime? {
        guard upTo >= limit else { return nil }
        let start = upTo.date
        var (year, month, day) = (start.year, start.month, start.day)
        if dayMask(year: year, month: month) & (1 << UInt64(day)) != 0,
            let second = previousSecond(upTo: upTo.secondOfDay)
        {
            let found = LocalTime(start, second: second)
            return found >= limit ? found : nil
        }
        let last = limit.date
        while (year, month) >= (last.year, last.month) {
            let rest = dayMask(year: year, month: month) & ((1 << UInt64(day)) - 1)
            if rest != 0 {
                let date = CivilDate(year: year, month: month, day: 63 - rest.leadingZeroBitCount)
                guard let second = previousSecond(upTo: 86_399) else { return nil }
                let found = LocalTime(date, second: second)
                return found >= limit ? found : nil
            }
            (year, month, day) = month == 1 ? (year - 1, 12, 32) : (year, month - 1, 32)
        }
        return nil
    }

    // MARK: Within a day

    private func nextSecond(from second: Int64) -> Int64? {
        let (hour, minute) = (Int(second / 3600), Int(second / 60 % 60))
        if hours.has(hour) {
            if minutes.has(minute), let found = seconds.first(from: Int(second % 60)) {
                return Int64(hour * 3600 + minute * 60 + found)
            }
            if let next = minutes.first(from: minute + 1), let found = seconds.first(from: 0) {
                return Int64(hour * 3600 + next * 60 + found)
            }
        }
        guard let next = hours.first(from: hour + 1), let minute = minutes.first(from: 0),
            let found = seconds.first(from: 0)
        else { return nil }
        return Int64(next * 3600 + minute * 60 + found)
    }

    private func previousSecond(upTo second: Int64) -> Int64? {
        let (hour, minute) = (Int(second / 3600), Int(second / 60 % 60))
        if hours.has(hour) {
            if minutes.has(minute), let found = seconds.last(upTo: Int(second % 60)) {
                return Int64(hour * 3600 + minute * 60 + found)
            }
            if let next = minutes.last(upTo: minute - 1), let found = seconds.last(upTo: 59) {
                return Int64(hour * 3600 + next * 60 + found)
            }
        }
        guard let next = hours.last(upTo: hour - 1), let minute = minutes.last(upTo: 59),
            let found = seconds.last(upTo: 59)
        else { return nil }
        return Int64(next * 3600 + minute * 60 + found)
    }
}

extension UInt64 {
    fileprivate func has(_ bit: Int) -> Bool { self & (1 << UInt64(bit)) != 0 }

    fileprivate func first(from bit: Int) -> Int? {
        guard bit < 64 else { return nil }
        let rest = self & ~((1 << UInt64(bit)) - 1)
        return rest == 0 ? nil : rest.trailingZeroBitCount
    }

    fileprivate func last(upTo bit: Int) -> Int? {
        guard bit >= 0 else { return nil }
        let rest = bit >= 63 ? self : self & ((1 << UInt64(bit + 1)) - 1)
        return rest == 0 ? nil : 63 - rest.leadingZeroBitCount
    }
}
