internal import Glibc

/// An open ``DownloadFile``: locked against a second writer, and with what is known of its beginning.
// @unchecked: the task that opens it hands it to the loop's thread and touches it again when that has answered.
final class PartFile: @unchecked Sendable {
    private static let notesBytesMax = 1024

    private let file: DownloadFile
    private var descriptor: Int32
    /// Bytes in the file.
    private(set) var size: Int64
    /// What `If-Range` takes: the beginning in the file belongs to it.
    private(set) var validator: String?

    /// - Throws: `WebError.file`, also when another download writes it.
    init(_ file: DownloadFile) throws(WebError) {
        self.file = file
        descriptor = open(file.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .file(reason("opening it")) }
        size = 0
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw .file(errno == EWOULDBLOCK ? "another download writes it" : reason("locking it"))
        }
        size = Int64(lseek(descriptor, 0, SEEK_END))
        validator = size > 0 ? readNotes() : nil
        if validator == nil { try clear() }
    }

    deinit { close() }

    /// Lets go of the file and of its lock. A second time does nothing.
    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Empties it.
    func clear() throws(WebError) {
        unlink(file.notes)
        validator = nil
        size = 0
        guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
            throw .file(reason("emptying it"))
        }
    }

    /// Empties it for a body that `validator` names, so that it can be gone on with later.
    func begin(validator: String?) throws(WebError) {
        try clear()
        guard let validator, validator.utf8.count <= Self.notesBytesMax else { return }
        self.validator = validator
        try writeNotes(validator)
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(WebError) {
        var written = 0
        while written < bytes.count {
            let count = write(descriptor, bytes.baseAddress! + written, bytes.count - written)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .file(reason("writing it")) }
            written += count
            size += Int64(count)
        }
    }

    private func readNotes() -> String? {
        let notes = open(file.notes, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard notes >= 0 else { return nil }
        defer { Glibc.close(notes) }
        var bytes = [UInt8](repeating: 0, count: Self.notesBytesMax)
        let count = read(notes, &bytes, bytes.count)
        // Cut short by a crash it would have lost its last letter.
        guard count > 1, bytes[count - 1] == UInt8(ascii: "\n") else { return nil }
        let text = bytes[..<(count - 1)]
        guard text.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) else { return nil }
        return String(decoding: text, as: UTF8.self)
    }

    private func writeNotes(_ validator: String) throws(WebError) {
        let notes = open(file.notes, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard notes >= 0 else { throw .file(reason("opening \(file.notes)")) }
        defer { Glibc.close(notes) }
        let bytes = Array((validator + "\n").utf8)
        guard write(notes, bytes, bytes.count) == bytes.count else {
            throw .file(reason("writing \(file.notes)"))
        }
    }
}
