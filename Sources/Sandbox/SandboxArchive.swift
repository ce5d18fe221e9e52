/// Archives as authors of mods make them.
///
/// Nothing in them is compressed, so that no library is needed.
enum SandboxArchive {
    struct Member {
        enum Kind { case file, link, device }

        let name: String
        let kind: Kind
        let bytes: [UInt8]
        /// Where a link leads.
        let target: String

        init(_ name: String, _ bytes: [UInt8] = []) {
            (self.name, kind, self.bytes, target) = (name, .file, bytes, "")
        }

        /// In a tar only.
        init(_ name: String, _ kind: Kind, target: String = "") {
            (self.name, self.kind, bytes, self.target) = (name, kind, [], target)
        }
    }

    // MARK: ZIP

    /// APPNOTE 4.3, all members stored, names in UTF-8.
    ///
    /// - Parameter isEncrypted: whether the members say so; their bytes are as they were.
    static func zip(_ members: [Member], isEncrypted: Bool = false) -> [UInt8] {
        var archive: [UInt8] = []
        var directory: [UInt8] = []
        for member in members {
            let name = Array(member.name.utf8)
            let size = number(member.bytes.count, 4)
            // Version, flags (UTF-8, encryption), method and time, date of 1980-01-01, checksum, sizes, lengths.
            let common = joined([
                number(20, 2), number(isEncrypted ? 0x801 : 0x800, 2), number(0, 4), number(0x21, 2),
                number(Int(checksum(member.bytes)), 4), size, size, number(name.count, 2), number(0, 2),
            ])
            directory += joined([
                number(0x0201_4b50, 4), number(20, 2), common, number(0, 10), number(archive.count, 4), name,
            ])
            archive += joined([number(0x0403_4b50, 4), common, name, member.bytes])
        }
        let count = number(min(members.count, 0xffff), 2)
        return joined([
            archive, directory, largeEnd(members.count, directory.count, archive.count),
            number(0x0605_4b50, 4), number(0, 4), count, count, number(directory.count, 4),
            number(archive.count, 4), number(0, 2),
        ])
    }

    /// The record that counts further than 65,534, and the one that leads to it (APPNOTE 4.3.14, 4.3.15).
    private static func largeEnd(_ members: Int, _ directoryBytes: Int, _ archiveBytes: Int) -> [UInt8] {
        guard members >= 0xffff else { return [] }
        return joined([
            number(0x0606_4b50, 4), number(44, 8), number(45, 2), number(45, 2), number(0, 8),
            number(members, 8), number(members, 8), number(directoryBytes, 8), number(archiveBytes, 8),
            number(0x0706_4b50, 4), number(0, 4), number(archiveBytes + directoryBytes, 8), number(1, 4),
        ])
    }

    /// Little endian.
    private static func number(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { $0 < 8 ? UInt8(truncatingIfNeeded: value >> (8 * $0)) : 0 }
    }

    private static func joined(_ parts: [[UInt8]]) -> [UInt8] { Array(parts.joined()) }

    /// CRC-32 (APPNOTE 4.4.7).
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~0) { sum, byte in checksums[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] ^ (sum >> 8) }
    }

    private static let checksums: [UInt32] = (0..<256).map { start in
        (0..<8).reduce(UInt32(start)) { sum, _ in sum & 1 == 1 ? 0xedb8_8320 ^ (sum >> 1) : sum >> 1 }
    }

    // MARK: tar

    /// The ustar form of POSIX.1. Names have at most 100 bytes.
    static func tar(_ members: [Member]) -> [UInt8] {
        var archive: [UInt8] = []
        for member in members {
            archive += header(member)
            archive += member.bytes
            archive += repeatElement(0, count: (512 - member.bytes.count % 512) % 512)
        }
        return archive + repeatElement(0, count: 1024)
    }

    private static func header(_ member: Member) -> [UInt8] {
        let kind =
            switch member.kind {
            case .file: "0"
            case .link: "2"
            case .device: "3"
            }
        // Name, rights, owner, group, size, time, checksum, kind, target, magic, version, names of the owners, device.
        let fields: [(text: String, bytes: Int)] = [
            (member.name, 100), ("0000644", 8), ("0000000", 8), ("0000000", 8),
            (octal(member.bytes.count, 11), 12), (octal(0, 11), 12), (String(repeating: " ", count: 8), 8),
            (kind, 1), (member.target, 100), ("ustar", 6), ("00", 2), ("", 64), ("0000001", 8),
            ("0000003", 8), ("", 167),
        ]
        var block = joined(fields.map { field($0.text, $0.bytes) })
        let sum = block.reduce(0) { $0 + Int($1) }
        block.replaceSubrange(148..<155, with: field(octal(sum, 6), 7))
        return block
    }

    private static func field(_ text: String, _ count: Int) -> [UInt8] {
        let bytes = Array(text.utf8.prefix(count))
        return bytes + repeatElement(0, count: count - bytes.count)
    }

    private static func octal(_ value: Int, _ digits: Int) -> String {
        let text = String(value, radix: 8)
        return String(repeating: "0", count: digits - text.count) + text
    }

    // MARK: gzip

    /// RFC 1952 around stored blocks of RFC 1951.
    static func gzip(_ bytes: [UInt8]) -> [UInt8] {
        var packed: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
        for start in stride(from: 0, to: bytes.count, by: 0xffff) {
            let piece = bytes[start..<min(start + 0xffff, bytes.count)]
            packed.append(piece.endIndex == bytes.count ? 1 : 0)
            packed += number(piece.count, 2)
            packed += number(~piece.count, 2)
            packed += piece
        }
        return joined([packed, number(Int(checksum(bytes)), 4), number(bytes.count, 4)])
    }
}
