import Jobs
import Testing

@Suite("The settlement of an outcome")
struct SettlementTests {
    /// A patience whose pauses are exact: 1 s, 2 s, 4 s and so on.
    static let patience = Patience(
        attemptsMax: 3, budget: .seconds(60), backoffFirst: .seconds(1), backoffMax: .seconds(100), jitter: 0)

    struct Case: CustomTestStringConvertible, Sendable {
        let what: String
        let outcome: Outcome
        var failures = 0
        var age = Duration.zero
        let settlement: Settlement?

        var testDescription: String { what }
    }

    static let cases: [Case] = [
        Case(what: "committed needs none", outcome: .committed, settlement: nil),
        Case(
            what: "committed needs none, however often it failed", outcome: .committed, failures: 99,
            settlement: nil),
        Case(what: "done", outcome: .done(), settlement: .finish(result: nil)),
        Case(what: "done with a result", outcome: .done(result: "[1]"), settlement: .finish(result: "[1]")),
        Case(
            what: "done after the last attempt and the budget", outcome: .done(), failures: 99,
            age: .seconds(9999),
            settlement: .finish(result: nil)),
        Case(
            what: "a snooze costs nothing", outcome: .snooze(.seconds(5)), failures: 2, age: .seconds(9999),
            settlement: .snooze(for: .seconds(5))),
        Case(
            what: "a snooze into the past is one of zero", outcome: .snooze(.seconds(-5)),
            settlement: .snooze(for: .zero)),
        Case(what: "cancel", outcome: .cancel(reason: "gone"), settlement: .cancel(reason: "gone")),
        Case(
            what: "cancel with a NUL", outcome: .cancel(reason: "a\0b"),
            settlement: .cancel(reason: "a\u{FFFD}b")),
        Case(
            what: "failed for good at once", outcome: .failForGood(error: "404"),
            settlement: .die(reason: .forGood, error: "404")),
        Case(
            what: "failed for good with a NUL", outcome: .failForGood(error: "\0"),
            settlement: .die(reason: .forGood, error: "\u{FFFD}")),
        Case(
            what: "the first failure", outcome: .fail(error: "503"),
            settlement: .retry(after: .seconds(1), error: "503")),
        Case(
            what: "the second failure", outcome: .fail(error: "503"), failures: 1,
            settlement: .retry(after: .seconds(2), error: "503")),
        Case(
            what: "the last failure", outcome: .fail(error: "503"), failures: 2,
            settlement: .die(reason: .attempts, error: "503")),
        Case(
            what: "a failure after the last", outcome: .fail(error: "503"), failures: 70,
            settlement: .die(reason: .attempts, error: "503")),
        Case(
            what: "a retry that ends exactly with the budget", outcome: .fail(error: "503"),
            age: .seconds(59),
            settlement: .retry(after: .seconds(1), error: "503")),
        Case(
            what: "a retry that would start after the budget", outcome: .fail(error: "503"),
            age: .milliseconds(59_001), settlement: .die(reason: .budget, error: "503")),
        Case(
            what: "attempts are said before the budget", outcome: .fail(error: "503"), failures: 2,
            age: .seconds(9999), settlement: .die(reason: .attempts, error: "503")),
        Case(
            what: "a failure with a NUL", outcome: .fail(error: "x\0"),
            settlement: .retry(after: .seconds(1), error: "x\u{FFFD}")),
        Case(
            what: "await nobody", outcome: .await(children: [], step: 2), settlement: .wait(step: 2)),
        Case(
            what: "await", outcome: .await(children: [NewJob("a")], step: 1), failures: 9,
            settlement: .wait(step: 1)),
    ]

    @Test("follows from outcome, failures and age alone", arguments: cases)
    func table(_ it: Case) {
        let settlement = Self.patience.settlement(
            of: it.outcome, failures: it.failures, age: it.age, random: 0.5)
        #expect(settlement == it.settlement)
    }

    @Test("without a budget never ends by age")
    func noBudget() {
        var patience = Self.patience
        patience.budget = nil
        let settlement = patience.settlement(
            of: .fail(error: "x"), failures: 0, age: .seconds(1_000_000_000), random: 0.5)
        #expect(settlement == .retry(after: .seconds(1), error: "x"))
    }

    @Test("with one attempt makes the first failure the last")
    func oneAttempt() {
        let patience = Patience(attemptsMax: 1)
        #expect(
            patience.settlement(of: .fail(error: "x"), failures: 0, age: .zero, random: 0)
                == .die(reason: .attempts, error: "x"))
    }

    @Test("counts the jittered pause against the budget, not the plain one")
    func jitteredBudget() {
        let patience = Patience(
            attemptsMax: 9, budget: .seconds(10), backoffFirst: .seconds(10), jitter: 0.5)
        #expect(
            patience.settlement(of: .fail(error: "x"), failures: 0, age: .zero, random: 0.4)
                == .retry(after: .seconds(9), error: "x"))
        #expect(
            patience.settlement(of: .fail(error: "x"), failures: 0, age: .zero, random: 0.6)
                == .die(reason: .budget, error: "x"))
    }

    @Test(
        "keeps a result of exactly the bound, and one byte more is the job's death",
        arguments: [(Bounds.resultBytesMax, true), (Bounds.resultBytesMax + 1, false)])
    func resultBound(size: Int, isKept: Bool) {
        let result = JSON([UInt8](repeating: UInt8(ascii: "1"), count: size))
        switch Self.patience.settlement(of: .done(result: result), failures: 0, age: .zero, random: 0) {
        case .finish(let kept): #expect(isKept && kept == result)
        case .die(.forGood, let error): #expect(!isKept && error.contains("\(size) bytes"))
        case let other: Issue.record("\(String(describing: other))")
        }
    }

    @Test(
        "lets a job have so many children, and not one more",
        arguments: [(Bounds.childrenMax, true), (Bounds.childrenMax + 1, false)])
    func childrenBound(count: Int, isTaken: Bool) {
        let children = [NewJob](repeating: NewJob("a"), count: count)
        let settlement = Self.patience.settlement(
            of: .await(children: children, step: 1), failures: 0, age: .zero, random: 0)
        #expect((settlement == .wait(step: 1)) == isTaken)
        if case .die(.forGood, let error) = settlement { #expect(error.contains("\(count) children")) }
    }

    @Test("cuts an error that is too long before it is stored")
    func longError() throws {
        let long = String(repeating: "ä", count: Bounds.errorBytesMax)
        let settlement = Self.patience.settlement(
            of: .failForGood(error: long), failures: 0, age: .zero, random: 0)
        guard case .die(_, let error) = settlement else {
            Issue.record("\(String(describing: settlement))")
            return
        }
        #expect(error.utf8.count <= Bounds.errorBytesMax)
    }
}
