import Glibc

/// The file that says whose a slot is.
///
/// The lock on it belongs to the open descriptor, so it is held until the last process that inherited it has ended.
final class SlotLock {
    private let path: String
    private var file: Int32
    private(set) var identity: FileIdentity

    init(_ path: String) throws {
        self.path = path
        (file, identity) = try Self.open(path)
    }

    deinit { if file >= 0 { close(file) } }

    /// Whether the lock is ours now.
    ///
    /// - Throws: `FileFault`.
    func take() throws -> Bool {
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw FileFault("locking \(path)") }
            return false
        }
        var status = stat()
        if lstat(path, &status) == 0, FileIdentity(status) == identity { return true }
        // Somebody put another file in its place: that is the one that others will look at.
        close(file)
        file = -1
        (file, identity) = try Self.open(path)
        return false
    }

    /// What the last holder wrote, nil when it is none of ours.
    var note: SlotNote? {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = max(0, pread(file, &bytes, bytes.count, 0))
        return SlotNote(String(decoding: bytes[..<count], as: UTF8.self))
    }

    func write(_ note: SlotNote) throws {
        let bytes = Array(note.text.utf8)
        guard ftruncate(file, 0) == 0, pwrite(file, bytes, bytes.count, 0) == bytes.count else {
            throw FileFault("writing \(path)")
        }
    }

    /// Hands over the descriptor with the lock.
    func release() -> Int32 {
        defer { file = -1 }
        return file
    }

    private static func open(_ path: String) throws -> (Int32, FileIdentity) {
        let file = Glibc.open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw FileFault("opening \(path)") }
        var status = stat()
        guard fstat(file, &status) == 0 else {
            close(file)
            throw FileFault("looking at \(path)")
        }
        return (file, FileIdentity(status))
    }
}
