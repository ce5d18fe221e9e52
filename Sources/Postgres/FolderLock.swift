import Glibc
internal import Platform

/// Keeps a second farm off the folder.
///
/// The system releases it with the process, however that ends.
final class FolderLock: Sendable {
    private let descriptor: Lock<Int32>

    /// - Throws: `PrivateServerError.taken` at once when somebody else holds it.
    init(_ path: String) throws {
        // Close-on-exec: a server that inherited it would hold it after us.
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw PrivateServerError.folder(path, String(cString: strerror(errno))) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let holder = Self.firstLine(file)
            close(file)
            throw PrivateServerError.taken(path, by: holder.isEmpty ? "" : " (process \(holder))")
        }
        let name = Array("\(getpid())\n".utf8)
        _ = ftruncate(file, 0)
        _ = pwrite(file, name, name.count, 0)
        descriptor = Lock(file)
    }

    deinit { release() }

    /// Gives the folder back; nothing happens the second time.
    func release() {
        descriptor.withLock { file in
            if file >= 0 { close(file) }
            file = -1
        }
    }

    private static func firstLine(_ file: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = max(0, pread(file, &bytes, bytes.count, 0))
        return String(decoding: bytes[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}
