package import Jobs
package import Store

/// A piece of a page.
///
/// Its literals are the template; whatever is interpolated is escaped, for text and for attribute values in double
/// quotes alike, unless it is markup itself. A value can never become an element or an attribute.
/// ```swift
/// let cell: Markup = "<td title=\"\(subject)\">\(subject)</td>"
/// ```
package struct Markup: Sendable, ExpressibleByStringInterpolation {
    /// HTML, well-formed as XML too.
    package let html: String

    package init(stringLiteral html: String) { self.html = html }

    package init(stringInterpolation parts: StringInterpolation) { html = parts.html }

    /// Pieces behind each other.
    init(_ pieces: [Markup]) { html = pieces.map(\.html).joined() }

    static let none: Markup = ""

    package struct StringInterpolation: StringInterpolationProtocol {
        var html = ""

        package init(literalCapacity: Int, interpolationCount: Int) {
            html.reserveCapacity(literalCapacity + interpolationCount * 16)
        }

        package mutating func appendLiteral(_ literal: String) { html += literal }
        package mutating func appendInterpolation(_ text: String) { html += Markup.escaped(text) }
        package mutating func appendInterpolation(_ number: Int) { html += String(number) }
        package mutating func appendInterpolation(_ job: JobID) { html += String(job.number) }
        package mutating func appendInterpolation(_ count: BoundedCount) { html += Told.count(count) }
        package mutating func appendInterpolation(_ path: DeskPath) { html += Markup.escaped(path.text) }
        package mutating func appendInterpolation(_ markup: Markup) { html += markup.html }
        package mutating func appendInterpolation(_ markup: Markup?) { html += markup?.html ?? "" }
        package mutating func appendInterpolation(_ pieces: [Markup]) {
            for piece in pieces { html += piece.html }
        }
    }

    /// `text` with what HTML reads as markup written as references; controls and marks that turn the direction of the
    /// text around become U+FFFD, so that a title can't rearrange what stands beside it.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        escaped.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "`": escaped += "&#96;"
            case "\n", "\t": escaped.unicodeScalars.append(scalar)
            default: escaped.unicodeScalars.append(isSafe(scalar) ? scalar : "\u{FFFD}")
            }
        }
        return escaped
    }

    private static func isSafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f...0x9f, 0x202a...0x202e, 0x2066...0x2069, 0xfffe, 0xffff: false
        default: true
        }
    }
}
