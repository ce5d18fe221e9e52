import Glibc

/// What stands in a folder, in the order of the bytes of its paths.
struct TreeReader {
    struct Entry {
        /// Folders end with a slash.
        let path: String
        /// 0 for a folder.
        let bytes: Int64

        var isFolder: Bool { path.hasSuffix("/") }
    }

    let top: Folder
    let entries: [Entry]

    /// - Throws: `FileFault`; `ArchiveError.notPlain` for a link, a device and their like, `.badName` for a name that is
    ///   not UTF-8, `.tooManyEntries`, `.tooLarge`, `CancellationError`.
    init(_ path: String, limits: ArchiveLimits, _ stop: Stop) throws {
        top = try Folder(path)
        var found: [(key: [UInt8], entry: Entry)] = []
        var bytes: Int64 = 0
        try Self.walk(top, "", depth: 1, limits) { entry in
            try stop.check()
            bytes += entry.bytes
            guard bytes <= limits.bytesMax else { throw ArchiveError.tooLarge(bytesMax: limits.bytesMax) }
            guard found.count < limits.entriesMax else {
                throw ArchiveError.tooManyEntries(entriesMax: limits.entriesMax)
            }
            found.append((Array(entry.path.utf8), entry))
        }
        entries = found.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.entry)
    }

    var bytes: Int64 { entries.reduce(0) { $0 + $1.bytes } }

    /// Opens a file of the tree for reading, by no link on the way; the caller closes it.
    func open(_ path: String) throws -> Int32 {
        let components = path.split(separator: "/").map(String.init)
        let folder = try components.dropLast().reduce(top) { try $0.folder($1) }
        return try folder.openFile(components.last ?? "")
    }

    private static func walk(
        _ folder: Folder, _ prefix: String, depth: Int, _ limits: ArchiveLimits,
        _ found: (Entry) throws -> Void
    ) throws {
        for file in try folder.names() {
            guard let name = file.exact else { throw ArchiveError.badName(prefix + file.text) }
            let path = prefix + name
            guard let status = folder.status(file) else { throw ArchiveError.changed(path) }
            guard path.utf8.count <= 65_000, depth <= limits.depthMax else {
                throw ArchiveError.badName(path)
            }
            if status.isFolder {
                try found(Entry(path: path + "/", bytes: 0))
                try walk(try folder.folder(name), path + "/", depth: depth + 1, limits, found)
            } else {
                guard status.isFile else { throw ArchiveError.notPlain(path) }
                try found(Entry(path: path, bytes: Int64(status.st_size)))
            }
        }
    }
}
