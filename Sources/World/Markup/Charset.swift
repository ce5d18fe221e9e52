internal import CXML
import Glibc

/// Which letters a page's bytes stand for.
///
/// Decided here rather than by libxml2, which stops at the first byte that does not fit: what does not fit is one
/// U+FFFD here, and so is NUL, which libxml2 takes for the end.
struct Charset: Equatable {
    /// As iconv calls it.
    let name: String

    static let utf8 = Charset(name: "UTF-8")
    private static let western = Charset(name: "CP1252")

    private init(name: String) { self.name = name }

    /// What a header or a page calls it, by the names that browsers know; nil for other names.
    init?(label: String) {
        let blanks: Set<Character> = [" ", "\t", "\"", "'"]
        let trimmed = label.drop { blanks.contains($0) }.prefix { !blanks.contains($0) && $0 != ";" }
        guard let name = Self.names[trimmed.lowercased()] else { return nil }
        self.name = name
    }

    /// The page as clean UTF-8, by its byte order mark, else by what was said of it, else by what it says itself, else
    /// as UTF-8 when it is that, else as Windows-1252.
    static func decode(_ bytes: [UInt8], said label: String?) -> [UInt8] {
        for (mark, charset) in marks where bytes.starts(with: mark) {
            return charset.decode(bytes[mark.count...])
        }
        if let told = label.flatMap(Charset.init(label:)) ?? declared(in: bytes) {
            return told.decode(bytes[...])
        }
        if let text = String(validating: bytes, as: UTF8.self) { return withoutNUL(Array(text.utf8)) }
        return western.decode(bytes[...])
    }

    private static let marks: [([UInt8], Charset)] = [
        ([0xef, 0xbb, 0xbf], .utf8), ([0xfe, 0xff], Charset(name: "UTF-16BE")),
        ([0xff, 0xfe], Charset(name: "UTF-16LE")),
    ]

    /// What stands after `charset=` or `encoding=` in the first 4 KiB.
    private static func declared(in bytes: [UInt8]) -> Charset? {
        let head = String(decoding: bytes.prefix(4096).filter { $0 < 0x80 }, as: UTF8.self).lowercased()
        for word in ["charset", "encoding"] {
            var rest = head[...]
            while let found = rest.firstRange(of: word) {
                rest = rest[found.upperBound...]
                let value = rest.drop { $0 == " " }
                guard value.first == "=" else { continue }
                let quoted = value.dropFirst().drop { $0 == " " || $0 == "\"" || $0 == "'" }
                let label = quoted.prefix { $0.isLetter || $0.isNumber || "-_:.".contains($0) }
                guard let charset = Charset(label: String(label)) else { continue }
                // It was legible as ASCII, so it cannot be what it says.
                return charset.name.hasPrefix("UTF-16") ? .utf8 : charset
            }
        }
        return nil
    }

    private func decode(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        if self == .utf8 { return Self.withoutNUL(Array(String(decoding: bytes, as: UTF8.self).utf8)) }
        // A machine without the table of this charset: what is ASCII in it stays legible.
        guard let converter = charset_open(name) else {
            return Self.withoutNUL(Array(String(decoding: bytes, as: UTF8.self).utf8))
        }
        defer { charset_close(converter) }
        return Self.withoutNUL(bytes.withUnsafeBytes { Self.convert($0, by: converter) })
    }

    private static func convert(_ bytes: UnsafeRawBufferPointer, by converter: UnsafeMutableRawPointer)
        -> [UInt8]
    {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count * 2)
        var piece = [CChar](repeating: 0, count: 65_536)
        var source = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
        var left = bytes.count
        while left > 0 {
            let (code, written) = piece.withUnsafeMutableBufferPointer { piece in
                var target = piece.baseAddress
                var room = piece.count
                let code = charset_convert(converter, &source, &left, &target, &room)
                return (code, piece.count - room)
            }
            output.append(contentsOf: piece[..<written].lazy.map { UInt8(bitPattern: $0) })
            guard code != 0, code != E2BIG else { continue }
            output.append(contentsOf: replacement)
            // EINVAL is a character cut off by the end.
            guard code == EILSEQ else { break }
            source = source.map { $0 + 1 }
            left -= 1
        }
        return output
    }

    private static let replacement: [UInt8] = [0xef, 0xbf, 0xbd]

    private static func withoutNUL(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(0) else { return bytes }
        return bytes.flatMap { $0 == 0 ? replacement : [$0] }
    }

    /// The labels of the WHATWG Encoding standard that pages in use still carry, to iconv's names.
    private static let names: [String: String] = {
        var names = [
            "utf-8": "UTF-8", "utf8": "UTF-8", "unicode-1-1-utf-8": "UTF-8",
            "utf-16": "UTF-16LE", "utf-16le": "UTF-16LE", "utf-16be": "UTF-16BE",
            "iso-8859-1": "CP1252", "latin1": "CP1252", "l1": "CP1252", "us-ascii": "CP1252",
            "ascii": "CP1252",
            "iso-8859-9": "CP1254", "iso-8859-11": "CP874", "windows-874": "CP874",
            "shift_jis": "CP932", "shift-jis": "CP932", "sjis": "CP932", "x-sjis": "CP932",
            "ms_kanji": "CP932", "windows-31j": "CP932",
            "euc-jp": "EUC-JP", "x-euc-jp": "EUC-JP", "iso-2022-jp": "ISO-2022-JP",
            "gb2312": "GB18030", "gbk": "GB18030", "x-gbk": "GB18030", "gb18030": "GB18030",
            "big5": "BIG5-HKSCS", "big5-hkscs": "BIG5-HKSCS",
            "euc-kr": "CP949", "ks_c_5601-1987": "CP949", "korean": "CP949", "windows-949": "CP949",
            "koi8-r": "KOI8-R", "koi8": "KOI8-R", "koi8-u": "KOI8-U", "ibm866": "CP866", "cp866": "CP866",
        ]
        for page in 1250...1258 {
            for prefix in ["windows-", "cp", "x-cp"] { names["\(prefix)\(page)"] = "CP\(page)" }
        }
        for part in [2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16] {
            names["iso-8859-\(part)"] = "ISO-8859-\(part)"
        }
        return names
    }()
}
