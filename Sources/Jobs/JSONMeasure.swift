/// What a JSON text becomes when PostgreSQL keeps it as jsonb and writes it out again.
package struct JSONMeasure: Hashable, Sendable {
    /// Bytes of the text that the server writes out: exponents become digits, escapes become characters, and a space
    /// follows each comma and colon. A name that comes twice counts twice.
    package internal(set) var bytes = 0
    /// A text or a name holds `\u0000`, which PostgreSQL stores in no text.
    package internal(set) var hasNUL = false
    /// A number lies beyond what PostgreSQL's numeric holds.
    package internal(set) var hasNumberBeyondNumeric = false

    /// `numeric` holds at most so many digits before the point.
    package static let wholeDigitsMax = 131_072
    /// `numeric` holds at most so many digits behind the point.
    package static let fractionDigitsMax = 16_383
    /// `numeric` reads exponents below this only, whatever the digits are.
    private static let exponentEnd = Int(Int32.max) / 2

    /// Counts the number that stands in `text`, which is one by RFC 8259.
    mutating func add(number text: some Collection<UInt8>) {
        let zero = UInt8(ascii: "0")
        var isNegative = false
        var isBehindPoint = false
        var isExponent = false
        var isExponentNegative = false
        var whole = 0
        var fraction = 0
        /// How many digits stand before the first that is not 0.
        var zeros: Int?
        var exponent = 0
        for byte in text {
            switch byte {
            case UInt8(ascii: "-"): if isExponent { isExponentNegative = true } else { isNegative = true }
            case UInt8(ascii: "+"): break
            case UInt8(ascii: "."): isBehindPoint = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"): isExponent = true
            default:
                if isExponent {
                    exponent = min(exponent * 10 + Int(byte - zero), Self.exponentEnd)
                    continue
                }
                if byte != zero, zeros == nil { zeros = whole + fraction }
                if isBehindPoint { fraction += 1 } else { whole += 1 }
            }
        }
        if exponent == Self.exponentEnd { hasNumberBeyondNumeric = true }
        if isExponentNegative { exponent = -exponent }
        // Where the point stands among the digits, counted from the first one.
        let point = whole + exponent
        let wholeDigits = zeros.map { max(point - $0, 1) } ?? 1
        let fractionDigits = max(fraction - exponent, 0)
        if wholeDigits > Self.wholeDigitsMax || fractionDigits > Self.fractionDigitsMax {
            hasNumberBeyondNumeric = true
        }
        bytes += wholeDigits + (fractionDigits > 0 ? 1 + fractionDigits : 0)
        if isNegative, zeros != nil { bytes += 1 }
    }

    /// Counts a character of a text or a name.
    mutating func add(scalar code: UInt32) {
        switch code {
        case 0:
            hasNUL = true
            bytes += 6
        case 0x08, 0x09, 0x0a, 0x0c, 0x0d, 0x22, 0x5c: bytes += 2
        case ..<0x20: bytes += 6
        case ..<0x80: bytes += 1
        case ..<0x800: bytes += 2
        case ..<0x10000: bytes += 3
        default: bytes += 4
        }
    }
}

extension JSON {
    /// Why the queue does not store this as `name`, in a sentence that says what was expected and what was found; `nil`
    /// when it does.
    /// - Parameter bytesMax: for the text that the server writes out.
    package func refusal(as name: String, bytesMax: Int) -> String? {
        let measure: JSONMeasure
        do throws(JSONFault) { measure = try self.measure() } catch {
            return "\(name): expected JSON: \(error)"
        }
        return measure.refusal(as: name, bytesMax: bytesMax)
    }
}

extension JSONMeasure {
    /// As `JSON.refusal`.
    func refusal(as name: String, bytesMax: Int) -> String? {
        if hasNUL {
            return "\(name): expected texts without NUL, found \\u0000, which can't be stored"
        }
        if hasNumberBeyondNumeric {
            return """
                \(name): expected numbers of at most \(Self.wholeDigitsMax) digits before the point and \
                \(Self.fractionDigitsMax) behind it, found one beyond that
                """
        }
        if bytes > bytesMax {
            return "\(name): found \(bytes) bytes as jsonb writes them, expected at most \(bytesMax)"
        }
        return nil
    }
}
