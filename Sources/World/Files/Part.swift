import Glibc

/// A file that is made beside its place and put there whole.
package enum Part {
    /// Waits until the disk has the file's bytes.
    ///
    /// - Throws: `FileFault`.
    package static func sync(_ path: String) throws {
        let file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else { throw FileFault("opening \(path)") }
        defer { close(file) }
        guard fsync(file) == 0 else { throw FileFault("writing out \(path)") }
    }

    /// Puts a finished and synced part in the file's place in one step; what stood there is gone.
    ///
    /// Both stand on one file system. When it returns, the new name outlives a power cut; when the process dies on the
    /// way, either the old file stands there or the new one.
    /// - Throws: `FileFault`.
    package static func publish(_ part: String, as path: String) throws {
        guard rename(part, path) == 0 else { throw FileFault("putting \(part) in the place of \(path)") }
        try syncFolder(of: path)
    }

    private static func syncFolder(of path: String) throws {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let folder = parts.isEmpty ? "." : parts.joined(separator: "/") + "/"
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileFault("opening the folder \(folder)") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileFault("writing out the folder \(folder)") }
    }
}
