/// The header that names a downloaded file.
enum ContentDisposition {
    /// One of two forms and never both, because the clients cut the name out behind a fixed beginning: quoted when
    /// percent-encoding leaves the name as it is, else encoded.
    ///
    /// - Parameter name: from a stranger. What could lead out of a folder, hide the file or move a cursor becomes `_`.
    static func attachment(_ name: String) -> String {
        let name = fileName(name)
        let encoded = name.utf8.map { isPlain($0) ? String(UnicodeScalar($0)) : "%" + hex($0) }.joined()
        return encoded == name
            ? "attachment; filename=\"\(name)\"" : "attachment; filename*=utf-8''\(encoded)"
    }

    private static func fileName(_ name: String) -> String {
        var isAtStart = true
        let scalars = name.unicodeScalars.map { scalar -> UnicodeScalar in
            isAtStart = isAtStart && scalar == "."
            return isAtStart || isUnsafe(scalar) ? "_" : scalar
        }
        return String(String.UnicodeScalarView(scalars))
    }

    /// Separators of folders, control characters, and those that turn the direction of text.
    private static func isUnsafe(_ scalar: UnicodeScalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0, 0x2f, 0x5c, 0x200e...0x200f, 0x202a...0x202e, 0x2066...0x2069: true
        default: false
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "_.-~".utf8.contains(byte)
    }

    private static func hex(_ byte: UInt8) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        return String(decoding: [digits[Int(byte >> 4)], digits[Int(byte & 15)]], as: UTF8.self)
    }
}
