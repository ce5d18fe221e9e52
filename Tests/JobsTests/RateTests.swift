import Jobs
import Testing

@Suite("A rate")
struct RateTests {
    @Test(
        "is read with its span and its burst",
        arguments: [
            ("5/s", Rate(count: 5, per: .seconds(1))), ("100/5m", Rate(count: 100, per: .seconds(300))),
            ("10/s burst 20", Rate(count: 10, per: .seconds(1), burst: 20)),
            ("0.5/s", Rate(count: 0.5, per: .seconds(1))),
            ("1/250ms", Rate(count: 1, per: .milliseconds(250))),
            ("3/h", Rate(count: 3, per: .seconds(3600))),
            ("100000/s", Rate(count: 100_000, per: .seconds(1))),
            ("1/1h30m", Rate(count: 1, per: .seconds(5400))),
        ])
    func reads(text: String, rate: Rate) {
        #expect(Rate(text: text) == rate)
    }

    @Test(
        "is refused when it is anything else",
        arguments: [
            "", "/", "5", "5/", "/s", "0/s", "-1/s", "5/0s", "5/x", "5/5", "5 /s", "5/ s", "inf/s", "nan/s",
            "100001/s",
            "5/s burst", "5/s burst 0", "5/s burst -1", "5/s burst x", "5/s burst 100001", "5/s bursts 5",
            "5/s 5",
            "5/s burst 5 5", "5/-1s", "5//s", "1e-300/s", "5/s/s",
        ])
    func refuses(text: String) {
        #expect(Rate(text: text) == nil)
    }

    @Test(
        "spaces evenly",
        arguments: [("5/s", 0.2), ("100/5m", 3), ("10/s burst 20", 0.1), ("0.5/s", 2), ("1/250ms", 0.25)])
    func spacing(text: String, seconds: Double) throws {
        let rate = try #require(Rate(text: text))
        #expect(abs(rate.interval.inSeconds - seconds) < 1e-9)
    }

    @Test(
        "read from its own description is the same", arguments: ["5/s", "100/5m", "10/s burst 20", "0.5/s"])
    func roundTrip(text: String) throws {
        let rate = try #require(Rate(text: text))
        #expect(Rate(text: rate.description) == rate)
    }
}
