import Jobs
import Testing

@Suite("Reading JSON")
struct JSONReaderTests {
    @Test(
        "what is JSON is taken apart, and each part keeps its own text",
        arguments: [
            ("{}", "{}"), (" [ ] ", "[ ]"), ("\n-0.5e+10 ", "-0.5e+10"),
            ("12345678901234567890.10", "12345678901234567890.10"),
            ("true", "true"), ("null", "null"), ("\"\\u00e9\\ud83d\\ude00\"", "\"\\u00e9\\ud83d\\ude00\""),
            ("{\"a\": [1, {\"b\": \"c\"}]}", "{\"a\": [1, {\"b\": \"c\"}]}"),
        ])
    func taken(text: String, own: String) throws {
        #expect(try JSON(text: text).parts().json.description == own)
    }

    @Test("members are found by name, the last one when there are two")
    func members() throws {
        let part = try JSON(text: "{\"a\": 1, \"b\": {\"c\":  [ 2 ]}, \"a\": \"x\\n\"}").parts()
        #expect(part["a"]?.string == "x\n")
        #expect(part["b"]?["c"]?.json.description == "[ 2 ]")
        #expect(part["none"] == nil)
    }

    @Test(
        "what is not JSON is refused, with its place",
        arguments: [
            ("", 1, 1), ("{", 1, 2), ("{\"a\" 1}", 1, 6), ("{\"a\": tru}", 1, 7), ("[1,]", 1, 4),
            ("[1 2]", 1, 4),
            ("01", 1, 1), ("1.", 1, 3), ("\"a", 1, 1), ("{}\n{}", 2, 1), ("{\n  a: 1}", 2, 3),
            ("\"\\x\"", 1, 2),
            ("\"\\ud800\"", 1, 2), ("\"\t\"", 1, 2), ("NaN", 1, 1), ("+1", 1, 1),
        ])
    func refused(text: String, line: Int, column: Int) {
        let fault = #expect(throws: JSONFault.self) { try JSON(text: text).parts() }
        let place = fault.map { [$0.line, $0.column] }
        #expect(place == [line, column], "\(text): \(String(describing: fault))")
    }

    @Test("a document nested too deep is refused, however deep it is")
    func deep() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONFault.self) { try JSON(text: deep).parts() }
        let fine = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        #expect(throws: Never.self) { try JSON(text: fine).parts() }
    }

    @Test("text that is no UTF-8 is refused")
    func bytes() {
        #expect(throws: JSONFault.self) { try JSON([0x22, 0xff, 0x22]).parts() }
    }
}
