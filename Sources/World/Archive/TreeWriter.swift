/// Makes files and folders below one open folder.
///
/// Paths are walked from folder to open folder, so that no link can lead out, whoever put it there.
struct TreeWriter {
    private let top: Folder
    /// The folder of the last file, with its path: members of one folder mostly stand together.
    private var last: (path: [String], folder: Folder)
    private var made: Set<[String]> = []
    private(set) var contents = Archive.Contents()

    init(top: Folder) {
        self.top = top
        last = ([], top)
    }

    mutating func makeFolder(_ path: EntryPath) throws { _ = try folder(path.components) }

    /// A new file, open for writing; the caller closes it.
    mutating func makeFile(_ path: EntryPath) throws -> Int32 {
        let folder = try folder(path.components.dropLast())
        let file = try folder.makeFile(path.components.last ?? "")
        contents.files += 1
        return file
    }

    private mutating func folder(_ path: [String]) throws -> Folder {
        if last.path == path { return last.folder }
        var folder = top
        for depth in path.indices {
            if made.insert(Array(path[...depth])).inserted {
                folder = try folder.makeFolder(path[depth])
                contents.folders += 1
            } else {
                folder = try folder.folder(path[depth])
            }
        }
        last = (path, folder)
        return folder
    }
}
