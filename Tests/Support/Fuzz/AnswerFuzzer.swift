/// An answer that an upstream might give on a bad day.
package struct FuzzedAnswer: Sendable {
    package let bytes: [UInt8]
    /// How it was made, for the words of a failure.
    package let recipe: String
}

/// Makes short, empty, doubled, foreign and contradictory answers out of right ones.
///
/// It knows forms, not upstreams: a system hands it samples of what its upstream answers, and samples of what others do.
package struct AnswerFuzzer: Sendable {
    package enum Form: Sendable {
        case json
        /// HTML or XML.
        case markup
        /// Text in lines: what a program writes, the head of an HTTP answer.
        case lines
    }

    private let form: Form
    private let samples: [[UInt8]]
    private let foreign: [[UInt8]]
    private let bytesMax: Int

    /// - Parameters:
    ///   - samples: right answers; at least one.
    ///   - foreign: right answers of other upstreams.
    ///   - bytesMax: a longer answer is cut off.
    package init(_ form: Form, samples: [[UInt8]], foreign: [[UInt8]] = [], bytesMax: Int = 16 << 10) {
        precondition(!samples.isEmpty, "there is nothing to make answers of")
        self.form = form
        self.samples = samples
        self.foreign = foreign
        self.bytesMax = bytesMax
    }

    /// The answer that these dice make; the same dice make the same answer.
    package func answer(_ dice: Dice) -> FuzzedAnswer {
        var dice = dice
        var bytes = dice.pick(samples)
        var recipe: [String] = []
        if dice.chance(0.15) {
            let (name, made) = whole(bytes, &dice)
            (bytes, recipe) = (made, [name])
        } else {
            for _ in 0..<dice.int(1...3) {
                let (name, made) = changed(bytes, &dice)
                bytes = made
                recipe.append(name)
            }
        }
        return FuzzedAnswer(bytes: Array(bytes.prefix(bytesMax)), recipe: recipe.joined(separator: ", "))
    }

    // MARK: Something else altogether

    private func whole(_ bytes: [UInt8], _ dice: inout Dice) -> (String, [UInt8]) {
        switch dice.int(0...9) {
        case 0: return ("right", bytes)
        case 1: return ("empty", [])
        case 2: return ("one byte", [UInt8.random(in: 0...255, using: &dice)])
        case 3: return ("doubled", bytes + bytes)
        case 4: return ("foreign", foreign.isEmpty ? [] : dice.pick(foreign))
        case 5: return ("a bare word", Array(dice.pick(Self.bare).utf8))
        case 6:
            return ("blanks", [UInt8](repeating: dice.pick([0x20, 0x0a, 0x00]), count: dice.int(1...5000)))
        case 7:
            return ("noise", (0..<dice.int(1...4000)).map { _ in UInt8.random(in: 0...255, using: &dice) })
        case 8:
            let (open, count) = (dice.pick(["[", "{\"a\":", "<div>", "\"a\"{", "("]), dice.int(1...4000))
            return ("nested", Array(String(repeating: open, count: count).utf8))
        default:
            // Two answers in one: the head of this, the tail of another.
            let other = dice.pick(samples + foreign)[...]
            return (
                "spliced", bytes.prefix(dice.int(0...bytes.count)) + other.suffix(dice.int(0...other.count))
            )
        }
    }

    private static let bare = [
        "null", "true", "[]", "{}", "\"\"", "0", "-1", "OK", "Too Many Requests", "<html></html>",
        "\u{feff}{}",
    ]

    // MARK: Something of it changed

    private func changed(_ bytes: [UInt8], _ dice: inout Dice) -> (String, [UInt8]) {
        guard !bytes.isEmpty else { return ("empty", bytes) }
        switch dice.int(0...9) {
        case 0: return ("cut short", Array(bytes.prefix(dice.int(0...bytes.count))))
        case 1:
            var bytes = bytes
            for _ in 0..<dice.int(1...8) {
                bytes[dice.int(0...bytes.count - 1)] = UInt8.random(in: 0...255, using: &dice)
            }
            return ("bytes changed", bytes)
        case 2:
            var bytes = bytes
            bytes.removeSubrange(part(of: bytes, &dice))
            return ("a part is missing", bytes)
        case 3:
            let part = part(of: bytes, &dice)
            return ("a part twice", Array(bytes[..<part.upperBound] + bytes[part.lowerBound...]))
        case 4:
            var bytes = bytes
            bytes.insert(contentsOf: dice.pick(Self.odd), at: dice.int(0...bytes.count))
            return ("something odd in it", bytes)
        case 5: return ("an odd number", numberChanged(bytes, &dice))
        default:
            switch form {
            case .json: return JSONMutator.changed(bytes, &dice)
            case .markup: return piecesChanged(bytes, at: UInt8(ascii: "<"), &dice)
            case .lines: return piecesChanged(bytes, at: 0x0a, &dice)
            }
        }
    }

    private func part(of bytes: [UInt8], _ dice: inout Dice) -> Range<Int> {
        let start = dice.int(0...bytes.count)
        return start..<min(bytes.count, start + dice.int(0...max(1, bytes.count / 3)))
    }

    private static let odd: [[UInt8]] = [
        [0], [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xef, 0xbb, 0xbf], [0x1b, 0x5b],
        [0x0d, 0x0a, 0x0d, 0x0a],
        Array("\\ud800".utf8), Array("\\u0000".utf8), Array("\u{202e}".utf8), Array("e\u{301}".utf8),
        Array("'\"><".utf8), Array("<!--".utf8), Array("]]>".utf8), Array("&#0;&#x110000;".utf8),
        [UInt8](repeating: 0x41, count: 3000),
    ]

    /// Numbers on the edges of what types hold.
    package static let oddNumbers = [
        "0", "-0", "-1", "1", "00", "4294967296", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808", "18446744073709551616", "99999999999999999999999999", "1e999", "0.5", "",
    ]

    /// One run of digits becomes another number.
    private func numberChanged(_ bytes: [UInt8], _ dice: inout Dice) -> [UInt8] {
        let isDigit: (UInt8) -> Bool = { (0x30...0x39).contains($0) }
        let from = dice.int(0...bytes.count - 1)
        guard let start = bytes[from...].firstIndex(where: isDigit) ?? bytes.firstIndex(where: isDigit) else {
            return bytes
        }
        let end = bytes[start...].firstIndex { !isDigit($0) } ?? bytes.count
        return Array(bytes[..<start] + Array(dice.pick(Self.oddNumbers).utf8) + bytes[end...])
    }

    /// Pieces that begin with a mark, such as tags or lines, go, come twice, change places or lose their end.
    private func piecesChanged(_ bytes: [UInt8], at mark: UInt8, _ dice: inout Dice) -> (String, [UInt8]) {
        var pieces = bytes.split(separator: mark, omittingEmptySubsequences: false).map { Array($0) }
        let (one, other) = (dice.int(0...pieces.count - 1), dice.int(0...pieces.count - 1))
        let name: String
        switch dice.int(0...5) {
        case 0:
            pieces.remove(at: one)
            name = "a piece is missing"
        case 1:
            pieces.insert(pieces[one], at: other)
            name = "a piece twice"
        case 2:
            pieces.swapAt(one, other)
            name = "pieces in each other's place"
        case 3:
            pieces[one] = Array(pieces[one].prefix(dice.int(0...pieces[one].count)))
            name = "a piece without its end"
        case 4:
            pieces[one] += pieces[other]
            name = "pieces glued"
        default:
            pieces.insert(contentsOf: [[UInt8]](repeating: pieces[one], count: dice.int(2...200)), at: other)
            name = "a piece many times"
        }
        return (name, Array(pieces.joined(separator: [mark])))
    }
}
