/// What clients, broken ones and attackers send, and what is to become of it.
struct Sample: Sendable, CustomStringConvertible {
    let name: String
    let bytes: [UInt8]
    /// In order: `GET /path` for each request that gets through, with the size of its body after a `+`; the status of a
    /// refusal, which ends it; nothing for what is not finished.
    let becomes: [String]

    var description: String { name }

    init(_ name: String, _ text: String, _ becomes: String...) {
        self.init(name, Array(text.utf8), becomes)
    }

    init(_ name: String, _ bytes: [UInt8], _ becomes: [String]) {
        self.name = name
        self.bytes = bytes
        self.becomes = becomes
    }
}

/// A request from its lines; the empty one and a body follow.
private func lines(_ lines: String..., body: String = "") -> String {
    lines.joined(separator: "\r\n") + "\r\n\r\n" + body
}

/// A GET with one more field, told in raw bytes.
private func field(_ bytes: [UInt8]) -> [UInt8] {
    Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8) + bytes + Array("\r\n\r\n".utf8)
}

private func field(_ text: String) -> String { String(decoding: field(Array(text.utf8)), as: UTF8.self) }

private func post(_ fields: String, body: String = "") -> String {
    "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n\r\n" + body
}

private func chunked(_ body: String) -> String { post("Transfer-Encoding: chunked", body: body) }

/// What would be a second request if the first were misread.
private let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

enum Corpus {
    static let all = plain + messages + lengths + codings + chunks + heads + startLines + limits + bytes

    private static let plain: [Sample] = [
        Sample("GET", lines("GET / HTTP/1.1", "Host: a"), "GET /"),
        Sample("GET with a query", lines("GET /a?b=c&d HTTP/1.1", "Host: a"), "GET /a?b=c&d"),
        Sample("an empty query", lines("GET /a? HTTP/1.1", "Host: a"), "GET /a?"),
        Sample("brackets in the query", lines("GET /a?b=[1,2,3] HTTP/1.1", "Host: a"), "GET /a?b=[1,2,3]"),
        Sample("percent-encoded", lines("GET /%2e%2e%2f%00 HTTP/1.1", "Host: a"), "GET /%2e%2e%2f%00"),
        Sample("double slash", lines("GET //etc/passwd HTTP/1.1", "Host: a"), "GET //etc/passwd"),
        Sample("HEAD", lines("HEAD / HTTP/1.1", "Host: a"), "HEAD /"),
        Sample("DELETE", lines("DELETE /x HTTP/1.1", "Host: a"), "DELETE /x"),
        Sample("OPTIONS", lines("OPTIONS /x HTTP/1.1", "Host: a"), "OPTIONS /x"),
        Sample("PUT", post("Content-Length: 2", body: "ab").replacing("POST", "PUT"), "PUT / +2"),
        Sample("PATCH", post("Content-Length: 2", body: "ab").replacing("POST", "PATCH"), "PATCH / +2"),
        Sample("POST", post("Content-Length: 5", body: "hello"), "POST / +5"),
        Sample("POST of nothing", post("Content-Length: 0"), "POST /"),
        Sample("POST without a length", post("X: y"), "POST /"),
        Sample(
            "GET with a body", lines("GET / HTTP/1.1", "Host: a", "Content-Length: 3", body: "abc"),
            "GET / +3"),
        Sample("chunked", chunked("5\r\nhello\r\n0\r\n\r\n"), "POST / +5"),
        Sample("HTTP/1.0", lines("GET / HTTP/1.0"), "GET /"),
        Sample("HTTP/1.0 with a host", lines("GET / HTTP/1.0", "Host: a"), "GET /"),
        Sample("host with a port", lines("GET / HTTP/1.1", "Host: a.b-c:8000"), "GET /"),
        Sample("IPv6 host", lines("GET / HTTP/1.1", "Host: [::1]:8000"), "GET /"),
        Sample("empty host", lines("GET / HTTP/1.1", "Host:"), "GET /"),
        Sample("field without a space", lines("GET / HTTP/1.1", "Host:a"), "GET /"),
        Sample("field names without case", lines("GET / HTTP/1.1", "hOsT: a"), "GET /"),
        Sample("spaces around a value", lines("GET / HTTP/1.1", "Host: \t a \t "), "GET /"),
        Sample("empty value", field("X:"), "GET /"),
        Sample("tab in a value", field("X: a\tb"), "GET /"),
        Sample("empty lines before", "\r\n\r\n" + lines("GET / HTTP/1.1", "Host: a"), "GET /"),
        Sample("absolute form", lines("GET http://a/b?c HTTP/1.1", "Host: a"), "GET /b?c"),
        Sample("absolute form, no path", lines("GET http://a HTTP/1.1", "Host: a"), "GET /"),
        Sample("absolute form, only a query", lines("GET http://a?b HTTP/1.1", "Host: a"), "GET /?b"),
        Sample("absolute form, https", lines("GET HTTPS://a/b HTTP/1.1", "Host: a"), "GET /b"),
        Sample("100-continue", post("Content-Length: 2\r\nExpect: 100-continue", body: "ab"), "POST / +2"),
        Sample(
            "an upgrade we ignore", field("Connection: Upgrade\r\nUpgrade: h2c") + smuggled, "GET /",
            "GET /smuggled"),
        Sample("a websocket", field("Connection: Upgrade\r\nUpgrade: websocket"), "GET /"),
        Sample(
            "an upgrade with a body",
            post("Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 2", body: "ab") + smuggled,
            "POST / +2",
            "GET /smuggled"),
    ]

