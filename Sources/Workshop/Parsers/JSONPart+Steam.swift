internal import Jobs

extension JSONPart {
    /// A whole number, or the digits of one as text: Steam writes 64-bit numbers now as the one, now as the other.
    var wholeNumber: Int64? {
        let digits: String
        switch value {
        case .number(let text), .string(let text): digits = text
        default: return nil
        }
        return Int64(digits: digits)
    }

    /// `true`, `false`, or the 1 and 0 that stand for them.
    var flag: Bool? {
        switch value {
        case .bool(let flag): flag
        case .number("0"): false
        case .number("1"): true
        default: nil
        }
    }

    var parts: [JSONPart]? { if case .array(let parts) = value { parts } else { nil } }

    var members: [(name: String, part: JSONPart)]? {
        if case .object(let members) = value { members } else { nil }
    }
}

extension Int64 {
    /// Nothing but the digits 0 to 9, and a number that fits: no sign, no blank, no digit of another script.
    package init?(digits text: some StringProtocol) {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        self.init(text)
    }
}

extension String {
    /// The text as a table can keep it and a page can show it: no NUL, no control characters but line ends and tabs, no
    /// blanks around, and at most `scalarsMax` long.
    func tidied(scalarsMax: Int) -> String {
        var kept = String.UnicodeScalarView()
        var count = 0
        for scalar in unicodeScalars {
            guard count < scalarsMax else { break }
            let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
            guard !isControl || scalar == "\n" || scalar == "\t" else { continue }
            kept.append(scalar)
            count += 1
        }
        return String(kept).trimmed
    }

    /// Without white space at either end.
    var trimmed: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }),
            let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }
}
