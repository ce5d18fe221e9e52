import FoundationEssentials
import Jobs
import Testing

@Suite("The words of the queue")
struct WordsTests {
    @Test(
        "quote hostile text so that it reads back the same",
        arguments: [
            "", "plain", "\"", "\\", "\\\"", "\n\r\t", "\0", "\u{1}\u{1f}\u{7f}", "</script>",
            "\u{2028}\u{2029}",
            "ä€😀", "e\u{301}", "\r\n", "\u{FEFF}", "{\"a\":1}", "'; DROP TABLE jobs; --", "\u{202E}txt",
        ])
    func quoted(text: String) throws {
        let json = JSON.quoted(text)
        #expect(json.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f })
        let back = try JSONDecoder().decode([String].self, from: Data("[\(json)]".utf8))
        #expect(Array(back[0].unicodeScalars) == Array(text.unicodeScalars))
    }

    @Test("order levels: suspects, then each priority's returning ones before its fresh ones")
    func levels() {
        var order = [Level.suspect]
        for priority in [Priority.urgent, .high, .normal, .low] {
            order += [.returning(priority), .fresh(priority)]
        }
        #expect(order == order.sorted())
        #expect(Set(order).count == 9)
        #expect(Level.ordinary == Array(order.dropFirst()))
        #expect(!Level.ordinary.contains(.suspect))
    }

    @Test(
        "read a priority by name or digit",
        arguments: [
            ("urgent", Priority.urgent), ("high", .high), ("normal", .normal), ("low", .low), ("0", .urgent),
            ("3", .low),
        ])
    func priority(text: String, priority: Priority) {
        #expect(Priority(text: text) == priority)
        #expect(Priority(text: priority.description) == priority)
    }

    @Test("refuse a priority that is none", arguments: ["", "4", "-1", "Urgent", " low", "normal "])
    func noPriority(text: String) {
        #expect(Priority(text: text) == nil)
    }

    @Test("put the urgent first")
    func priorityOrder() {
        #expect(Priority.allCases.sorted() == [.urgent, .high, .normal, .low])
    }

    @Test("of an enqueue are these seven, because producers act on them")
    func verdicts() {
        #expect(
            Enqueued.Verdict.allCases.map(\.rawValue) == [
                "created", "duplicate", "joined", "again", "refused", "cooling", "mismatch",
            ])
    }

    @Test("stored for states and endings never change")
    func stored() {
        #expect(JobState.allCases.map(\.rawValue) == [0, 1, 2, 3])
        #expect(Ending.allCases.map(\.rawValue) == ["done", "dead", "cancelled"])
        #expect(DeathReason.allCases.map(\.rawValue) == ["attempts", "budget", "for_good", "poison"])
        #expect(UniquePolicy.allCases.map(\.rawValue) == ["join", "again", "refuse"])
    }

    @Test(
        "tell of what is stored that it waits or runs",
        arguments: [
            (JobState.ready, ToldState.waiting), (.scheduled, .waiting), (.held, .waiting),
            (.running, .running),
        ])
    func told(state: JobState, told: ToldState) {
        #expect(ToldState(state) == told)
    }

    @Test("tell an ending by its own word", arguments: Ending.allCases)
    func toldEnding(ending: Ending) {
        #expect(ToldState(ending).rawValue == ending.rawValue)
    }
}
