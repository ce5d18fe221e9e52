import Glibc

/// An open folder, in which names are looked up one at a time and never through a link.
///
/// Whatever happens to the path meanwhile, it stays the folder that was opened.
final class Folder: Sendable {
    /// Valid as long as this object lives.
    let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Links on the way to the folder are followed; the folder itself must not be one.
    ///
    /// - Throws: `FileFault`.
    convenience init(_ path: String) throws { try self.init(FileName(path)) }

    /// By the system's own form of the path.
    convenience init(_ path: FileName) throws { try self.init(opening: path) }

    convenience init(opening path: FileName) throws(FileFault) {
        let descriptor = open(path.bytes, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileFault("opening the folder \(path.text)") }
        self.init(descriptor: descriptor)
    }

    /// A folder that stands in this one.
    func folder(_ name: String) throws -> Folder {
        let inner = openat(descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard inner >= 0 else { throw FileFault("opening the folder \(name)") }
        return Folder(descriptor: inner)
    }

    /// A folder that stands in this one, even when it keeps its owner out.
    func folder(reclaiming name: FileName) throws -> Folder {
        _ = fchmodat(descriptor, name.bytes, 0o700, 0)
        let inner = openat(descriptor, name.bytes, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard inner >= 0 else { throw FileFault("opening the folder \(name.text)") }
        return Folder(descriptor: inner)
    }

    /// A new folder in this one, for its owner to write and all to read.
    func makeFolder(_ name: String) throws -> Folder {
        guard mkdirat(descriptor, name, 0o755) == 0 else { throw FileFault("making the folder \(name)") }
        return try folder(name)
    }

    /// A new file in this one, open for writing; the caller closes it.
    func makeFile(_ name: String) throws -> Int32 {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let file = openat(descriptor, name, flags, mode_t(0o644))
        guard file >= 0 else { throw FileFault("making the file \(name)") }
        return file
    }

    /// A file in this one, open for reading; the caller closes it.
    ///
    /// What became something else than a file meanwhile does not keep us waiting.
    func openFile(_ name: String) throws -> Int32 {
        let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { throw FileFault("opening \(name)") }
        return file
    }

    /// What stands under this name, the link itself when it is one; nil when nothing does.
    func status(_ name: FileName) -> stat? {
        var status = stat()
        return fstatat(descriptor, name.bytes, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status : nil
    }

    /// The names in the folder, without `.` and `..`.
    func names() throws -> [FileName] {
        // The stream closes the descriptor that it was given, and a fresh one starts at the beginning.
        let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0, let stream = fdopendir(copy) else {
            if copy >= 0 { close(copy) }
            throw FileFault("reading a folder")
        }
        defer { closedir(stream) }
        var names: [FileName] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                    Array(UnsafeBufferPointer(start: name, count: strlen(name) + 1))
                }
            }
            let dot = CChar(bitPattern: UInt8(ascii: "."))
            if name != [dot, 0] && name != [dot, dot, 0] { names.append(FileName(name)) }
        }
        return names
    }
}
