import Jobs
import Testing

@Suite("The text of a duration")
struct DurationTextTests {
    @Test(
        "is read in every unit and their joins",
        arguments: [
            ("250ms", Duration.milliseconds(250)), ("10s", .seconds(10)), ("5m", .seconds(300)),
            ("3h", .seconds(10_800)), ("2d", .seconds(172_800)), ("1h30m", .seconds(5400)),
            ("1d1h1m1s1ms", .milliseconds(90_061_001)), ("0s", .zero), ("1.5s", .milliseconds(1500)),
            (".5s", .milliseconds(500)), ("0.25h", .seconds(900)), ("90m", .seconds(5400)),
            ("1m1m", .seconds(120)), ("007s", .seconds(7)),
        ])
    func reads(text: String, duration: Duration) {
        #expect(Duration(text: text) == duration)
    }

    @Test(
        "is refused when it is anything else",
        arguments: [
            "", " ", "s", "5", "-5s", "+5s", "5 s", " 5s", "5s ", "5S", "5sec", "1h30", "1e3s", "1.2.3s",
            ".s",
            "5ms5", "∞s", "५s", "nan", "infs", "0x10s", "1000000000s", "99999999999999999999d", "5µs",
            "1h-5m", "1,5s",
            "5s\n", "\0",
        ])
    func refuses(text: String) {
        #expect(Duration(text: text) == nil)
    }

    @Test(
        "is printed in the shortest exact words",
        arguments: [
            (Duration.zero, "0s"), (.milliseconds(1), "1ms"), (.milliseconds(999), "999ms"),
            (.seconds(1), "1s"),
            (.milliseconds(1001), "1.001s"), (.milliseconds(61_500), "61.500s"), (.seconds(60), "1m"),
            (.seconds(90), "1m30s"), (.seconds(5400), "1h30m"), (.seconds(86_400), "1d"),
            (.seconds(90_061), "1d1h1m1s"),
            (.microseconds(400), "0s"), (.microseconds(600), "1ms"), (.seconds(-90), "-1m30s"),
        ])
    func prints(duration: Duration, text: String) {
        #expect(duration.text == text)
    }

    @Test(
        "read again is the same duration",
        arguments: [
            1, 7, 999, 1000, 1001, 59_999, 60_000, 61_001, 3_600_000, 5_400_000, 86_400_000, 99_999_999_999,
        ])
    func roundTrip(milliseconds: Int) {
        let duration = Duration.milliseconds(milliseconds)
        #expect(Duration(text: duration.text)?.text == duration.text)
        #expect(abs((Duration(text: duration.text) ?? .zero).inSeconds - duration.inSeconds) < 0.0005)
    }

    @Test("is refused beyond what can be printed and stored, however it is put together")
    func tooLong() {
        #expect(Duration(text: String(repeating: "999999999d", count: 1000)) == nil)
        #expect(Duration(text: "999999999d") == nil)
        #expect(Duration(text: "36500d") != nil)
    }

    @Test("has words for every duration there is", arguments: [1e17, -1e17, 1.7e19 / 2, 9.3e15])
    func huge(seconds: Double) {
        #expect(Duration.seconds(seconds).text.contains("d"))
    }
}
