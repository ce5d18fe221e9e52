/// A JSON document taken apart, each value with the bytes it was written in.
package struct JSONPart: Sendable {
    package enum Value: Sendable {
        case null
        case bool(Bool)
        /// As it was written: no digit is lost.
        case number(String)
        case string(String)
        case array([JSONPart])
        /// In the order of the text; a name may come twice.
        case object([(name: String, part: JSONPart)])
    }

    package let value: Value
    /// The text of this value, and nothing around it.
    package let json: JSON

    /// The last member of that name, when this is an object that has one.
    package subscript(name: String) -> JSONPart? {
        guard case .object(let members) = value else { return nil }
        return members.last { $0.name == name }?.part
    }

    package var string: String? { if case .string(let text) = value { text } else { nil } }

    package var isNull: Bool { if case .null = value { true } else { false } }
}

/// Text is not JSON; says where and why.
package struct JSONFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// Counted from 1.
    package let line: Int
    /// In bytes, counted from 1.
    package let column: Int
    package let message: String

    package var description: String { "line \(line), column \(column): \(message)" }
}

extension JSON {
    /// Reads the document.
    ///
    /// Strict as RFC 8259; UTF-8 only, nested at most 128 deep.
    package func parts() throws(JSONFault) -> JSONPart {
        var reader = JSONReader(bytes)
        return try reader.document()
    }
}

private struct JSONReader {
    static let depthMax = 128

    let bytes: [UInt8]
    var place = 0
    var depth = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(JSONFault) -> JSONPart {
        let part = try value()
        skipSpace()
        guard place == bytes.count else { throw fault("expected the end, found \(here)") }
        return part
    }

    private mutating func value() throws(JSONFault) -> JSONPart {
        skipSpace()
        let start = place
        let value = try bareValue()
        return JSONPart(value: value, json: JSON(Array(bytes[start..<place])))
    }

    private mutating func bareValue() throws(JSONFault) -> JSONPart.Value {
        switch next {
        case UInt8(ascii: "{"): return try nested { reader throws(JSONFault) in try reader.object() }
        case UInt8(ascii: "["): return try nested { reader throws(JSONFault) in try reader.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .number(try number())
        }
    }

    private mutating func nested(
        _ body: (inout JSONReader) throws(JSONFault) -> JSONPart.Value
    ) throws(JSONFault) -> JSONPart.Value {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthMax else { throw fault("nested deeper than \(Self.depthMax)") }
        place += 1
        return try body(&self)
    }

    private mutating func object() throws(JSONFault) -> JSONPart.Value {
        var members: [(name: String, part: JSONPart)] = []
        skipSpace()
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw fault("expected a name in quotes, found \(here)") }
            let name = try string()
            skipSpace()
            guard take(":") else { throw fault("expected “:” behind the name, found \(here)") }
            members.append((name, try value()))
            skipSpace()
        } while take(",")
        guard take("}") else { throw fault("expected “,” or “}”, found \(here)") }
        return .object(members)
    }

    private mutating func array() throws(JSONFault) -> JSONPart.Value {
        var parts: [JSONPart] = []
        skipSpace()
        if take("]") { return .array(parts) }
        repeat {
            parts.append(try value())
            skipSpace()
        } while take(",")
        guard take("]") else { throw fault("expected “,” or “]”, found \(here)") }
        return .array(parts)
    }

    private mutating func word(_ text: String, _ value: JSONPart.Value) throws(JSONFault) -> JSONPart.Value {
        guard bytes[place...].starts(with: text.utf8) else { throw fault("expected a value, found \(here)") }
        place += text.utf8.count
        return value
    }

    private mutating func number() throws(JSONFault) -> String {
        let start = place
        _ = take("-")
        let whole = digits()
        guard whole > 0 else { throw fault("expected a value, found \(here)", at: start) }
        if whole > 1, bytes[place - whole] == UInt8(ascii: "0") {
            throw fault("a number begins with no 0", at: start)
        }
        if take("."), digits() == 0 { throw fault("expected a digit, found \(here)") }
        if take("e") || take("E") {
            _ = take("+") || take("-")
            if digits() == 0 { throw fault("expected a digit, found \(here)") }
        }
        return String(decoding: bytes[start..<place], as: UTF8.self)
    }

    private mutating func digits() -> Int {
        let start = place
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { place += 1 }
        return place - start
    }

    private mutating func string() throws(JSONFault) -> String {
        let start = place
        place += 1
        var text: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                place += 1
                guard let valid = String(validating: text, as: UTF8.self) else {
                    throw fault("this text is no UTF-8", at: start)
                }
                return valid
            case UInt8(ascii: "\\"): text += Array(try escape().utf8)
            case ..<0x20: throw fault("control characters are written as escapes, like \\n")
            default:
                text.append(byte)
                place += 1
            }
        }
        throw fault("this text has no end", at: start)
    }

    private mutating func escape() throws(JSONFault) -> String {
        let start = place
        place += 1
        guard let byte = next else { throw fault("this text has no end", at: start) }
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return String(UnicodeScalar(byte))
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicode(from: start)
        default: throw fault("no such escape", at: start)
        }
    }

    private mutating func unicode(from start: Int) throws(JSONFault) -> String {
        let first = try hex(from: start)
        if let scalar = UnicodeScalar(first) { return String(Character(scalar)) }
        guard first < 0xdc00, take("\\"), take("u") else {
            throw fault("half of a surrogate pair", at: start)
        }
        let second = try hex(from: start)
        guard (0xdc00...0xdfff).contains(second),
            let scalar = UnicodeScalar(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
        else { throw fault("half of a surrogate pair", at: start) }
        return String(Character(scalar))
    }

    private mutating func hex(from start: Int) throws(JSONFault) -> UInt32 {
        guard place + 4 <= bytes.count,
            bytes[place..<place + 4].allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
            let code = UInt32(String(decoding: bytes[place..<place + 4], as: UTF8.self), radix: 16)
        else { throw fault("expected four hexadecimal digits", at: start) }
        place += 4
        return code
    }

    // MARK: Places

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private var here: String {
        guard let next else { return "the end" }
        return (0x20..<0x7f).contains(next) ? "“\(Character(UnicodeScalar(next)))”" : "byte \(next)"
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { place += 1 }
    }

    private func fault(_ message: String, at wanted: Int? = nil) -> JSONFault {
        let before = bytes[..<(wanted ?? place)]
        let line = before.count { $0 == 0x0a } + 1
        let column = before.count - (before.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0) + 1
        return JSONFault(line: line, column: column, message: message)
    }
}
