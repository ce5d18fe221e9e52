import HTTPServer
import Testing

@Suite struct HeadersTests {
    @Test("names compare without case, and setting replaces all of a name")
    func names() {
        var headers: Headers = ["A": "1", "b": "2"]
        headers.add("a", "3")
        #expect(headers["a"] == "1")
        #expect(headers.all("A") == ["1", "3"])
        headers["a"] = "4"
        #expect(headers.all("A") == ["4"])
        #expect(headers.fields.map(\.name) == ["b", "a"])
        headers["B"] = nil
        #expect(headers["b"] == nil)
        #expect(headers["a "] == nil)
        // Only letters have a case.
        headers.add("x-[", "5")
        #expect(headers["x-{"] == nil)
    }

    @Test("no value becomes a second line, and no field has a name that is none")
    func injection() {
        var headers = Headers()
        headers.add("A", "b\r\nC: d\u{0}")
        #expect(headers["A"] == "bC: d")
        for name in ["", "A B", "A:", "A\r\nB", "é", "A\u{0}"] { headers.add(name, "x") }
        headers["X\n"] = "y"
        #expect(headers.fields.count == 1)
    }

    @Test("an emoji's line ends are found, too")
    func graphemes() {
        var headers = Headers()
        // CR and LF are one character to Swift, and a combining accent hides the last.
        headers.add("A", "b\r\n\u{301}c")
        #expect(headers["A"] == "b\u{301}c")
    }
}

@Suite struct HTTPDateTests {
    @Test(
        "a date is written and read back",
        arguments: [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        ])
    func both(_ seconds: Int, _ text: String) {
        #expect(HTTPDate.text(seconds) == text)
        #expect(HTTPDate.seconds(text) == seconds)
    }

    @Test(
        "both older forms are read",
        arguments: ["Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"])
    func old(_ text: String) { #expect(HTTPDate.seconds(text) == 784_111_777) }

    @Test(
        "anything else is no date",
        arguments: [
            "", "yesterday", "0", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT", "Sun, +6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 99999 08:49:37 GMT",
        ])
    func nonsense(_ text: String) { #expect(HTTPDate.seconds(text) == nil) }
}

@Suite struct RangeHeaderTests {
    @Test("no arithmetic overflows")
    func extremes() {
        #expect(RangeHeader("bytes=0-9223372036854775807", size: .max) == .part(start: 0, end: .max))
        #expect(RangeHeader("bytes=-18446744073709551616", size: .max) == .part(start: 1, end: .max))
        #expect(RangeHeader("bytes=18446744073709551615-18446744073709551616", size: 10) == .unsatisfiable)
        #expect(RangeHeader("bytes=0-0", size: 0) == .unsatisfiable)
        #expect(RangeHeader("bytes=-1", size: 0) == .unsatisfiable)
        #expect(RangeHeader(nil, size: 0) == .whole)
    }
}
