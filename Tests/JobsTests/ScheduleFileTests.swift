import Jobs
import Testing

@Suite("scheduler.conf")
struct ScheduleFileTests {
    private struct NoZone: Error, CustomStringConvertible { let description = "is not known here" }

    private func read(_ text: String) -> ScheduleFile {
        ScheduleFile(file: "s", text: text, kinds: ["noop", "sleep"]) { name in
            guard let zone = TimeZoneRules(builtIn: name) else { throw NoZone() }
            return zone
        }
    }

    @Test("says everything about a line, and leaves out what has a default")
    func whole() throws {
        let file = read(
            """
            # a comment
            [full] # another
            when = 0 30 2 * * MON#2  # the second Monday
            zone = +05:30
            kind = sleep
            subject = the # sign, hashed#
            args = {"text": "a # b"}
            overlap = queue
            missed = all up to 12
            jitter = 1m30s

            [short]
            when=@daily
            kind=noop
            """)
        #expect(file.faults.isEmpty)
        let full = try #require(file.lines.first)
        #expect(full.expression.text == "0 30 2 * * MON#2" && full.zone.name == "+05:30")
        #expect(full.kind == "sleep" && full.subject == "the" && full.args == "{\"text\": \"a # b\"}")
        #expect(full.overlap == .queue && full.missed == .all(upTo: 12) && full.jitter == .seconds(90))
        let short = try #require(file.lines.last)
        #expect(short.name == "short" && short.zone == .utc && short.args == .emptyObject)
        #expect(short.overlap == .skip && short.missed == .last && short.jitter == .zero)
    }

    @Test("lists every fault with its line")
    func faults() {
        let file = read(
            """
            kind = noop
            [Bad Name]
            [a]
            when = 61 * * * *
            kind = nobody
            colour = red
            [b]
            zone = Nowhere/Else
            args = {
            missed = all
            overlap = both
            jitter = 2d
            jitter = 1s
            nonsense
            [b]
            when = 0 0 30 2 *
            kind = noop
            """)
        let told = file.faults.map { "\($0.line)" }
        #expect(file.lines.isEmpty)
        for line in [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16] {
            #expect(told.contains("\(line)"), "line \(line)")
        }
        let texts = file.faults.map(\.description)
        #expect(texts.contains { $0.hasPrefix("s:4: when: minute: expected 0-59") })
        #expect(texts.contains("s:8: zone: “Nowhere/Else” is not known here"))
        #expect(texts.contains("s:5: kind: expected a kind, one of noop, sleep, found “nobody”"))
        #expect(texts.contains("s:13: jitter is already set in line 12"))
    }

    @Test("takes no more lines than are worked")
    func bound() {
        let text = (0...ScheduleLine.linesMax).map { "[l\($0)]\nwhen = @daily\nkind = noop\n" }.joined()
        #expect(read(text).faults.map(\.message) == ["1001 lines, and at most 1000 are taken"])
    }
}
