/// A statement with its parameters.
///
/// `\(value)` binds a parameter, `\(pasting: text)` pastes raw text into the statement. Pasted text must come from
/// this program, never from a stranger.
/// ```swift
/// let claim: SQL = "SELECT id FROM \(pasting: table) WHERE pool = \(pool) LIMIT \(room)"
/// ```
package struct SQL: ExpressibleByStringInterpolation, Sendable, Equatable {
    /// The text as the server sees it, parameters as `$1`, `$2` and so on.
    package var text: String
    /// The parameters in order.
    package var values: [PostgresValue]

    package init(_ text: String, _ values: [PostgresValue] = []) {
        self.text = text
        self.values = values
    }

    package init(stringLiteral text: String) { self.init(text) }

    package init(stringInterpolation parts: StringInterpolation) { self.init(parts.text, parts.values) }

    package struct StringInterpolation: StringInterpolationProtocol {
        var text = ""
        var values: [PostgresValue] = []

        package init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + interpolationCount * 3)
            values.reserveCapacity(interpolationCount)
        }

        package mutating func appendLiteral(_ literal: String) { text += literal }

        package mutating func appendInterpolation(_ value: some PostgresEncodable) {
            values.append(value.postgresValue)
            text += "$\(values.count)"
        }

        /// Binds nil as `NULL`.
        ///
        /// The compiler warns of an optional that falls to a parameter which does not say it is one.
        package mutating func appendInterpolation(_ value: (some PostgresEncodable)?) {
            values.append(value?.postgresValue ?? .null)
            text += "$\(values.count)"
        }

        package mutating func appendInterpolation(pasting raw: String) { text += raw }

        /// Joins a part of a statement in, its parameters renumbered behind those before it.
        package mutating func appendInterpolation(_ part: SQL) {
            let offset = values.count
            values += part.values
            for (index, piece) in part.text.split(separator: "$", omittingEmptySubsequences: false)
                .enumerated()
            {
                let digits = piece.prefix { $0.isASCII && $0.isNumber }
                guard index > 0 else {
                    text += piece
                    continue
                }
                text += "$" + (Int(digits).map { String($0 + offset) } ?? "") + piece.dropFirst(digits.count)
            }
        }
    }
}
