import Jobs

/// An expression made from sets, so that its text can be held against what it was made from.
struct DrawnExpression {
    /// A field: its text, which values it names, and whether it has a `*`, a range or a step.
    struct Field {
        let text: String
        let values: Set<Int>
        let recurs: Bool
    }

    let text: String
    let minute: Field
    let hour: Field
    let month: Field
    let dayText: String
    let day: (CivilDate) -> Bool
    var recurs: Bool { minute.recurs || hour.recurs }

    init(_ random: inout some RandomNumberGenerator) {
        minute = .draw(0...59, &random)
        hour = .draw(0...23, &random)
        month = Int.random(in: 0..<3, using: &random) > 0 ? .every(1...12) : .draw(1...12, &random)
        let (days, weekdays) = (Self.drawDay(&random), Self.drawWeekday(&random))
        dayText = days.text
        switch (days.text, weekdays.text) {
        case ("*", "*"): day = { _ in true }
        case ("*", _): day = weekdays.has
        case (_, "*"): day = days.has
        default: day = { days.has($0) || weekdays.has($0) }
        }
        text = "\(minute.text) \(hour.text) \(days.text) \(month.text) \(weekdays.text)"
    }

    func names(_ minuteOfLocal: Int64) -> Bool {
        let (day, minute) = minuteOfLocal.quotientAndRemainder(dividingBy: 1440)
        guard self.minute.values.contains(Int(minute % 60)), hour.values.contains(Int(minute / 60)) else {
            return false
        }
        let date = CivilDate(daysSince1970: day)
        return month.values.contains(date.month) && self.day(date)
    }

    private static func drawDay(
        _ random: inout some RandomNumberGenerator
    ) -> (text: String, has: (CivilDate) -> Bool) {
        func length(_ date: CivilDate) -> Int { CivilDate.days(inMonth: date.month, of: date.year) }
        func isWorkday(_ day: Int, _ date: CivilDate) -> Bool {
            !isWeekend(CivilDate(year: date.year, month: date.month, day: day))
        }
        func isWeekend(_ date: CivilDate) -> Bool { date.weekday == 0 || date.weekday == 6 }
        let number = Int.random(in: 1...31, using: &random)
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return ("L", { $0.day == length($0) })
        case 1: return ("L-\(number - 1)", { $0.day == length($0) - number + 1 })
        case 2:
            return (
                "LW", { date in date.day == (1...length(date)).last { isWorkday($0, date) } }
            )
        case 3:
            return (
                "\(number)W",
                { date in
                    guard number <= length(date) else { return false }
                    // The nearest, a day before rather than a day after.
                    let order = [0, -1, 1, -2, 2].map { number + $0 }
                    return date.day == order.first { (1...length(date)).contains($0) && isWorkday($0, date) }
                }
            )
        case 4:
            let field = Field.draw(1...31, &random)
            return (field.text, { field.values.contains($0.day) })
        default: return ("*", { _ in true })
        }
    }

    private static func drawWeekday(
        _ random: inout some RandomNumberGenerator
    ) -> (text: String, has: (CivilDate) -> Bool) {
        let weekday = Int.random(in: 0...6, using: &random)
        let name = ["sun", "Mon", "TUE", "wed", "Thu", "FRI", "sat"][weekday]
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
            let number = Int.random(in: 1...5, using: &random)
            return ("\(name)#\(number)", { $0.weekday == weekday && ($0.day + 6) / 7 == number })
        case 1:
            return (
                "\(name)L",
                { $0.weekday == weekday && $0.day + 7 > CivilDate.days(inMonth: $0.month, of: $0.year) }
            )
        case 2:
            let field = Field.draw(0...6, &random)
            return (field.text, { field.values.contains($0.weekday) })
        default: return ("*", { _ in true })
        }
    }
}

extension DrawnExpression.Field {
    static func every(_ range: ClosedRange<Int>) -> Self { Self(text: "*", values: Set(range), recurs: true) }

    static func draw(_ range: ClosedRange<Int>, _ random: inout some RandomNumberGenerator) -> Self {
        func number() -> Int { Int.random(in: range, using: &random) }
        switch Int.random(in: 0..<7, using: &random) {
        case 0: return every(range)
        case 1:
            let (a, b) = (number(), number())
            return Self(text: "\(min(a, b))-\(max(a, b))", values: Set(min(a, b)...max(a, b)), recurs: true)
        case 2:
            let step = Int.random(in: 2...max(2, range.upperBound / 2), using: &random)
            return Self(
                text: "*/\(step)",
                values: Set(stride(from: range.lowerBound, through: range.upperBound, by: step)),
                recurs: true)
        case 3:
            let (start, step) = (number(), Int.random(in: 2...max(2, range.upperBound / 2), using: &random))
            return Self(
                text: "\(start)/\(step)",
                values: Set(stride(from: start, through: range.upperBound, by: step)),
                recurs: true)
        case 4:
            // Over the end and on from the beginning.
            let (a, b) = (number(), number())
            guard a != b else { return Self(text: "\(a)", values: [a], recurs: false) }
            let (low, high) = (max(a, b), min(a, b))
            return Self(
                text: "\(low)-\(high)", values: Set(low...range.upperBound).union(range.lowerBound...high),
                recurs: true)
        default:
            let values = (0..<Int.random(in: 1...4, using: &random)).map { _ in number() }
            return Self(
                text: values.map(String.init).joined(separator: ","), values: Set(values), recurs: false)
        }
    }
}

/// All firings in a stretch of time, found by walking through every minute of it and looking at the clock.
struct CronOracle {
    /// By minute since 1970.
    let firings: [Int64]

    /// - Parameter clock: the offset in minutes, by minute.
    init(_ expression: DrawnExpression, minutes: Range<Int64>, clock: [Int64]) {
        var firings: [Int64] = []
        var shownUpTo = minutes.lowerBound + clock[0] - 1
        for (minute, offset) in zip(minutes, clock) {
            let local = minute + offset
            if local > shownUpTo {
                // What was skipped fires here, together with what is shown here.
                if (shownUpTo + 1...local).contains(where: expression.names) { firings.append(minute) }
                shownUpTo = local
            } else if expression.recurs, expression.names(local) {
                firings.append(minute)
            }
        }
        self.firings = firings
    }
}
