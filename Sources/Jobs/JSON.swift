/// A JSON document kept as the bytes it came in, because most documents only pass through.
package struct JSON: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// UTF-8 text of one JSON value. Not checked here: PostgreSQL refuses what is not JSON.
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package init(text: String) { bytes = Array(text.utf8) }

    package init(stringLiteral text: String) { self.init(text: text) }

    package var description: String { String(decoding: bytes, as: UTF8.self) }

    /// The document `{}`.
    package static let emptyObject = JSON(text: "{}")

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
