import Jobs
import Testing

@Suite("What a JSON text becomes in the database")
struct JSONMeasureTests {
    @Test(
        "R1: numbers count with the digits that the server writes out",
        arguments: [
            ("0", 1), ("-0", 1), ("7", 1), ("-7", 2), ("1.50", 4), ("1e3", 4), ("1E+3", 4), ("1.5e3", 4),
            ("1e-3", 5), ("-1e-3", 6), ("0e10", 1), ("0e-10", 12), ("-0.0", 3), ("0.001e5", 3),
            ("123.456e-2", 7), ("1e131071", 131_072), ("1e-16000", 16_002), ("0.1e131072", 131_072),
        ])
    func numbers(text: String, bytes: Int) throws {
        let measure = try JSON(text: text).measure()
        #expect(measure.bytes == bytes)
        #expect(!measure.hasNumberBeyondNumeric)
    }

    @Test(
        "R1: a number that PostgreSQL does not hold is told as such",
        arguments: [
            "1e131072", "10e131071", "1e-16384", "0e-16384", "0e2000000000", "1e99999999999999999999",
        ])
    func beyond(text: String) throws {
        #expect(try JSON(text: text).measure().hasNumberBeyondNumeric)
        let refusal = JSON(text: "[\(text)]").refusal(as: "args", bytesMax: .max)
        #expect(refusal?.contains("131072 digits") == true)
    }

    @Test(
        "texts count without their escapes, and commas and colons with a space",
        arguments: [
            (#""a\u00fc""#, 5), (#""\ud83d\ude00""#, 6), (#""\/""#, 3), (#""\"\\""#, 6), (#""\u0001""#, 8),
            (#""\n\u000a""#, 6), ("\"\u{7f}\"", 3), ("[]", 2), ("[1,2 , 3]", 9), (#"{"a":1,"b":[]}"#, 17),
            (" {\n} ", 2), ("[true,false,null]", 19),
        ])
    func texts(text: String, bytes: Int) throws {
        #expect(try JSON(text: text).measure().bytes == bytes)
    }

    @Test("R1: 100,000 ones are 300,000 bytes, whatever they were as sent")
    func ones() {
        let text = "[" + String(repeating: "1,", count: 99_999) + "1]"
        let refusal = JSON(text: text).refusal(as: "args", bytesMax: Bounds.argsBytesMax)
        #expect(refusal == "args: found 300000 bytes as jsonb writes them, expected at most 262144")
    }

    @Test("a NUL is found in texts and in names")
    func nul() throws {
        for text in [#"["\u0000"]"#, #"{"a\u0000":1}"#] { #expect(try JSON(text: text).measure().hasNUL) }
        #expect(try !JSON(text: #""\\u0000""#).measure().hasNUL)
    }

    @Test("a part knows its measure, and its copy does")
    func part() throws {
        let part = try JSON(text: #"{"a": [1e3, "x"], "b": 2}"#).parts()
        #expect(part.measure.bytes == 26)
        #expect(part["a"]?.measure.bytes == 11)
        #expect(try part["a"]?.json.measure().bytes == 11)
        #expect(part["a"]?.json == #"[1e3, "x"]"#)
    }
}
