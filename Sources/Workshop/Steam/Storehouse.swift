internal import Crypto
internal import Glibc
internal import Platform
internal import World

/// The folder where published ZIPs lie, and beside it the slots in which they are made.
///
/// A file's name holds the beginning of its digest, so a newer copy never disturbs the older one: whoever is reading
/// that goes on reading, and the row says which one counts. A file that no row names is nobody's: upkeep removes it.
package struct Storehouse: Sendable {
    package let folder: String

    /// - Parameter folder: made when it is missing and needed.
    package init(_ folder: String) { self.folder = folder }

    package var slots: String { folder + "/slots" }
    var mods: String { folder + "/mods" }

    /// Where a copy of a mod lies.
    package func path(of mod: Int64, _ file: PublishedFile) -> String { mods + "/" + Self.name(mod, file) }

    static func name(_ mod: Int64, _ file: PublishedFile) -> String {
        "\(mod)-\(Hex.text(Array(file.sha256.prefix(8)))).zip"
    }

    /// Makes the folders, with those above them. Twice is once.
    /// - Throws: `FileFault`
    package func open() throws {
        for path in [mods, slots] {
            var made = path.hasPrefix("/") ? "" : "."
            for part in path.split(separator: "/") {
                made += "/" + part
                guard mkdir(made, 0o700) == 0 || errno == EEXIST || access(made, F_OK) == 0 else {
                    throw FileFault("making the folder \(made)")
                }
            }
        }
    }

    /// Puts a finished part, which lies on the same file system, in its place.
    func publish(_ part: String, of mod: Int64, _ file: PublishedFile) async throws {
        let target = path(of: mod, file)
        try await blocking("publish") { try Part.publish(part, as: target) }
    }

    /// The names of all files that are there. Folders and hidden files are none of ours: a file system keeps some of its
    /// own, which nobody can remove.
    func names() async throws -> [String] {
        let folder = mods
        return try await blocking("storehouse") {
            (FolderListing.names(in: folder) ?? []).filter { name in
                var status = stat()
                return !name.hasPrefix(".") && lstat(folder + "/" + name, &status) == 0
                    && status.st_mode & S_IFMT != S_IFDIR
            }
        }
    }

    func remove(_ names: [String]) async throws {
        let folder = mods
        try await blocking("storehouse") {
            for name in names {
                guard unlink(folder + "/" + name) == 0 || errno == ENOENT else {
                    throw FileFault("removing \(name)")
                }
            }
        }
    }

    /// The mod whose copy has this name; `nil` when no copy is called so.
    static func mod(of name: String) -> Int64? {
        guard name.hasSuffix(".zip"), let dash = name.firstIndex(of: "-") else { return nil }
        return Int64(digits: name[..<dash])
    }

    /// The digest of a whole file, read on a thread of its own.
    static func digest(of path: String) async throws -> PublishedFile {
        try await blocking("digest") {
            let file = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            guard file >= 0 else { throw FileFault("opening \(path)") }
            defer { close(file) }
            let stream = SHA256Stream()
            var bytes: Int64 = 0
            try withUnsafeTemporaryAllocation(byteCount: 262_144, alignment: 16) { buffer in
                while true {
                    let count = read(file, buffer.baseAddress, buffer.count)
                    if count < 0, errno == EINTR { continue }
                    guard count >= 0 else { throw FileFault("reading \(path)") }
                    if count == 0 { return }
                    stream.add(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                    bytes += Int64(count)
                }
            }
            return PublishedFile(bytes: bytes, sha256: stream.finish())
        }
    }
}
