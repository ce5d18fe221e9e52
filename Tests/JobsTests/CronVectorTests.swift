import Jobs
import Testing

@Suite("The vectors of other libraries")
struct CronVectorTests {
    /// Why a row is none of our dialect; `nil`: it is.
    private func foreign(_ row: [String: String]) -> String? {
        let (dialect, expression) = (row["dialect"] ?? "", row["expression"] ?? "")
        let fields = expression.split(separator: " ")
        switch dialect {
        case "cronexpr-7", "quartz-7", "croniter-7 (7th = year)": return "with a field of years"
        case "croniter-6 (6th field = seconds)": return "with the seconds last"
        default: break
        }
        if expression.uppercased().contains("H/")
            || fields.contains(where: { $0.uppercased().hasPrefix("H") })
        {
            return "with H, a hash"
        }
        if expression.lowercased().hasPrefix("@every") { return "with @every" }
        if (row["note"] ?? "").contains("\"expand_from_start_time\": \"True\"") {
            return "counting steps from the start time"
        }
        if (row["note"] ?? "").contains("\"day_or\": \"False\"") { return "with both kinds of days at once" }
        if dialect.hasPrefix("cronos"), fields.count >= 5,
            [fields[fields.count - 1], fields[fields.count - 3]].allSatisfy({ $0 != "*" && $0 != "?" })
        {
            return "with both kinds of days at once"
        }
        if row["seed"]?.isEmpty == false { return "with a seed that moves them" }
        if dialect.hasPrefix("cronexpr"), expression.contains("friday") { return "with whole names of days" }
        if dialect.hasPrefix("croniter"), fields.contains(where: { $0.lowercased().contains("-l") }) {
            return "with L as the end of a range"
        }
        if row["source"] == "kiorky/croniter:test_match", row["direction"] == "prev" {
            return "recorded from a little later than they say"
        }
        if dialect.hasPrefix("croniter"), ["7-7", "SUN-SUN"].contains(fields.last?.uppercased()) {
            return "where a day to itself is the whole week"
        }
        if dialect.hasPrefix("croniter"), fields.last?.uppercased() == "THU-TUE/2" {
            return "where a step starts anew with the week"
        }
        if expression.contains("#"), fields.last?.contains("-") == true { return "with # behind a range" }
        return nil
    }

    /// Rows of which only the answer is another library's.
    private func disagreeing(_ row: [String: String]) -> String? {
        let key = [row["source"], row["expression"], row["from_local"]].map { $0 ?? "" }.joined(
            separator: "|")
        return Self.disagreements.first { key.hasPrefix($0.row) }?.reason
    }

    private static let disagreements: [(row: String, reason: String)] = [
        (
            "robfig/cron:TestNext|0 30 1 04 Nov ?|2012-11-04T01:45:00-04:00",
            "where a fixed time that comes twice fires twice"
        ),
        (
            "Cronos:GetNextOccurrence_HandleDifficultDSTCases_WhenTheClockJumpsForwardOnFriday|30 0 L  * *|2017-03-31T01:00:00+03:00",
            "where the firing after a gap does not follow from its own instant"
        ),
        (
            "Cronos:GetNextOccurrence_HandleDifficultDSTCases_WhenTheClockJumpsForwardOnFriday|30 0 LW * *|2018-03-30T01:00:00+03:00",
            "where the firing after a gap does not follow from its own instant"
        ),
    ]

    @Test("of our dialect: each expression fires when they say")
    func nextFire() throws {
        var counts = Counts()
        for row in try CronVectors.rows("next_fire.tsv") {
            if let reason = foreign(row) ?? disagreeing(row) {
                counts.skip(reason)
                continue
            }
            let expected = row["expected_utc"] ?? ""
            let told = (try? answer(row, count: expected.split(separator: ";").count)) ?? "NONE"
            #expect(
                told == expected,
                "\(row["source"] ?? "") \(row["expression"] ?? "") \(row["zone"] ?? "") from \(row["from_local"] ?? "") \(row["direction"] ?? "") \(row["note"] ?? "")"
            )
            counts.pass()
        }
        counts.print("cron next_fire.tsv")
        #expect(counts.passed > 500)
    }

    private func answer(_ row: [String: String], count: Int) throws -> String {
        let zone = try CronVectors.zone(row["zone"] ?? "")
        let expression = try CronExpression(row["expression"] ?? "")
        let text = row["from_utc"] ?? ""
        let fraction =
            text.firstIndex(of: ".").map { text[$0...].contains { "123456789".contains($0) } } ?? false
        let whole = text.prefix { $0 != "." && $0 != "Z" }
        guard let from = zone.moment(text: whole + "Z") else { return "?" }
        let isForward = row["direction"] == "next"
        // What comes after a fraction of a second comes after the second.
        let isIncluded = row["inclusive"] == "1" && !fraction
        var at = Moment(from.seconds + (isIncluded ? (isForward ? -1 : 1) : !isForward && fraction ? 1 : 0))
        var told: [String] = []
        for _ in 0..<count {
            guard
                let firing = isForward
                    ? expression.next(after: at, in: zone) : expression.previous(before: at, in: zone)
            else { return "NONE" }
            told.append(firing.text)
            at = firing
        }
        return told.joined(separator: ";")
    }

    @Test("of our dialect: what they refuse is refused")
    func invalid() throws {
        var counts = Counts()
        for row in try CronVectors.rows("invalid.tsv") {
            if row["dialect"] == "quartz-7" {
                counts.skip("with a field of years")
                continue
            }
            let expression = row["expression"] ?? ""
            let isRefused = (try? CronExpression(expression)) == nil
            #expect(isRefused, "\(row["source"] ?? "") \(expression): \(row["complaint_about"] ?? "")")
            counts.pass()
        }
        counts.print("cron invalid.tsv")
        #expect(counts.passed > 150)
    }

    @Test("of our dialect: a local time matches when they say")
    func satisfied() throws {
        var counts = Counts()
        for row in try CronVectors.rows("satisfied.tsv") {
            if let reason = foreign(row) {
                counts.skip(reason)
                continue
            }
            let expression = try CronExpression(row["expression"] ?? "")
            let moment = try #require(TimeZoneRules.utc.moment(text: row["local_time"] ?? ""))
            let isMatch = expression.matches(TimeZoneRules.utc.local(moment))
            #expect(isMatch == (row["matches"] == "true"), "\(expression) \(row["local_time"] ?? "")")
            counts.pass()
        }
        counts.print("cron satisfied.tsv")
        #expect(counts.passed > 10)
    }
}
