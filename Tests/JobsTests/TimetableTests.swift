import Jobs
import Testing

@Suite("The timetable")
struct TimetableTests {
    private static let noon = Moment(1_800_014_400)

    private func line(_ when: String, _ missed: MissedPolicy) throws -> ScheduleLine {
        var line = ScheduleLine(name: "line", expression: try CronExpression(when), kind: "noop")
        line.missed = missed
        return line
    }

    struct Row: Sendable {
        let when: String
        let missed: MissedPolicy
        let downSeconds: Int64
        let lateSeconds: Int64
        let slots: Int
        let fired: Int
    }

    @Test(
        "decides what becomes of the slots in which nobody was there",
        arguments: [
            Row(when: "* * * * *", missed: .skip, downSeconds: 600, lateSeconds: 5, slots: 10, fired: 1),
            Row(when: "* * * * *", missed: .skip, downSeconds: 600, lateSeconds: 45, slots: 10, fired: 0),
            Row(when: "* * * * *", missed: .last, downSeconds: 600, lateSeconds: 5, slots: 10, fired: 1),
            Row(when: "* * * * *", missed: .last, downSeconds: 600, lateSeconds: 45, slots: 10, fired: 1),
            Row(
                when: "* * * * *", missed: .all(upTo: 4), downSeconds: 600, lateSeconds: 45, slots: 10,
                fired: 4),
            Row(
                when: "* * * * *", missed: .all(upTo: 4), downSeconds: 600, lateSeconds: 5, slots: 10,
                fired: 5),
            Row(
                when: "* * * * *", missed: .all(upTo: 40), downSeconds: 600, lateSeconds: 45, slots: 10,
                fired: 10),
            Row(when: "* * * * * *", missed: .skip, downSeconds: 600, lateSeconds: 0, slots: 600, fired: 31),
            Row(when: "* * * * * *", missed: .last, downSeconds: 3, lateSeconds: 0, slots: 3, fired: 3),
            Row(when: "0 0 * * *", missed: .last, downSeconds: 600, lateSeconds: 45, slots: 0, fired: 0),
            Row(
                when: "* * * * * *", missed: .skip, downSeconds: 86_400, lateSeconds: 0,
                slots: Timetable.slotsMax, fired: 31),
        ])
    func policies(row: Row) throws {
        let line = try line(row.when, row.missed)
        let now = Moment(Self.noon.seconds + row.lateSeconds)
        let verdicts = Timetable(line).verdicts(
            after: Moment(Self.noon.seconds - row.downSeconds), through: now)
        #expect(verdicts.count == row.slots)
        #expect(verdicts.count { $0.skipped == nil } == row.fired)
        #expect(verdicts.map(\.slot) == verdicts.map(\.slot).sorted())
        // The newest fire.
        #expect(verdicts.suffix(row.fired).allSatisfy { $0.skipped == nil })
    }

    @Test("says of the oldest slot that is kept what came before it")
    func more() throws {
        let decided = Moment(Self.noon.seconds - 86_400)
        let verdicts = Timetable(try line("* * * * * *", .skip)).verdicts(after: decided, through: Self.noon)
        let oldest = try #require(verdicts.first?.skipped)
        #expect(oldest.hasSuffix("; so were all before it since \(decided.text)"))
        #expect(verdicts[1].skipped?.contains("so were") == false)
    }

    @Test("delays the job of a slot by less than its jitter, and always by the same")
    func jitter() throws {
        var line = try line("* * * * *", .last)
        #expect(line.delay(of: Self.noon) == .zero)
        line.jitter = .seconds(60)
        let delays = (0..<1000).map { line.delay(of: Moment(Self.noon.seconds + $0 * 60)) }
        #expect(delays == (0..<1000).map { line.delay(of: Moment(Self.noon.seconds + $0 * 60)) })
        #expect(delays.allSatisfy { $0 >= .zero && $0 < line.jitter })
        let mean = delays.reduce(.zero, +) / 1000
        #expect((Duration.seconds(27)...Duration.seconds(33)).contains(mean))
        #expect(Set(delays).count > 900)
    }

    @Test(
        "reads the policies",
        arguments: [
            ("skip", "skip"), ("last", "last"), ("all up to 5", "all up to 5"), ("all up to 0", nil),
            ("all", nil),
            ("all up to 1001", nil), ("", nil), ("skip it", nil),
        ])
    func words(text: String, told: String?) {
        #expect(MissedPolicy(text: text)?.description == told)
    }
}
