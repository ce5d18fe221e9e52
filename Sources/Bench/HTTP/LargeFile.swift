internal import Crypto
internal import Glibc
internal import Platform

/// A file of many bytes that do not repeat, and its digest.
struct LargeFile: Sendable {
    let path: String
    let bytes: Int
    let sha256: [UInt8]

    private static let chunk = 1 << 20

    /// Writes a new one; the bytes that are in memory at once are few.
    static func make(_ path: String, bytes: Int) async throws -> LargeFile {
        try await blocking("large file") {
            let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
            guard file >= 0 else { throw BenchError("making \(path): \(String(cString: strerror(errno)))") }
            defer { close(file) }
            let digest = SHA256Stream()
            var words = SystemRandomNumberGenerator()
            var block = (0..<chunk / 8).map { _ in words.next() }
            var left = bytes
            while left > 0 {
                // Each block differs from the one before, and costs little.
                block[left / chunk % block.count] = words.next()
                try block.withUnsafeBytes { all in
                    let part = UnsafeRawBufferPointer(rebasing: all[..<min(left, chunk)])
                    guard write(file, part.baseAddress, part.count) == part.count else {
                        throw BenchError("writing \(path): \(String(cString: strerror(errno)))")
                    }
                    digest.add(part)
                    left -= part.count
                }
            }
            return LargeFile(path: path, bytes: bytes, sha256: digest.finish())
        }
    }
}
