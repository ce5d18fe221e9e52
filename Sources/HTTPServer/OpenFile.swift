internal import CHTTP
internal import Glibc

/// A regular file that is open for reading.
final class OpenFile: Sendable {
    /// More at once would keep the neighbours waiting while a slow disk is read.
    private static let stepBytes = 1 << 20

    let descriptor: Int32
    let size: Int64
    /// When it was changed last, in nanoseconds since 1970.
    let changedAt: Int64

    /// `nil` for a link, for anything but a regular file, and for what is not there or not ours to read.
    init?(_ path: String) {
        // C would read the path up to its NUL only; without O_NONBLOCK a named pipe would hang the loop.
        let isWhole = !path.utf8.contains(0)
        descriptor = !isWhole ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
            if descriptor >= 0 { close(descriptor) }
            return nil
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            return nil
        }
        size = Int64(status.st_size)
        changedAt = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
    }

    deinit { close(descriptor) }

    /// `sendfile(2)` of one step at most; moves `offset` on.
    static func send(_ file: Int32, to socket: Int32, _ offset: inout Int64, atMost count: Int) -> Int {
        http_sendfile(socket, file, &offset, min(count, stepBytes))
    }
}

/// The bytes of a file that are to be sent, from `start` up to and without `end`.
struct FilePart: Sendable {
    let file: OpenFile
    let start: Int64
    let end: Int64
}
