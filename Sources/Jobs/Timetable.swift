/// Decides what becomes of the slots between two moments. Pure: the moments are the database's.
package struct Timetable: Sendable {
    /// What becomes of one slot, as far as the clock decides it; overlap is decided where the jobs are.
    package struct Verdict: Hashable, Sendable {
        package let slot: Moment
        /// Why it is skipped; `nil`: it fires.
        package let skipped: String?

        package init(slot: Moment, skipped: String? = nil) {
            self.slot = slot
            self.skipped = skipped
        }
    }

    /// A slot that is at most so late still fires in any case; later, it was missed.
    package static let lateMax = Duration.seconds(30)

    /// So many slots are decided one by one, the newest; what lies before them is told by the oldest of them.
    package static let slotsMax = 1100

    private let line: ScheduleLine

    package init(_ line: ScheduleLine) { self.line = line }

    /// The slots after `decided` up to `now`, the oldest first.
    package func verdicts(after decided: Moment, through now: Moment) -> [Verdict] {
        let (slots, hasMore) = slots(after: decided, through: now)
        let onTime = Moment(now.seconds - Int64(Timetable.lateMax.inSeconds))
        let missed = slots.prefix { $0 < onTime }
        let made = madeUp(of: missed.count, someAreOnTime: missed.count < slots.count)
        return slots.enumerated().map { index, slot in
            guard index < missed.count - made else { return Verdict(slot: slot) }
            var why =
                "missed, \(Duration.seconds(now.seconds - slot.seconds).text) ago: missed = \(line.missed)"
            if index == 0, hasMore { why += "; so were all before it since \(decided.text)" }
            return Verdict(slot: slot, skipped: why)
        }
    }

    /// How many of the missed slots fire after all, the newest.
    private func madeUp(of missed: Int, someAreOnTime: Bool) -> Int {
        switch line.missed {
        case .skip: 0
        // A slot that is on time runs for those before it as well.
        case .last: someAreOnTime ? 0 : min(1, missed)
        case .all(let count): min(count, missed)
        }
    }

    private func slots(after decided: Moment, through now: Moment) -> (slots: [Moment], hasMore: Bool) {
        var slots: [Moment] = []
        var before = Moment(now.seconds + 1)
        while let slot = line.expression.previous(before: before, in: line.zone), slot > decided {
            if slots.count == Timetable.slotsMax { return (slots.reversed(), true) }
            slots.append(slot)
            before = slot
        }
        return (slots.reversed(), false)
    }
}
