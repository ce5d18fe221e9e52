/// Text is not JSON; says where and why.
package struct JSONFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// Counted from 1.
    package let line: Int
    /// In bytes, counted from 1.
    package let column: Int
    package let message: String

    package var description: String { "line \(line), column \(column): \(message)" }
}

/// Walks over the values of a JSON text, checks and measures them, and keeps nothing of them.
struct JSONScanner {
    static let depthMax = 128
    /// Parts keep places in 32 bits.
    static let bytesMax = Int(UInt32.max)

    let bytes: [UInt8]
    let end: Int
    var place: Int
    /// Of what was walked over since it was last cleared.
    var measure = JSONMeasure()
    private var depth = 0

    init(_ bytes: [UInt8], in range: Range<Int>) {
        self.bytes = bytes
        place = range.lowerBound
        end = range.upperBound
    }

    mutating func document() throws(JSONFault) -> JSONPart {
        guard bytes.count <= Self.bytesMax else { throw fault("longer than \(Self.bytesMax) bytes") }
        let part = try part()
        skipSpace()
        guard place == end else { throw fault("expected the end, found \(here)") }
        return part
    }

    /// The next value, as a range with its measure.
    mutating func part() throws(JSONFault) -> JSONPart {
        skipSpace()
        let start = place
        measure = JSONMeasure()
        try value()
        return JSONPart(bytes, start..<place, measure)
    }

