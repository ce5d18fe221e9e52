/// Looks for tags that would make a parser compare every attribute with every other.
///
/// libxml2 does so within one tag, and nothing can stop it there. Whether a tag stands in a comment or in a script is
/// the parser's to say, so every place where one could begin is looked at, as if one did.
struct TagScan {
    /// Half of its square is what libxml2 compares: about 50 ms.
    static let attributesMax = 4096
    /// Every byte may be looked at this often, beyond the first mebibyte; in an honest page it is about once.
    private static let looksMax = 16

    private let bytes: UnsafeBufferPointer<UInt8>
    private var looksLeft: Int
    private(set) var hasTag = false

    /// - Throws: `MarkupError.tooTangled`.
    init(_ bytes: UnsafeBufferPointer<UInt8>) throws {
        self.bytes = bytes
        looksLeft = bytes.count * Self.looksMax + (1 << 20)
        var index = 0
        while index + 1 < bytes.count {
            if bytes[index] == UInt8(ascii: "<"), Self.isLetter(bytes[index + 1]) {
                hasTag = true
                try measureTag(from: index + 1)
            }
            index += 1
        }
    }

    /// Reads a tag exactly as libxml2 2.9 does: a difference would be a way past.
    private mutating func measureTag(from start: Int) throws {
        var attributes = 0
        var index = start
        skipName(&index)
        while true {
            skip(&index, while: Self.isBlank)
            guard index < bytes.count, !isEnd(index) else { break }
            attributes += 1
            guard attributes <= Self.attributesMax else { throw MarkupError.tooTangled }
            skipAttribute(&index)
            guard looksLeft > 0 else { throw MarkupError.tooTangled }
        }
        guard looksLeft > 0 else { throw MarkupError.tooTangled }
    }

    /// A name, and after an equals sign a value; or what cannot be a name, up to the next blank.
    private mutating func skipAttribute(_ index: inout Int) {
        guard Self.beginsName(bytes[index]) else {
            while index < bytes.count, !Self.isBlank(bytes[index]), !isEnd(index) {
                index += 1
                looksLeft -= 1
            }
            return
        }
        skipName(&index)
        skip(&index, while: Self.isBlank)
        guard index < bytes.count, bytes[index] == UInt8(ascii: "=") else { return }
        index += 1
        skip(&index, while: Self.isBlank)
        guard index < bytes.count else { return }
        let quote = bytes[index]
        guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
            skip(&index) { !Self.isBlank($0) && $0 != UInt8(ascii: ">") }
            return
        }
        index += 1
        skip(&index) { $0 != quote }
        index += 1
    }

    /// At most 100 bytes: the rest of a longer name is the next one.
    private mutating func skipName(_ index: inout Int) {
        let end = min(index + 100, bytes.count)
        looksLeft -= 1
        while index < end, Self.continuesName(bytes[index]) {
            index += 1
            looksLeft -= 1
        }
    }

    private mutating func skip(_ index: inout Int, while isPart: (UInt8) -> Bool) {
        let start = index
        while index < bytes.count, isPart(bytes[index]) { index += 1 }
        looksLeft -= index - start + 1
    }

    private func isEnd(_ index: Int) -> Bool {
        if bytes[index] == UInt8(ascii: ">") { return true }
        return bytes[index] == UInt8(ascii: "/") && index + 1 < bytes.count
            && bytes[index + 1] == UInt8(ascii: ">")
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        let lower = byte | 0x20
        return lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z")
    }

    private static func beginsName(_ byte: UInt8) -> Bool {
        isLetter(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
    }

    private static func continuesName(_ byte: UInt8) -> Bool {
        let isDigit = byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
        return beginsName(byte) || isDigit || byte == UInt8(ascii: "-")
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
    }
}
