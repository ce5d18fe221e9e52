internal import Jobs

/// When a line fires, in words: its next firings, what changes of clocks do to them, and what a downtime does.
struct Explanation {
    /// Which firings are told.
    struct Span {
        let from: Moment
        let until: Moment?
        let count: Int
    }

    static let countDefault = 10
    static let countMax = 1000
    /// So many firings of a downtime are told by their times.
    private static let madeUpTold = 5

    private let line: ScheduleLine
    private let firings: [Moment]
    private let hasMore: Bool
    /// The first firing that is not told.
    private let following: Moment?
    private let changes: [(at: Moment, words: String)]
    private let downtime: (from: Moment, to: Moment)?
    private let policies: [MissedPolicy]

    init(_ line: ScheduleLine, _ span: Span, down: (from: Moment, to: Moment)?, onlyOwnPolicy: Bool) {
        self.line = line
        downtime = down
        var all = [MissedPolicy.skip, .last]
        if case .all = line.missed { all.append(line.missed) } else { all.append(.all(upTo: 10)) }
        policies = onlyOwnPolicy ? [line.missed] : all
        var firings: [Moment] = []
        var next = line.next(after: Moment(span.from.seconds - 1))
        while let firing = next, firings.count < span.count, span.until.map({ firing < $0 }) ?? true {
            firings.append(firing)
            next = line.next(after: firing)
        }
        self.firings = firings
        following = next
        hasMore = next.flatMap { next in span.until.map { next < $0 } } ?? false
        let end = span.until ?? firings.last.map { Moment($0.seconds + 1) } ?? span.from
        // One that stands at the very beginning is told as well.
        changes = line.zone.changes(from: Moment(span.from.seconds - 1), until: end)
    }

    // MARK: For people

    var lines: [String] {
        let name = line.name.isEmpty ? "" : "\(line.name): "
        var head = "\(name)\(line.expression) in \(line.zone.name)"
        if !line.kind.isEmpty {
            head += ", kind \(line.kind), overlap \(line.overlap.rawValue), missed \(line.missed)"
        }
        if line.jitter > .zero { head += ", jitter \(line.jitter.text)" }
        var lines = [head]
        var untold = changes[...]
        for firing in firings {
            while let change = untold.first, change.at <= firing {
                lines.append("  -- \(change.words)")
                untold.removeFirst()
            }
            lines.append(contentsOf: told(firing))
        }
        lines += untold.map { "  -- \($0.words)" }
        if firings.isEmpty {
            lines.append(
                "  nothing fires there"
                    + (following.map { "; next: \(local($0))" } ?? ", and nothing after it"))
        } else if hasMore {
            lines.append("  and more")
        }
        return lines + downLines
    }

    private func told(_ firing: Moment) -> [String] {
        var words = "  \(local(firing))  \(firing.text)"
        let delay = line.delay(of: firing)
        if delay > .zero { words += "  its job begins \(delay.text) later" }
        guard let note = line.expression.note(of: firing, in: line.zone) else { return [words] }
        return [words, "      \(note)"]
    }

    /// `Sun 2027-03-28 03:00:00 CEST`.
    private func local(_ moment: Moment) -> String {
        let stretch = line.zone.stretch(at: moment)
        let local = stretch.local(moment)
        let day = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][local.date.weekday]
        return "\(day) \(local.date) \(local.text.suffix(8)) \(stretch.offset.name)"
    }

    private var downLines: [String] {
        guard let (from, to) = downtime else { return [] }
        var lines = [
            "  nobody there from \(local(from)) to \(local(to)), for \(Duration.seconds(to.seconds - from.seconds).text):"
        ]
        let isOneDay = line.zone.local(from).date == line.zone.local(to).date
        for policy in policies {
            let verdicts = verdicts(policy, from, to)
            let fired = verdicts.filter { $0.skipped == nil }.map(\.slot)
            let own = policy == line.missed ? "  (its own)" : ""
            let times = fired.suffix(Self.madeUpTold).map { slot in
                let local = line.zone.local(slot)
                return isOneDay ? String(local.text.suffix(8)) : "\(local.date) \(local.text.suffix(8))"
            }
            let list =
                fired.isEmpty
                ? "" : ": " + (fired.count > times.count ? "…, " : "") + times.joined(separator: ", ")
            let many = verdicts.count == Timetable.slotsMax ? "+" : ""
            lines.append(
                "    missed = \(policy): of \(verdicts.count)\(many) slots \(fired.count) \(fired.count == 1 ? "fires" : "fire")\(list)\(own)"
            )
        }
        if line.overlap != .allow {
            lines.append("    as far as overlap = \(line.overlap.rawValue) lets them")
        }
        return lines
    }

    private func verdicts(_ policy: MissedPolicy, _ from: Moment, _ to: Moment) -> [Timetable.Verdict] {
        var line = line
        line.missed = policy
        return Timetable(line).verdicts(after: from, through: to)
    }

    // MARK: For programs

    var json: JSONText {
        var members: [(String, JSONText)] = [
            ("name", line.name.isEmpty ? .null : .string(line.name)),
            ("expression", .string(line.expression.text)), ("zone", .string(line.zone.name)),
            (
                "firings",
                .array(
                    firings.map { firing in
                        .object([
                            ("at", .string(firing.text)), ("local", .string(line.zone.local(firing).text)),
                            ("offset", .string(line.zone.stretch(at: firing).offset.name)),
                            ("delay", JSONText(line.delay(of: firing))),
                            ("note", JSONText(line.expression.note(of: firing, in: line.zone))),
                        ])
                    })
            ),
            (
                "changes",
                .array(changes.map { .object([("at", .string($0.at.text)), ("words", .string($0.words))]) })
            ),
        ]
        if let (from, to) = downtime {
            let answers = policies.map { policy in
                let verdicts = verdicts(policy, from, to)
                let fired = verdicts.filter { $0.skipped == nil }
                return JSONText.object([
                    ("missed", .string(policy.description)), ("slots", JSONText(verdicts.count)),
                    ("fire", .array(fired.map { .string($0.slot.text) })),
                ])
            }
            members.append(("down", .array(answers)))
        }
        return .object(members)
    }
}
