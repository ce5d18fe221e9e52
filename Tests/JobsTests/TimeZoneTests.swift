import Jobs
import Platform
import Testing

@Suite("Time zones")
struct TimeZoneTests {
    @Test(
        "say in words what a change of clocks does to a firing",
        arguments: [
            (
                "30 2 * * *", "2027-03-27T12:00",
                "02:30 does not exist on 2027-03-28, when clocks go from 02:00 to 03:00: fires at 03:00"
            ),
            (
                "*/20 2,3 * * *", "2027-03-27T12:00",
                "02:00, 02:20 and 02:40 do not exist on 2027-03-28, when clocks go from 02:00 to 03:00: fires once for all of them, at 03:00, which is a time of the line anyway"
            ),
            (
                "30 2 * * *", "2027-10-30T12:00",
                "02:30 comes twice on 2027-10-31, in CEST and in CET: fires the first time only"
            ),
            (
                "30 * * * *", "2027-10-31T01:45",
                "02:30 comes twice on 2027-10-31, in CEST and in CET: fires both times, this is the first"
            ),
            ("30 2 * * *", "2027-05-01", nil),
        ])
    func notes(when: String, from: String, note: String?) throws {
        let zone = try CronVectors.zone("Europe/Berlin")
        let start = try #require(zone.moment(text: from))
        let expression = try CronExpression(when)
        let firing = try #require(expression.next(after: start, in: zone))
        #expect(expression.note(of: firing, in: zone) == note)
    }

    @Test(
        "know what a local time means",
        arguments: [
            ("2027-03-28T02:30", "2027-03-28T01:00:00Z"), ("2027-10-31T02:30", "2027-10-31T00:30:00Z"),
            ("2027-10-31T02:30+01:00", "2027-10-31T01:30:00Z"), ("2027-10-31 02:30Z", "2027-10-31T02:30:00Z"),
            ("2027-07-01", "2027-06-30T22:00:00Z"), ("2080-07-01T00:00:30", "2080-06-30T22:00:30Z"),
            ("2027-02-29", nil), ("2027-13-01", nil), ("27-01-01", nil), ("2027-01-01T25:00", nil),
            ("2027-01-01T00:00x", nil), ("", nil),
        ])
    func moments(text: String, told: String?) throws {
        let zone = try CronVectors.zone("Europe/Berlin")
        #expect(zone.moment(text: text)?.text == told)
    }

    @Test("follow the rule of the footer for centuries, also where summer begins in autumn")
    func footers() throws {
        let berlin = try CronVectors.zone("Europe/Berlin")
        let summer = try #require(berlin.moment(text: "2500-07-01T12:00Z"))
        #expect(berlin.stretch(at: summer).offset.name == "CEST")
        let south = try CronVectors.zone("Australia/Lord_Howe")
        let january = try #require(south.moment(text: "2300-01-01T00:00Z"))
        #expect(south.stretch(at: january).offset.seconds == 11 * 3600)
    }

    @Test("are refused when their file is broken anywhere")
    func broken() throws {
        let bytes = try ZoneInfo.read("Europe/Berlin")
        #expect(throws: ZoneFileFault.self) { try TimeZoneRules(name: "x", file: []) }
        for length in stride(from: 0, to: bytes.count - 1, by: 7) {
            let cut = Array(bytes[..<length])
            // Whatever it makes of them, it does not fall over; a cut footer may still read as a rule.
            _ = try? TimeZoneRules(name: "x", file: cut)
        }
        var wrong = bytes
        for index in stride(from: 0, to: bytes.count, by: 3) {
            wrong[index] ^= 0xff
            if let zone = try? TimeZoneRules(name: "x", file: wrong) {
                _ = zone.stretch(at: Moment(1_800_000_000))
            }
            wrong[index] = bytes[index]
        }
        #expect(throws: ZoneFileFault.self) {
            try TimeZoneRules(name: "x", file: Array(bytes[..<(bytes.count / 2)]))
        }
    }

    @Test(
        "are found by plain names only",
        arguments: [
            "../../../etc/passwd", "/etc/passwd", "Europe", "Europe/../UTC", "", "Europe/Nowhere", "a//b",
            "tzdata.zi\0",
        ])
    func names(name: String) {
        #expect(throws: ZoneInfo.Unreadable.self) { try ZoneInfo.read(name) }
    }

    @Test("need no file for UTC and fixed offsets")
    func builtIn() {
        #expect(TimeZoneRules(builtIn: "UTC") == .utc)
        #expect(TimeZoneRules(builtIn: "-03:30")?.stretch(at: Moment(0)).offset.seconds == -12_600)
        for text in ["+19:00", "+5:30", "05:30", "+05:60", "UTC+1", ""] {
            #expect(TimeZoneRules(builtIn: text) == nil)
        }
    }
}
