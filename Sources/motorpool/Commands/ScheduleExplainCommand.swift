internal import Jobs
internal import Platform

/// Tells when lines fire, and what a downtime does to them. Asks no database.
enum ScheduleExplainCommand: Command {
    static let name = "schedule explain"
    static let summary = "Tell when lines fire, changes of clocks included, and what a downtime does to them"
    static let operands = [Operand("NAME|EXPR", isRequired: false)]
    static let settings: Set<Setting.Group> = [.policies, .trial, .trial]
    static let from = Flag("--from", "TIME", "From here on; default now. A date alone is that whole day")
    static let until = Flag("--until", "TIME", "Up to here")
    static let count = Flag(
        "--count", "N", "At most so many firings a line; default \(Explanation.countDefault)")
    static let zone = Flag("--zone", "ZONE", "In this zone, whatever the line says")
    static let missed = Flag("--missed", "POLICY", "With this policy, whatever the line says")
    static let down = Flag("--down", "FROM..TO", "What fires when nobody was there from FROM to TO")
    static let flags = [from, until, count, zone, missed, down, Flag.json]
    static let notes = """
        Without an operand: every line of scheduler.conf. An operand with a space or an @ is an expression.
        Times are local times of the zone, or end in Z or an offset: 2027-03-28, 2027-03-28T02:30, 2027-03-28T00:30Z.
        Try: motorpool schedule explain "30 2 * * *" --zone Europe/Berlin --from 2027-03-28
             motorpool schedule explain "* * * * *" --down 2027-05-01T12:00..2027-05-01T12:10
        """

    static func run(_ call: Invocation) async throws -> ExitCode {
        var lines = try wanted(call)
        let zone = try call.value(zone, expected: "a time zone like Europe/Berlin, UTC or +05:30") {
            try? Zones.named($0)
        }
        let policy = try call.value(missed, expected: "skip, last, or all up to n") { MissedPolicy(text: $0) }
        for index in lines.indices {
            if let zone { lines[index].zone = zone }
            if let policy { lines[index].missed = policy }
        }
        let isJSON = call.has(.json)
        for (index, line) in lines.enumerated() {
            let downtime = try downtime(call, in: line.zone)
            let explanation = Explanation(
                line, try span(call, in: line.zone, orFrom: downtime?.from), down: downtime,
                onlyOwnPolicy: policy != nil)
            if isJSON {
                Console.print(explanation.json.text)
            } else {
                if index > 0 { Console.print("") }
                for text in explanation.lines { Console.print(text) }
            }
        }
        return .ok
    }

    private static func wanted(_ call: Invocation) throws -> [ScheduleLine] {
        if let operand = call.operands.first, operand.contains(" ") || operand.hasPrefix("@") {
            do {
                return [ScheduleLine(name: "", expression: try CronExpression(operand), kind: "")]
            } catch {
                throw UsageError("“\(operand)”: \(error)")
            }
        }
        let lines = try Workplace.policies(call.settings).schedule
        guard let name = call.operands.first else {
            guard !lines.isEmpty else { throw Refusal("there is no scheduler.conf, or none with a line") }
            return lines
        }
        guard let line = lines.first(where: { $0.name == name }) else {
            throw ScheduleListCommand.unknown(name, lines.map(\.name))
        }
        return [line]
    }

    private static let timeExpected = "a time like 2027-03-28 or 2027-03-28T02:30"

    /// - Parameter other: where it begins when nothing else is said; `nil`: now.
    private static func span(
        _ call: Invocation, in zone: TimeZoneRules, orFrom other: Moment?
    ) throws -> Explanation.Span {
        let now = Moment(WallClock.microseconds / 1_000_000)
        let start = try call.value(from, expected: timeExpected) { zone.moment(text: $0) }
        let end = try call.value(until, expected: timeExpected) { zone.moment(text: $0) }
        let limit = try call.whole(count, in: 1...1000)
        let isDay = call.text(from)?.count == 10 && end == nil && limit == nil
        let day = start.map { zone.local($0).date }
        let nextDay = day.map { LocalTime(CivilDate(daysSince1970: $0.daysSince1970 + 1)) }
        let dayEnd = isDay ? nextDay.flatMap { zone.moment(text: $0.text) } : nil
        return Explanation.Span(
            from: start ?? other ?? now, until: end ?? dayEnd,
            count: limit ?? (end == nil && dayEnd == nil ? Explanation.countDefault : Explanation.countMax))
    }

    private static func downtime(_ call: Invocation, in zone: TimeZoneRules) throws -> (
        from: Moment, to: Moment
    )? {
        try call.value(down, expected: "FROM..TO, two times like 2027-03-28T02:30, the earlier one first") {
            text in
            guard let dots = text.firstRange(of: "..") else { return nil }
            guard let from = zone.moment(text: String(text[..<dots.lowerBound])),
                let to = zone.moment(text: String(text[dots.upperBound...])), from < to
            else { return nil }
            return (from, to)
        }
    }
}
