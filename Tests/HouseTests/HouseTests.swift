import TestSupport
import Testing

@Suite("The house")
struct HouseTests {
    @Test("keeps the rule in all of Sources", arguments: HouseRule.all)
    func isKept(rule: HouseRule) throws {
        let files = try SourceFile.all(below: "Sources", of: Checkout.path)
        try #require(!files.isEmpty, "there is nothing to read below \(Checkout.path)")
        for complaint in rule.complaints(about: files) { Issue.record("\(complaint)") }
    }

    @Test("keeps the rule of tests in all of Tests")
    func testsAreFound() throws {
        let files = try SourceFile.all(below: "Tests", of: Checkout.path)
        try #require(!files.isEmpty, "there is nothing to read below \(Checkout.path)")
        for complaint in HouseRule.testsAreFound.complaints(about: files) { Issue.record("\(complaint)") }
    }

    @Test(
        "has rules that bite, and only what they should", arguments: HouseRule.all + [HouseRule.testsAreFound]
    )
    func bites(rule: HouseRule) {
        let bad = SourceFile(path: rule.bad.path, text: rule.bad.text)
        let good = SourceFile(path: rule.good.path, text: rule.good.text)
        #expect(rule.complaints(about: [bad]).count == 1)
        #expect(rule.complaints(about: [good]) == [])
    }

    @Test("grants no exception that nobody needs any more", arguments: HouseRule.all)
    func exceptions(rule: HouseRule) throws {
        let files = try SourceFile.all(below: "Sources", of: Checkout.path)
        for exception in rule.exceptions {
            let broken = files.contains { $0.path.hasPrefix(exception.path) && !rule.broken($0).isEmpty }
            #expect(broken, "\(exception.path) keeps the rule, so the exception can go: \(rule.name)")
        }
    }

    @Test("tells a comment from an address")
    func comments() {
        let file = SourceFile(path: "Sources/Farm/Lane.swift", text: #"let url = "http://x" // Task {"#)
        #expect(file.code == [#"let url = "http://x" "#])
    }
}
