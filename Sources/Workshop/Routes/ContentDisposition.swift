/// The header that names a downloaded file.
enum ContentDisposition {
    /// One of two forms and never both, because the clients cut the name out behind a fixed beginning: quoted when
    /// percent-encoding leaves the name as it is, else encoded. `/` is not encoded, and no client takes it for a folder.
    static func attachment(_ name: String) -> String {
        let encoded = name.utf8.map { isPlain($0) ? String(UnicodeScalar($0)) : "%" + hex($0) }.joined()
        return encoded == name
            ? "attachment; filename=\"\(name)\"" : "attachment; filename*=utf-8''\(encoded)"
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "_.-~/".utf8.contains(byte)
    }

    private static func hex(_ byte: UInt8) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        return String(decoding: [digits[Int(byte >> 4)], digits[Int(byte & 15)]], as: UTF8.self)
    }
}
