/// A JSON document kept as the bytes it came in, because most documents only pass through.
package struct JSON: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// UTF-8 text of one JSON value. Not checked here; `parts()` and `measure()` read it.
    package let bytes: [UInt8]
    /// What an earlier reading found, so that nothing is measured twice.
    private let known: JSONMeasure?

    package init(_ bytes: [UInt8]) { self.init(bytes, known: nil) }

    package init(text: String) { self.init(Array(text.utf8)) }

    package init(stringLiteral text: String) { self.init(text: text) }

    /// - Parameter known: what `measure()` returns for these bytes.
    init(_ bytes: [UInt8], known: JSONMeasure?) {
        self.bytes = bytes
        self.known = known
    }

    package var description: String { String(decoding: bytes, as: UTF8.self) }

    /// The document `{}`.
    package static let emptyObject = JSON(text: "{}")

    package static func == (a: JSON, b: JSON) -> Bool { a.bytes == b.bytes }

    package func hash(into hasher: inout Hasher) { hasher.combine(bytes) }

    /// Reads the document.
    ///
    /// Strict as RFC 8259; UTF-8 only, nested at most 128 deep. Keeps one buffer, in which the parts are ranges.
    package func parts() throws(JSONFault) -> JSONPart {
        var scanner = JSONScanner(bytes, in: 0..<bytes.count)
        return try scanner.document()
    }

    /// Reads the document for its size as jsonb only, once. Linear in its bytes; takes no memory.
    package func measure() throws(JSONFault) -> JSONMeasure {
        if let known { return known }
        return try parts().measure
    }

    /// `text` as a JSON string literal, quotes included, control characters escaped.
    package static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let hex = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
