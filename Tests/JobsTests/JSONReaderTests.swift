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

    @Test(
        "the bytes of UTF-8 are checked as RFC 3629 has them",
        arguments: [
            ([0xc3, 0xbc], true), ([0xe2, 0x82, 0xac], true), ([0xf0, 0x9f, 0x98, 0x80], true),
            ([0xef, 0xbf, 0xbf], true),
            ([0xc0, 0x80], false), ([0xe0, 0x80, 0x80], false), ([0xed, 0xa0, 0x80], false),
            ([0xf4, 0x90, 0x80, 0x80], false),
            ([0xf8, 0x88, 0x80, 0x80], false), ([0xc3], false), ([0x80], false), ([0xe2, 0x82], false),
        ] as [([UInt8], Bool)])
    func utf8(bytes: [UInt8], isValid: Bool) {
        #expect(((try? JSON([0x22] + bytes + [0x22]).parts()) != nil) == isValid)
        #expect((String(validating: bytes, as: UTF8.self) != nil) == isValid)
    }

    @Test("elements are counted before they are taken apart")
    func count() throws {
        #expect(try JSON(text: "[1, [2, 3], {\"a\": [4]}]").parts().elementCount == 3)
        #expect(try JSON(text: "[ ]").parts().elementCount == 0)
        #expect(try JSON(text: "{}").parts().elementCount == nil)
    }

    @Test("names with escapes are found by what they mean")
    func escapedNames() throws {
        #expect(try JSON(text: #"{"\u0061\"b": 1}"#).parts()["a\"b"]?.json == "1")
    }
}
