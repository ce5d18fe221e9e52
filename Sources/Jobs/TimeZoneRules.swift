/// What the clocks of a place show when: its offsets from UTC, past and to come.
///
/// The past and the near future are a list of changes; what comes after it follows a rule, if there is one.
package struct TimeZoneRules: Hashable, Sendable {
    /// What clocks show for a while.
    package struct Offset: Hashable, Sendable {
        /// East of Greenwich is above zero.
        package let seconds: Int64
        /// As people call it: `CET`, `+0545`.
        package let name: String

        package init(seconds: Int64, name: String) {
            self.seconds = seconds
            self.name = name
        }
    }

    struct Change: Hashable, Sendable {
        let at: Int64
        let offset: Offset
    }

    /// A stretch of time during which clocks keep their offset.
    package struct Stretch: Hashable, Sendable {
        /// Its first instant; `Int64.min` for the first stretch of all.
        package let start: Int64
        /// The first instant after it; `Int64.max` for the last one.
        package let end: Int64
        package let offset: Offset
        /// The offset before it: its own for the first stretch.
        package let before: Offset

        /// Local times from here up to `start + offset` are shown by no clock.
        var gapStart: LocalTime? {
            before.seconds < offset.seconds ? LocalTime(start + before.seconds) : nil
        }

        /// Local times of this stretch up to here were shown before.
        var repeatEnd: LocalTime? {
            before.seconds > offset.seconds ? LocalTime(start + before.seconds) : nil
        }

        package func local(_ moment: Moment) -> LocalTime { LocalTime(moment.seconds + offset.seconds) }

        func moment(_ local: LocalTime) -> Moment { Moment(local.seconds - offset.seconds) }
    }

    /// As it was asked for: `Europe/Berlin`, `UTC`, `+05:30`.
    package let name: String
    private let first: Offset
    /// By time.
    private let changes: [Change]
    /// What holds after the last change; `nil`: nothing changes any more.
    private let rule: PosixZone?

    init(name: String, first: Offset, changes: [Change], rule: PosixZone?) {
        self.name = name
        self.first = first
        self.changes = changes
        self.rule = rule
    }

    package static let utc = TimeZoneRules(fixed: Offset(seconds: 0, name: "UTC"), name: "UTC")

    /// A place whose clocks never change.
    init(fixed offset: Offset, name: String) { self.init(name: name, first: offset, changes: [], rule: nil) }

    /// The zones that need no file: `UTC`, `Z`, and offsets like `+05:30` up to 18 hours.
    package init?(builtIn name: String) {
        if name == "UTC" || name == "Z" {
            self = .utc
            return
        }
        let digits = Array(name.utf8.dropFirst())
        guard let sign = name.first, sign == "+" || sign == "-", digits.count == 5,
            digits[2] == UInt8(ascii: ":"),
            let hours = Int64(name.dropFirst().prefix(2)), let minutes = Int64(name.suffix(2)),
            (0...18).contains(hours), (0...59).contains(minutes), hours * 60 + minutes <= 18 * 60
        else { return nil }
        let seconds = (hours * 60 + minutes) * 60
        self.init(fixed: Offset(seconds: sign == "-" ? -seconds : seconds, name: name), name: name)
    }

    /// The stretch in which a moment lies.
    package func stretch(at moment: Moment) -> Stretch {
        let at = moment.seconds
        guard let last = changes.last, at >= last.at else {
            if changes.isEmpty { return ruledStretch(at, since: .min, first) }
            let next = firstChange(after: at)
            let isFirst = next == 0
            return Stretch(
                start: isFirst ? .min : changes[next - 1].at, end: changes[next].at,
                offset: isFirst ? first : changes[next - 1].offset,
                before: next <= 1 ? first : changes[next - 2].offset)
        }
        let before = changes.count > 1 ? changes[changes.count - 2].offset : first
        return ruledStretch(at, since: last.at, last.offset, before: before)
    }

    package func local(_ moment: Moment) -> LocalTime { stretch(at: moment).local(moment) }

    /// The index of the first change after `at`, among those of the list.
    private func firstChange(after at: Int64) -> Int {
        var (low, high) = (0, changes.count)
        while low < high {
            let middle = (low + high) / 2
            if changes[middle].at <= at { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The stretch behind the list, where the rule holds.
    private func ruledStretch(_ at: Int64, since start: Int64, _ offset: Offset, before: Offset? = nil)
        -> Stretch
    {
        var stretch = (start: start, end: Int64.max, offset: offset, before: before ?? offset)
        guard let rule else {
            return Stretch(start: start, end: .max, offset: offset, before: stretch.before)
        }
        // The years around, because a change may be in another year here than in UTC.
        let year = LocalTime(at).date.year
        for change in rule.changes(in: (year - 1)...(year + 1)) where change.at > start {
            guard change.at <= at else {
                stretch.end = change.at
                break
            }
            guard change.offset != stretch.offset else { continue }
            stretch = (change.at, .max, change.offset, stretch.offset)
        }
        return Stretch(
            start: stretch.start, end: stretch.end, offset: stretch.offset, before: stretch.before)
    }

    // MARK: What a local time means

    /// When clocks show a local time.
    package enum Meaning: Hashable, Sendable {
        case once(Moment)
        /// Clocks are put back over it: the first and the last time that they show it.
        case twice(Moment, Moment)
        /// Clocks are put forward over it: the first instant after the gap.
        case never(Moment)
    }

    package func meaning(of local: LocalTime) -> Meaning {
        var shown: [Moment] = []
        var at = Moment(local.seconds - TimeZoneRules.reach)
        // Bounded by the reach: changes lie hours apart at least.
        for _ in 0..<64 {
            let stretch = stretch(at: at)
            let moment = stretch.moment(local)
            if moment.seconds >= stretch.start, moment.seconds < stretch.end { shown.append(moment) }
            if let gap = stretch.gapStart, local >= gap, moment.seconds < stretch.start, shown.isEmpty {
                return .never(Moment(stretch.start))
            }
            guard stretch.end < local.seconds + TimeZoneRules.reach else { break }
            at = Moment(stretch.end)
        }
        guard let first = shown.first else { return .once(Moment(local.seconds - first.seconds)) }
        return shown.count > 1 ? .twice(first, shown[shown.count - 1]) : .once(first)
    }

    /// Farther from UTC than any clock.
    private static let reach: Int64 = 26 * 3600
}
