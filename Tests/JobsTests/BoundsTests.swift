import Jobs
import Testing

@Suite("What can be stored of an error")
struct BoundsTests {
    @Test(
        "is all of it when it fits",
        arguments: ["", "plain", "ä€😀", String(repeating: "x", count: Bounds.errorBytesMax)])
    func fits(text: String) {
        #expect(Bounds.storable(error: text) == text)
    }

    @Test(
        "has no NUL",
        arguments: [("\0", "\u{FFFD}"), ("a\0b\0", "a\u{FFFD}b\u{FFFD}"), ("\0\u{301}", "\u{FFFD}\u{301}")])
    func noNUL(text: String, stored: String) {
        #expect(Array(Bounds.storable(error: text).unicodeScalars) == Array(stored.unicodeScalars))
    }

    @Test(
        "is cut at the border of a character and says so",
        arguments: ["x", "ä", "€", "😀", "👩‍👩‍👧‍👦", "e\u{301}", "x\0"])
    func cut(unit: String) {
        let long = String(repeating: unit, count: Bounds.errorBytesMax + 1)
        let stored = Bounds.storable(error: long)
        #expect(stored.utf8.count <= Bounds.errorBytesMax)
        #expect(stored.utf8.count > Bounds.errorBytesMax - 40)
        #expect(stored.hasSuffix("…"))
        let clean = unit == "x\0" ? "x\u{FFFD}" : unit
        #expect(String(repeating: clean, count: Bounds.errorBytesMax + 1).hasPrefix(stored.dropLast()))
        #expect(!stored.contains("\0"))
    }

    @Test("may be nothing, when one character alone is too big")
    func oneHugeCharacter() {
        let huge = "e" + String(repeating: "\u{301}", count: Bounds.errorBytesMax)
        #expect(Bounds.storable(error: huge) == "…")
    }
}