    private static let messages: [Sample] = [
        Sample(
            "two", lines("GET /1 HTTP/1.1", "Host: a") + lines("GET /2 HTTP/1.1", "Host: a"), "GET /1",
            "GET /2"),
        Sample(
            "POST, then GET", post("Content-Length: 3", body: "abc") + lines("GET /2 HTTP/1.1", "Host: a"),
            "POST / +3", "GET /2"),
        Sample(
            "chunked, then GET", chunked("3\r\nabc\r\n0\r\n\r\n") + lines("GET /2 HTTP/1.1", "Host: a"),
            "POST / +3",
            "GET /2"),
        Sample("empty line between", field("X: y") + "\r\n" + smuggled, "GET /", "GET /smuggled"),
        Sample("after close", field("Connection: close") + smuggled, "GET /"),
        Sample("after close, in a list", field("Connection: x, close") + smuggled, "GET /"),
        Sample("after HTTP/1.0", lines("GET / HTTP/1.0") + smuggled, "GET /"),
        Sample(
            "HTTP/1.0 kept", lines("GET / HTTP/1.0", "Connection: keep-alive") + smuggled, "GET /",
            "GET /smuggled"),
        Sample("a good one, then a bad one", field("X: y") + "nonsense\r\n\r\n", "GET /", "400"),
        Sample(
            "body longer than its length", post("Content-Length: 1", body: "ab\r\n\r\n"), "POST / +1", "400"),
        Sample("unfinished line", "GET / HT"),
        Sample("unfinished head", "GET / HTTP/1.1\r\nHost: a\r\n"),
        Sample("unfinished body", post("Content-Length: 5", body: "ab")),
        Sample("unfinished chunk", chunked("5\r\nab")),
        Sample("no last chunk", chunked("2\r\nab\r\n")),
        Sample("no end of trailers", chunked("0\r\n")),
        Sample("nothing", ""),
        Sample("only line ends", "\r\n\r\n\r\n"),
    ]

    private static let lengths: [Sample] =
        [
            "+3", "-1", "", "0x3", "3, 3", "3,3", "3 3", "3;3", "3.0", "1e1", "18446744073709551616", "abc",
            "３",
        ].map {
            Sample("Content-Length: \($0)", post("Content-Length: \($0)", body: "abc"), "400")
        } + [
            Sample(
                "a length that no machine counts", post("Content-Length: 9223372036854775808", body: "a"),
                "400"),
            Sample(
                "two lengths, the same", post("Content-Length: 3\r\nContent-Length: 3", body: "abc"), "400"),
            Sample("two lengths", post("Content-Length: 3\r\nContent-Length: 4", body: "abcd"), "400"),
            Sample("leading zeros", post("Content-Length: 0003", body: "abc"), "POST / +3"),
        ]

