/// Valve's text format of nested keys and values, as `.acf` files have it.
package struct KeyValues: Sendable {
    package enum Value: Sendable {
        case text(String)
        case branch(KeyValues)
    }

    package static let version = "key-values 1"
    static let bytesMax = 8 << 20
    static let depthMax = 32
    static let entriesMax = 200_000

    /// In the order of the file; a name may come twice.
    package private(set) var entries: [(name: String, value: Value)] = []

    /// The last branch of that name, whatever the case of its letters: Valve's own reader does not look at it either.
    package func branch(_ name: String) -> KeyValues? {
        for entry in entries.reversed() where entry.name.lowercased() == name.lowercased() {
            if case .branch(let branch) = entry.value { return branch }
        }
        return nil
    }

    /// The last text of that name.
    package func text(_ name: String) -> String? {
        for entry in entries.reversed() where entry.name.lowercased() == name.lowercased() {
            if case .text(let text) = entry.value { return text }
        }
        return nil
    }

    /// - Throws: `ParserFailure`
    package static func parse(_ bytes: [UInt8]) throws(ParserFailure) -> KeyValues {
        guard bytes.count <= bytesMax else { throw failure(.tooLarge, "\(bytes.count) bytes") }
        var reader = Reader(bytes: bytes)
        let tree = try reader.branch(depth: 0)
        guard !tree.entries.isEmpty else { throw failure(.garbled, "nothing in it") }
        return tree
    }

    private static func failure(_ reason: ParserFailure.Reason, _ words: String) -> ParserFailure {
        ParserFailure(version, reason, words)
    }

    private struct Reader {
        private enum Token {
            case text(String)
            case open
            case close
            case end
        }

        let bytes: [UInt8]
        var place = 0
        var count = 0

        /// Up to the closing brace, or at the top up to the end.
        mutating func branch(depth: Int) throws(ParserFailure) -> KeyValues {
            guard depth <= depthMax else { throw failure(.tooLarge, "nested deeper than \(depthMax)") }
            var tree = KeyValues()
            while true {
                switch try token() {
                case .end:
                    guard depth == 0 else { throw failure(.garbled, "it ends inside a branch") }
                    return tree
                case .close:
                    guard depth > 0 else { throw failure(.garbled, "a “}” too many at byte \(place)") }
                    return tree
                case .open: throw failure(.garbled, "a “{” without a name at byte \(place)")
                case .text(let name):
                    count += 1
                    guard count <= entriesMax else {
                        throw failure(.tooLarge, "more than \(entriesMax) names")
                    }
                    switch try token() {
                    case .text(let text): tree.entries.append((name, .text(text)))
                    case .open: tree.entries.append((name, .branch(try branch(depth: depth + 1))))
                    case .close, .end: throw failure(.garbled, "“\(name.prefix(40))” has no value")
                    }
                }
            }
        }

        private mutating func token() throws(ParserFailure) -> Token {
            skipSpace()
            guard place < bytes.count else { return .end }
            let first = bytes[place]
            place += 1
            switch first {
            case UInt8(ascii: "{"): return .open
            case UInt8(ascii: "}"): return .close
            case UInt8(ascii: "\""): return .text(try quoted())
            default: throw failure(.garbled, "byte \(first) at \(place - 1), where a quote should be")
            }
        }

        private mutating func quoted() throws(ParserFailure) -> String {
            var text: [UInt8] = []
            while place < bytes.count {
                let byte = bytes[place]
                place += 1
                switch byte {
                case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
                case UInt8(ascii: "\\") where place < bytes.count:
                    text.append(Self.unescaped(bytes[place]))
                    place += 1
                default: text.append(byte)
                }
            }
            throw failure(.garbled, "it ends inside quotes")
        }

        private static func unescaped(_ byte: UInt8) -> UInt8 {
            switch byte {
            case UInt8(ascii: "n"): 0x0a
            case UInt8(ascii: "t"): 0x09
            default: byte
            }
        }

        /// Blanks, line ends and `//` to the end of a line.
        private mutating func skipSpace() {
            while place < bytes.count {
                if [0x20, 0x09, 0x0a, 0x0d].contains(bytes[place]) {
                    place += 1
                } else if bytes[place] == 0x2f, place + 1 < bytes.count, bytes[place + 1] == 0x2f {
                    while place < bytes.count, bytes[place] != 0x0a { place += 1 }
                } else {
                    return
                }
            }
        }
    }
}
