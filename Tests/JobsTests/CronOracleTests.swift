import Foundation
import Jobs
import TestSupport
import Testing

@Suite("The search for firings")
struct CronOracleTests {
    /// Places and days at which their clocks do something.
    private static let changes = [
        ("Europe/Berlin", "2027-03-28"), ("Europe/Berlin", "2027-10-31"), ("Europe/Berlin", "2061-10-30"),
        ("America/New_York", "2016-03-13"), ("America/New_York", "2016-11-06"),
        ("Australia/Lord_Howe", "2017-10-01"), ("Australia/Lord_Howe", "2017-04-02"),
        ("Australia/Lord_Howe", "2050-04-03"), ("Asia/Kathmandu", "1986-01-01"),
        ("Pacific/Apia", "2011-12-30"),
        ("America/Santiago", "2017-05-14"), ("America/Santiago", "2017-08-13"), ("Asia/Amman", "2017-03-31"),
        ("Antarctica/Troll", "2020-03-29"), ("Antarctica/Troll", "2020-10-25"),
        ("Europe/Dublin", "2030-10-27"),
        ("America/Caracas", "2007-12-09"), ("Asia/Pyongyang", "2018-05-05"), ("UTC", "2024-02-29"),
        ("Africa/Casablanca", "2024-03-10"),
    ]

    @Test("equals a walk through every minute, both ways, where clocks change: a million instants")
    func oracle() throws {
        var dice = Dice(seed: 2027, "cron")
        var (pairs, expressions) = (0, 0)
        for (name, day) in Self.changes {
            let zone = try CronVectors.zone(name)
            let middle = try #require(zone.moment(text: day)).seconds / 60
            let minutes = middle - 4 * 1440..<middle + 5 * 1440
            let clock = minutes.map { zone.stretch(at: Moment($0 * 60)).offset.seconds / 60 }
            for _ in 0..<10 {
                let drawn = DrawnExpression(&dice)
                guard let expression = try? CronExpression(drawn.text) else { continue }
                expressions += 1
                let firings = CronOracle(drawn, minutes: minutes, clock: clock).firings
                pairs += compare(expression, zone, minutes, firings)
            }
        }
        print("cron oracle: \(pairs) pairs of expression and instant, \(expressions) expressions")
        #expect(pairs >= 1_000_000)
    }

    /// - Returns: how many instants were compared.
    private func compare(
        _ expression: CronExpression, _ zone: TimeZoneRules, _ minutes: Range<Int64>, _ firings: [Int64]
    ) -> Int {
        var (following, preceding) = (0, -1)
        var wrong: [String] = []
        // The first two days only teach the oracle what the clock has shown.
        for minute in minutes {
            while following < firings.count, firings[following] <= minute { following += 1 }
            while preceding + 1 < firings.count, firings[preceding + 1] < minute { preceding += 1 }
            guard minute > minutes.lowerBound + 2880 else { continue }
            let next = expression.next(after: Moment(minute * 60), in: zone)?.seconds
            let isNext =
                following < firings.count
                ? next == firings[following] * 60 : next.map { $0 >= minutes.upperBound * 60 } ?? true
            let previous = expression.previous(before: Moment(minute * 60), in: zone)?.seconds
            let isPrevious =
                preceding >= 0
                ? previous == firings[preceding] * 60
                : previous.map { $0 <= minutes.lowerBound * 60 + 86_400 } ?? true
            if !isNext || !isPrevious, wrong.count < 3 {
                wrong.append(
                    "“\(expression)” in \(zone.name) from \(Moment(minute * 60).text): next \(next.map { Moment($0).text } ?? "none"), previous \(previous.map { Moment($0).text } ?? "none")"
                )
            }
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
        return (minutes.count - 2881) * 2
    }

    @Test(
        "knows the clocks of a place as another library does",
        arguments: [
            "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia",
            "America/Santiago", "Europe/Dublin", "Asia/Tokyo", "Antarctica/Troll",
        ])
    func clocks(name: String) throws {
        let zone = try CronVectors.zone(name)
        let other = try #require(TimeZone(identifier: name))
        var wrong = 0
        for hour in stride(from: Int64(0), to: 57 * 8766, by: 5) {
            let moment = Moment(hour * 3600 + 1800)
            let offset = other.secondsFromGMT(for: Date(timeIntervalSince1970: Double(moment.seconds)))
            if zone.stretch(at: moment).offset.seconds != Int64(offset) { wrong += 1 }
        }
        #expect(wrong == 0)
    }

    @Test("finds the next firing of a minute, a second and a leap day, and ends where there is none")
    func ends() throws {
        let start = try #require(TimeZoneRules.utc.moment(text: "2097-01-01"))
        let leap = try CronExpression("0 0 29 2 *")
        #expect(leap.next(after: start, in: .utc)?.text == "2104-02-29T00:00:00Z")
        #expect(leap.previous(before: start, in: .utc)?.text == "2096-02-29T00:00:00Z")
        let second = try CronExpression("* * * * * *")
        #expect(second.next(after: start, in: .utc) == Moment(start.seconds + 1))
        #expect(second.previous(before: start, in: .utc) == Moment(start.seconds - 1))
        let rare = try CronExpression("0 0 * 2 MON#5")
        #expect(rare.next(after: start, in: .utc)?.text == "2112-02-29T00:00:00Z")
        let last = try #require(TimeZoneRules.utc.moment(text: "9999-12-31T23:59:59"))
        #expect(second.next(after: last, in: .utc) == nil)
        #expect(second.next(after: Moment(.max), in: .utc) == nil)
        #expect(second.previous(before: Moment(.min), in: .utc) == nil)
    }
}