    /// Walks over a value.
    mutating func value() throws(JSONFault) {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): try object()
        case UInt8(ascii: "["): try array()
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: try number()
        }
    }

    private mutating func enter() throws(JSONFault) {
        depth += 1
        guard depth <= Self.depthMax else { throw fault("nested deeper than \(Self.depthMax)") }
        place += 1
        measure.bytes += 2
        skipSpace()
    }

    private mutating func object() throws(JSONFault) {
        try enter()
        defer { depth -= 1 }
        if take("}") { return }
        var isMore = false
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw fault("expected a name in quotes, found \(here)") }
            try string()
            skipSpace()
            guard take(":") else { throw fault("expected “:” behind the name, found \(here)") }
            measure.bytes += 2
            try value()
            skipSpace()
            isMore = take(",")
            if isMore { measure.bytes += 2 }
        } while isMore
        guard take("}") else { throw fault("expected “,” or “}”, found \(here)") }
    }

    private mutating func array() throws(JSONFault) {
        try enter()
        defer { depth -= 1 }
        if take("]") { return }
        var isMore = false
        repeat {
            try value()
            skipSpace()
            isMore = take(",")
            if isMore { measure.bytes += 2 }
        } while isMore
        guard take("]") else { throw fault("expected “,” or “]”, found \(here)") }
    }

    private mutating func word(_ text: StaticString) throws(JSONFault) {
        let count = text.utf8CodeUnitCount
        let isThere = text.withUTF8Buffer {
            place + count <= end && bytes[place..<place + count].elementsEqual($0)
        }
        guard isThere else { throw fault("expected a value, found \(here)") }
        place += count
        measure.bytes += count
    }

    private mutating func number() throws(JSONFault) {
        let start = place
        var number = JSONMeasure.Digits()
        number.isNegative = take("-")
        let first = place
        number.whole = digits()
        guard number.whole > 0 else { throw fault("expected a value, found \(here)", at: start) }
        let beginsWithZero = bytes[first] == UInt8(ascii: "0")
        guard number.whole == 1 || !beginsWithZero else {
            throw fault("a number begins with no 0", at: start)
        }
        if !beginsWithZero { number.zeros = 0 }
        if take(".") {
            let point = place
            number.fraction = digits()
            guard number.fraction > 0 else { throw fault("expected a digit, found \(here)") }
            if beginsWithZero {
                number.zeros = (point..<place).first { bytes[$0] != UInt8(ascii: "0") }.map { $0 - point + 1 }
            }
        }
        if take("e") || take("E") { number.exponent = try exponent() }
        measure.add(number)
    }

    private mutating func exponent() throws(JSONFault) -> Int {
        let isNegative = take("-")
        if !isNegative { _ = take("+") }
        let first = place
        guard digits() > 0 else { throw fault("expected a digit, found \(here)") }
        var value = 0
        for index in first..<place {
            value = min(value * 10 + Int(bytes[index] - UInt8(ascii: "0")), JSONMeasure.exponentEnd)
        }
        return isNegative ? -value : value
    }

    private mutating func digits() -> Int {
        let start = place
        while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { place += 1 }
        return place - start
    }

    /// Walks over a text in quotes.
    mutating func string() throws(JSONFault) {
        let start = place
        place += 1
        measure.bytes += 2
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                place += 1
                return
            case UInt8(ascii: "\\"): measure.add(scalar: try escape())
            case ..<0x20: throw fault("control characters are written as escapes, like \\n")
            case ..<0x80:
                measure.bytes += 1
                place += 1
            default:
                let count = multibyteCount()
                guard count > 0 else { throw fault("this text is no UTF-8", at: start) }
                measure.bytes += count
                place += count
            }
        }
        throw fault("this text has no end", at: start)
    }

    /// How many bytes the character here has in UTF-8; 0 when it is none (RFC 3629: shortest form, no surrogates).
    private func multibyteCount() -> Int {
        func continues(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xbf) -> Bool {
            place + offset < end && range.contains(bytes[place + offset])
        }
        switch bytes[place] {
        case 0xc2...0xdf: return continues(1) ? 2 : 0
        case 0xe0: return continues(1, 0xa0...0xbf) && continues(2) ? 3 : 0
        case 0xed: return continues(1, 0x80...0x9f) && continues(2) ? 3 : 0
        case 0xe1...0xef: return continues(1) && continues(2) ? 3 : 0
        case 0xf0: return continues(1, 0x90...0xbf) && continues(2) && continues(3) ? 4 : 0
        case 0xf1...0xf3: return continues(1) && continues(2) && continues(3) ? 4 : 0
        case 0xf4: return continues(1, 0x80...0x8f) && continues(2) && continues(3) ? 4 : 0
        default: return 0
        }
    }

    /// Walks over an escape, and returns the character that it stands for.
    mutating func escape() throws(JSONFault) -> UInt32 {
        let start = place
        place += 1
        guard let byte = next else { throw fault("this text has no end", at: start) }
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return UInt32(byte)
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "f"): return 0x0c
        case UInt8(ascii: "n"): return 0x0a
        case UInt8(ascii: "r"): return 0x0d
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "u"): return try unicode(from: start)
        default: throw fault("no such escape", at: start)
        }
    }

    private mutating func unicode(from start: Int) throws(JSONFault) -> UInt32 {
        let first = try hex(from: start)
        guard (0xd800...0xdfff).contains(first) else { return first }
        guard first < 0xdc00, take("\\"), take("u") else {
            throw fault("half of a surrogate pair", at: start)
        }
        let second = try hex(from: start)
        guard (0xdc00...0xdfff).contains(second) else { throw fault("half of a surrogate pair", at: start) }
        return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
    }

    private mutating func hex(from start: Int) throws(JSONFault) -> UInt32 {
        var code: UInt32 = 0
        for offset in 0..<4 {
            guard place + offset < end,
                let digit = Character(UnicodeScalar(bytes[place + offset])).hexDigitValue
            else { throw fault("expected four hexadecimal digits", at: start) }
            code = code << 4 | UInt32(digit)
        }
        place += 4
        return code
    }

    // MARK: Places

    var next: UInt8? { place < end ? bytes[place] : nil }

    private var here: String {
        guard let next else { return "the end" }
        return (0x20..<0x7f).contains(next) ? "“\(Character(UnicodeScalar(next)))”" : "byte \(next)"
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { place += 1 }
    }

    private func fault(_ message: String, at wanted: Int? = nil) -> JSONFault {
        let before = bytes[..<(wanted ?? place)]
        let line = before.count { $0 == 0x0a } + 1
        let column = before.count - (before.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0) + 1
        return JSONFault(line: line, column: column, message: message)
    }
}
