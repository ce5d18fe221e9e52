internal import Glibc

/// Files of people, read whole.
enum TextFile {
    struct Unreadable: Error, CustomStringConvertible {
        let description: String
    }

    /// - Throws: `Unreadable` when it can't be read, is no UTF-8, or is longer than `bytesMax`.
    static func read(_ path: String, bytesMax: Int) throws -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw Unreadable(description: "can't be read: \(String(cString: strerror(errno)))")
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(file, &piece, piece.count)
            guard count >= 0 else {
                throw Unreadable(description: "can't be read: \(String(cString: strerror(errno)))")
            }
            if count == 0 { break }
            bytes += piece[..<count]
            guard bytes.count <= bytesMax else {
                throw Unreadable(description: "is longer than \(bytesMax) bytes")
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Unreadable(description: "is no UTF-8")
        }
        return text
    }
}
