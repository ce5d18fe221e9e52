extension CronExpression {
    /// What a change of clocks has to do with a firing, in words; `nil`: nothing.
    package func note(of firing: Moment, in zone: TimeZoneRules) -> String? {
        let stretch = zone.stretch(at: firing)
        let local = stretch.local(firing)
        if firing.seconds == stretch.start, firesForGap(before: stretch) {
            return gapNote(stretch, at: local)
        }
        guard case .twice(let first, let last) = zone.meaning(of: local) else { return nil }
        let names = [first, last].map { zone.stretch(at: $0).offset.name }
        let twice = "\(local.clock) comes twice on \(local.date), in \(names[0]) and in \(names[1])"
        guard isRecurring else { return "\(twice): fires the first time only" }
        return "\(twice): fires both times, this is the \(firing == first ? "first" : "second")"
    }

    private func gapNote(_ stretch: TimeZoneRules.Stretch, at local: LocalTime) -> String? {
        guard let gap = stretch.gapStart else { return nil }
        var skipped: [LocalTime] = []
        var from = gap
        while skipped.count < 5, let time = nextLocal(from: from, before: local) {
            skipped.append(time)
            from = LocalTime(time.seconds + 1)
        }
        let isDated = gap.date != local.date
        let words = skipped.prefix(4).map { isDated ? $0.text : $0.clock }
        let list = skipped.count > 4 ? words.joined(separator: ", ") + " and more" : words.listed
        let verb = skipped.count == 1 ? "does" : "do"
        let change =
            isDated
            ? "from \(gap.text) to \(local.text)"
            : "on \(local.date), when clocks go from \(gap.clock) to \(local.clock)"
        let own = matches(local) ? ", which is a time of the line anyway" : ""
        let together = skipped.count == 1 ? "fires" : "fires once for all of them,"
        return "\(list) \(verb) not exist \(change): \(together) at \(local.clock)\(own)"
    }
}

extension TimeZoneRules {
    /// Each change of clocks between two moments, in words.
    package func changes(from start: Moment, until end: Moment) -> [(at: Moment, words: String)] {
        var changes: [(at: Moment, words: String)] = []
        var stretch = stretch(at: start)
        while stretch.end < end.seconds, changes.count < 100 {
            stretch = self.stretch(at: Moment(stretch.end))
            let at = Moment(stretch.start)
            let (old, new) = (LocalTime(stretch.start + stretch.before.seconds), stretch.local(at))
            guard old != new else { continue }
            let direction = old < new ? "forward" : "back"
            let target = old.date == new.date ? new.clock : new.text
            changes.append(
                (
                    at,
                    "clocks go \(direction) at \(old.clock) to \(target) on \(old.date), from \(stretch.before.name) to \(stretch.offset.name)"
                ))
        }
        return changes
    }
}

extension [String] {
    /// `a, b and c`.
    fileprivate var listed: String {
        count > 1 ? dropLast().joined(separator: ", ") + " and " + self[count - 1] : first ?? ""
    }
}
