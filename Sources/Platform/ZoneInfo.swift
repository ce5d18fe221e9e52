internal import Glibc

/// The time zones that the system has on disk (Debian's `tzdata`).
package enum ZoneInfo {
    package static let folder = "/usr/share/zoneinfo"
    /// The largest file there has some 4 kB.
    private static let bytesMax = 262_144

    /// Why a zone's file could not be had.
    package struct Unreadable: Error, Hashable, Sendable, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    /// The bytes of a zone's file.
    ///
    /// The name may come from a stranger: it is a path of words below the folder, and leads nowhere else.
    package static func read(_ name: String) throws(Unreadable) -> [UInt8] {
        guard isName(name) else { throw Unreadable(description: "is not the name of a time zone") }
        let file = open("\(folder)/\(name)", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            let hint = access(folder, R_OK) == 0 ? "" : ", as is \(folder): install tzdata"
            throw Unreadable(description: "is not known here\(hint)")
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= bytesMax else {
            throw Unreadable(description: "is not the name of a time zone")
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var length = 0
        while length < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                Glibc.read(file, $0.baseAddress! + length, $0.count - length)
            }
            guard count > 0 else { break }
            length += count
        }
        return Array(bytes[..<length])
    }

    /// Up to three words of letters, digits, `_`, `-` and `+`, of which none begins with anything but a letter.
    private static func isName(_ name: String) -> Bool {
        let words = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return name.utf8.count <= 64 && words.count <= 3
            && words.allSatisfy { word in
                guard let first = word.first, isLetter(first) else { return false }
                return word.allSatisfy {
                    isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                        || "_-+".utf8.contains($0)
                }
            }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
