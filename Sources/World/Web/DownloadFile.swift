internal import Glibc

/// The file that a download writes, and may go on with after a crash.
///
/// Beside it stands `path.resume` with the validator of what has come so far: only with it, and only when the host
/// still has the same, are the missing bytes asked for; otherwise the file begins anew.
package struct DownloadFile: Hashable, Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    var notes: String { path + ".resume" }

    /// Puts the whole file in its place, durable when this returns, and forgets how to go on with it.
    /// - Throws: `WebError.file`; the download is still there then.
    package func publish(at target: String) throws(WebError) {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { throw .file(reason("opening it")) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw .file(reason("making it durable")) }
        guard rename(path, target) == 0 else { throw .file(reason("moving it")) }
        unlink(notes)
        let folder = open(Self.folder(of: target), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw .file(reason("opening its folder")) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw .file(reason("making its name durable")) }
    }

    /// Removes what has come so far; nothing happens when there is nothing.
    package func remove() {
        unlink(path)
        unlink(notes)
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// How far a download is.
package struct WebProgress: Hashable, Sendable {
    /// In the file, with what was there before.
    package let done: Int64
    /// `nil` when the host did not say.
    package let total: Int64?
}

func reason(_ deed: String) -> String { "\(deed): \(String(cString: strerror(errno)))" }