    private static let codings: [Sample] = [
        Sample(
            "length and coding", post("Content-Length: 6\r\nTransfer-Encoding: chunked", body: "0\r\n\r\nX"),
            "400"),
        Sample(
            "coding and length", post("Transfer-Encoding: chunked\r\nContent-Length: 6", body: "0\r\n\r\nX"),
            "400"),
        Sample("xchunked", post("Transfer-Encoding: xchunked", body: "0\r\n\r\n"), "400"),
        Sample("chunked, identity", post("Transfer-Encoding: chunked, identity", body: "0\r\n\r\n"), "400"),
        Sample("chunked, chunked", post("Transfer-Encoding: chunked, chunked", body: "0\r\n\r\n"), "400"),
        Sample(
            "chunked, then x in a field of its own",
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x", body: "0\r\n\r\n"), "400"),
        Sample(
            "x, then chunked in a field of its own",
            post("Transfer-Encoding: x\r\nTransfer-Encoding: chunked", body: "0\r\n\r\n"), "501"),
        Sample("gzip, chunked", post("Transfer-Encoding: gzip, chunked", body: "0\r\n\r\n"), "501"),
        Sample("identity", post("Transfer-Encoding: identity", body: "abc"), "400"),
        Sample("gzip", post("Transfer-Encoding: gzip", body: "abc"), "400"),
        Sample("quoted", post("Transfer-Encoding: \"chunked\"", body: "0\r\n\r\n"), "400"),
        Sample("chunked with a parameter", post("Transfer-Encoding: chunked;x=y", body: "0\r\n\r\n"), "400"),
        Sample("capitals", post("Transfer-Encoding: CHUNKED", body: "0\r\n\r\n"), "POST /"),
        Sample(
            "chunked by HTTP/1.0", lines("POST / HTTP/1.0", "Transfer-Encoding: chunked", body: "0\r\n\r\n"),
            "400"),
        Sample("folded coding", post("Transfer-Encoding:\r\n chunked", body: "0\r\n\r\n"), "400"),
        Sample("space before the colon", post("Transfer-Encoding : chunked", body: "0\r\n\r\n"), "400"),
        Sample(
            "vertical tab before chunked", post("Transfer-Encoding: \u{b}chunked", body: "0\r\n\r\n"), "400"),
        Sample("unknown expectation", post("Content-Length: 2\r\nExpect: miracle", body: "ab"), "417"),
    ]

    private static let chunks: [Sample] =
        ["10000000000000000", "FFFFFFFFFFFFFFFFF", "0x3", "-1", "3 ", " 3", "+3", "g", ""].map {
            Sample("chunk size '\($0)'", chunked("\($0)\r\nabc\r\n0\r\n\r\n"), "400")
        } + [
            Sample("chunk size by LF", chunked("3\nabc\r\n0\r\n\r\n"), "400"),
            Sample("chunk without its end", chunked("3\r\nabcd\r\n0\r\n\r\n"), "400"),
            Sample("chunk ended by LF", chunked("3\r\nabc\n0\r\n\r\n"), "400"),
            Sample("chunk ended by CR", chunked("3\r\nabc\rX0\r\n\r\n"), "400"),
            Sample("last chunk ended by LF", chunked("0\n\n"), "400"),
            Sample("extension", chunked("3;a=b\r\nabc\r\n0\r\n\r\n"), "POST / +3"),
            Sample("extension in quotes", chunked("3;a=\"b\"\r\nabc\r\n0\r\n\r\n"), "POST / +3"),
            Sample("extension ended by LF", chunked("3;a\nabc\r\n0\r\n\r\n"), "400"),
            Sample("trailer", chunked("3\r\nabc\r\n0\r\nX: y\r\n\r\n"), "POST / +3"),
            Sample(
                "a trailer that would be a host", chunked("0\r\nHost: b\r\n\r\n") + smuggled, "POST /",
                "GET /smuggled"),
            Sample(
                "a trailer that would be a length", chunked("0\r\nContent-Length: 5\r\n\r\n") + smuggled,
                "POST /",
                "GET /smuggled"),
            Sample("trailers ended by LF", chunked("0\r\n\n") + smuggled, "400"),
            Sample("a trailer, then LF", chunked("0\r\nX: y\r\n\n") + smuggled, "400"),
            Sample("a trailer ended by LF", chunked("0\r\nX: y\n\r\n") + smuggled, "400"),
            Sample("zeros before the size", chunked("0003\r\nabc\r\n000\r\n\r\n"), "POST / +3"),
            Sample("capital digits", chunked("A\r\n0123456789\r\n0\r\n\r\n"), "POST / +10"),
            Sample("long extension", chunked("3;" + repeated("x", 200_000) + "\r\nabc\r\n0\r\n\r\n"), "400"),
            Sample("long trailer", chunked("0\r\nX: " + repeated("x", 200_000) + "\r\n\r\n"), "400"),
            Sample("many trailers", chunked("0\r\n" + repeated("X: y\r\n", 20_000) + "\r\n"), "400"),
        ]

    private static let heads: [Sample] = [
        Sample("no host", lines("GET / HTTP/1.1", "X: y"), "400"),
        Sample("two hosts", lines("GET / HTTP/1.1", "Host: a", "Host: a"), "400"),
        Sample("two hosts by HTTP/1.0", lines("GET / HTTP/1.0", "Host: a", "Host: b"), "400"),
        Sample("host with a space", lines("GET / HTTP/1.1", "Host: a b"), "400"),
        Sample("host with a path", lines("GET / HTTP/1.1", "Host: a/b"), "400"),
        Sample("host with a user", lines("GET / HTTP/1.1", "Host: a@b"), "400"),
        Sample("host with a list", lines("GET / HTTP/1.1", "Host: a, b"), "400"),
        Sample("folded", field("X: a\r\n b"), "400"),
        Sample("folded by a tab", field("X: a\r\n\tb"), "400"),
        Sample("folded first", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "400"),
        Sample("empty name", field(": b"), "400"),
        Sample("empty name with a space", field(" : b"), "400"),
        Sample("space before the colon", field("X : y"), "400"),
        Sample("tab before the colon", field("X\t: y"), "400"),
        Sample("space in a name", field("X Y: z"), "400"),
        Sample("no colon", field("X"), "400"),
        Sample("LF only", "GET / HTTP/1.1\nHost: a\n\n", "400"),
        Sample("LF in one line", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", "400"),
        Sample("LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", "400"),
        Sample("CR in a value", field("X: a\rb"), "400"),
        Sample(
            "CR alone ends a field", "GET / HTTP/1.1\r\nHost: a\r\nX:\rTransfer-Encoding: chunked\r\n\r\n",
            "400"),
        Sample("CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", "400"),
        Sample("CR at the end", "GET / HTTP/1.1\r\nHost: a\r\n\rX" + smuggled, "400"),
        Sample("UTF-8 in a value", field("X: grün"), "GET /"),
    ]

    private static let startLines: [Sample] =
        [
            "GET / HTTP/0.9", "GET / HTTP/1.2", "GET / HTTP/2.0", "GET / HTTP/1.1x", "GET / HTTP/11",
            "GET / http/1.1",
            "GET / RTSP/1.0", "OPTIONS / RTSP/1.0", "SETUP / RTSP/1.0", "SOURCE / ICE/1.0", "GET /",
            "get / HTTP/1.1",
            "Get / HTTP/1.1", "FOO / HTTP/1.1", "GET foo HTTP/1.1", "GET  HTTP/1.1", "GET / / HTTP/1.1",
            "GET /a b HTTP/1.1",
            "GET /a#b HTTP/1.1", "GET * HTTP/1.1", "OPTIONS * HTTP/1.1", "GET http:// HTTP/1.1",
            "GET http:///a HTTP/1.1",
            "GET ftp://a/b HTTP/1.1", "GET a:80 HTTP/1.1", "GET /\u{e9} HTTP/1.1", "GET /a\tb HTTP/1.1",
            "GET /a\u{0}b HTTP/1.1", "GET / HTTP/1.1 ", "\u{0}GET / HTTP/1.1", "PRI * HTTP/2.0",
            " GET / HTTP/1.1",
        ].map { Sample("'\($0)'", lines($0, "Host: a"), "400") } + [
            Sample("two spaces after the method", lines("GET  / HTTP/1.1", "Host: a"), "GET /"),
            Sample("TRACE", lines("TRACE / HTTP/1.1", "Host: a"), "405"),
            Sample("CONNECT", lines("CONNECT a:443 HTTP/1.1", "Host: a"), "405"),
            Sample("PROPFIND", lines("PROPFIND / HTTP/1.1", "Host: a"), "501"),
            Sample("MKCOL", lines("MKCOL / HTTP/1.1", "Host: a"), "501"),
            Sample("PURGE", lines("PURGE / HTTP/1.1", "Host: a"), "501"),
            Sample("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"),
            Sample(
                "TLS hello", [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3] + [UInt8](repeating: 7, count: 30), ["400"]),
            Sample("an answer", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "400"),
        ]

    // Against limits of 16 KiB for a head, 100 fields, 8 KiB for a target.
    private static let limits: [Sample] = [
        Sample(
            "target at its limit", lines("GET /" + repeated("a", 8191) + " HTTP/1.1", "Host: a"),
            "GET /" + repeated("a", 8191)),
        Sample(
            "target above its limit", lines("GET /" + repeated("a", 8192) + " HTTP/1.1", "Host: a"), "414"),
        Sample("target of 100 kB", lines("GET /" + repeated("a", 100_000) + " HTTP/1.1", "Host: a"), "414"),
        Sample("a hundred fields", field(repeated("X: y\r\n", 98) + "Z: z"), "GET /"),
        Sample("a hundred and one fields", field(repeated("X: y\r\n", 99) + "Z: z"), "431"),
        Sample("ten thousand fields", field(repeated("X: y\r\n", 10_000) + "Z: z"), "431"),
        Sample("value of 16 kB", field("X: " + repeated("a", 16_000)), "GET /"),
        Sample("value of 17 kB", field("X: " + repeated("a", 17_000)), "431"),
        Sample("value of 100 kB", field("X: " + repeated("a", 100_000)), "431"),
        Sample("name of 100 kB", field(repeated("a", 100_000) + ": x"), "431"),
        Sample("a line that does not end", repeated("A", 100_000), "400"),
        Sample("a query of a million items", "GET /?" + repeated("a&", 1_000_000), "414"),
        Sample("empty lines without end", repeated("\r\n", 20_000), "431"),
    ]

    /// Each byte that has no place in a name or in a value.
    private static let bytes: [Sample] =
        (Array(0...8) + Array(11...12) + Array(14...31) + [127]).map { (byte: UInt8) in
            Sample("byte \(byte) in a value", field([88, 58, 32, 97, byte, 98]), ["400"])
        }
        + (Array(0...8) + Array(11...12) + Array(14...31) + Array("\"(),/;<=>?@[\\]{} ".utf8) + [
            127, 128, 255,
        ]).map {
            (byte: UInt8) in
            Sample("byte \(byte) in a name", field([88, byte, 88, 58, 32, 97]), ["400"])
        }
        + [128, 255].map { (byte: UInt8) in
            Sample("byte \(byte) in a value", field([88, 58, 32, 97, byte, 98]), ["GET /"])
        }
}

func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

extension String {
    fileprivate func replacing(_ old: String, _ new: String) -> String {
        hasPrefix(old) ? new + dropFirst(old.count) : self
    }
}
