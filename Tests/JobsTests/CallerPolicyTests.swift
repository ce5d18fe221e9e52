import Jobs
import Testing

@Suite("What a kind says of callers")
struct CallerPolicyTests {
    private func read(_ text: String) -> DefinitionFile {
        DefinitionFile(kind: "pay", file: "pay.conf", text: text)
    }

    @Test("lets no caller do anything unless it is said")
    func nothing() {
        let callers = read("").definition.callers
        #expect(callers.askedBy == .nobody && callers.mayChoose.isEmpty && callers.seenBy == .asker)
    }

    @Test("hides from all others what only money asks for")
    func money() {
        let file = read("asked_by = money")
        #expect(file.faults.isEmpty && file.definition.callers.seenBy == .money)
        #expect(read("seen_by = money").faults.isEmpty, "the schedule may ask for it")
    }

    @Test(
        "that no caller could use, or that is no word, is a fault of its line",
        arguments: [
            ("asked_by = money\nseen_by = asker", 2), ("seen_by = reader\nasked_by = money", 1),
            ("asked_by = producer\nseen_by = money", 2), ("asked_by = operator\nseen_by = money", 2),
            ("asked_by = anyone", 1), ("asked_by =", 1), ("seen_by = nobody", 1), ("callers_choose =", 1),
            ("callers_choose = queue queue", 1), ("callers_choose = queue, priority", 1),
            ("callers_choose = args", 1), ("callers_choose = none queue", 1),
        ])
    func faults(_ text: String, _ line: Int) {
        #expect(read(text).faults.map(\.line) == [line])
    }
}
