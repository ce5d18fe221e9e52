import Glibc

/// What the first bytes of a file say that it is, whatever it is called.
///
/// Looking for it unpacks nothing, so it may be done anywhere.
package enum ArchiveSign: Sendable, Equatable {
    /// A member, or the end of a ZIP that has none (APPNOTE 4.3.7, 4.3.16).
    case zip
    /// A header with its magic or its checksum (POSIX.1, pax: ustar interchange format).
    case tar
    /// By gzip or bzip2. Whether a tar is inside shows only when it is unpacked.
    case wrapped

    /// Nil for a file that is no archive of a format that is read.
    ///
    /// - Throws: `FileFault`.
    package static func of(_ path: String) throws -> ArchiveSign? {
        let file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { throw FileFault("opening \(path)") }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: blockBytes)
        let count = pread(file, &bytes, bytes.count, 0)
        guard count >= 0 else { throw FileFault("reading \(path)") }
        return ArchiveSign(Array(bytes[..<count]))
    }

    private static let blockBytes = 512

    /// - Parameter bytes: The first 512, fewer when there are no more.
    init?(_ bytes: [UInt8]) {
        let beginnings: [([UInt8], ArchiveSign)] = [
            (Array("PK\u{3}\u{4}".utf8), .zip), (Array("PK\u{5}\u{6}".utf8), .zip),
            ([0x1f, 0x8b, 8], .wrapped), (Array("BZh".utf8), .wrapped),
        ]
        if let known = beginnings.first(where: { bytes.starts(with: $0.0) }) {
            self = known.1
        } else if Self.isTarHeader(bytes) {
            self = .tar
        } else {
            return nil
        }
    }

    private static func isTarHeader(_ block: [UInt8]) -> Bool {
        guard block.count == blockBytes else { return false }
        if block[257..<262].elementsEqual("ustar".utf8) { return true }
        // Older ones have no magic. The sum is taken with blanks in the place of the sum.
        let digits = block[148..<156].drop { $0 == 0x20 }.prefix { (0x30...0x37).contains($0) }
        let sum = block.reduce(8 * 0x20) { $0 + Int($1) } - block[148..<156].reduce(0) { $0 + Int($1) }
        return Int(String(decoding: digits, as: UTF8.self), radix: 8) == sum
    }
}
