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
    static let exponentEnd = Int(Int32.max) / 2

    /// The digits of a number as it is written.
    struct Digits {
        var isNegative = false
        /// How many stand before the point.
        var whole = 0
        /// How many stand behind the point.
        var fraction = 0
        /// How many zeros stand before the first other digit; `nil`: all are zeros.
        var zeros: Int?
        /// Clamped to what `numeric` reads.
        var exponent = 0
    }

    /// Counts a number.
    mutating func add(_ digits: Digits) {
        if abs(digits.exponent) >= Self.exponentEnd { hasNumberBeyondNumeric = true }
        // Where the point stands among the digits, counted from the first one.
        let point = digits.whole + digits.exponent
        let wholeDigits = digits.zeros.map { max(point - $0, 1) } ?? 1
        let fractionDigits = max(digits.fraction - digits.exponent, 0)
        if wholeDigits > Self.wholeDigitsMax || fractionDigits > Self.fractionDigitsMax {
            hasNumberBeyondNumeric = true
        }
        bytes += wholeDigits + (fractionDigits > 0 ? 1 + fractionDigits : 0)
        if digits.isNegative, digits.zeros != nil { bytes += 1 }
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
