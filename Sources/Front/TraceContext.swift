internal import Crypto
internal import Jobs

/// A place in a distributed trace, as W3C Trace Context writes it in `traceparent`.
package struct TraceContext: Hashable, Sendable {
    /// 32 hexadecimal digits.
    package let trace: String
    /// Of whoever called: 16 hexadecimal digits.
    package let span: String
    /// Two hexadecimal digits.
    package let flags: String

    private init(trace: String, span: String, flags: String) {
        self.trace = trace
        self.span = span
        self.flags = flags
    }

    /// Reads a header. `nil` for what the specification tells to ignore: other forms, and identities of nothing but zeros.
    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 4, parts[0] != "ff", parts[0] != "00" || parts.count == 4,
            zip(parts, [2, 32, 16, 2]).allSatisfy({
                $0.utf8.count == $1 && $0.utf8.allSatisfy(TraceContext.isDigit)
            }),
            parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" })
        else { return nil }
        self.init(trace: parts[1], span: parts[2], flags: parts[3])
    }

    /// The same trace with a new place in it: ours.
    package func next() -> TraceContext {
        TraceContext(trace: trace, span: Hex.text(Secret.random(8)), flags: flags)
    }

    package var header: String { "00-\(trace)-\(span)-\(flags)" }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
