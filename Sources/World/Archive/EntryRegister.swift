/// The names that an archive has used so far.
///
/// Every path has one spelling: a second file of the same name is refused, and so is a name that some file system would
/// take for one that is there.
struct EntryRegister {
    private enum Kind { case file, folder }

    private let limits: ArchiveLimits
    /// By the folded path: how it was spelled first, and what it is.
    private var known: [String: (spelling: String, kind: Kind)] = [:]

    init(limits: ArchiveLimits) { self.limits = limits }

    /// - Throws: `ArchiveError.collision`, `.tooManyEntries`.
    mutating func addFile(_ path: EntryPath) throws {
        let (key, spelling) = try addFolders(path.components.dropLast())
        let name = path.components.last ?? ""
        let whole = key + EntryPath.folded(name)
        guard known[whole] == nil else { throw ArchiveError.collision(path.text) }
        try add(whole, spelling + name, .file)
    }

    /// A folder may be named again and again.
    mutating func addFolder(_ path: EntryPath) throws { _ = try addFolders(path.components[...]) }

    /// How many different files and folders there are.
    var count: Int { known.count }

    private mutating func addFolders(_ components: ArraySlice<String>) throws -> (
        key: String, spelling: String
    ) {
        var key = ""
        var spelling = ""
        for component in components {
            key += EntryPath.folded(component)
            spelling += component
            if let there = known[key] {
                // Byte for byte: `==` takes a composed letter for a decomposed one, the file system does not.
                guard there.kind == .folder, there.spelling.utf8.elementsEqual(spelling.utf8) else {
                    throw ArchiveError.collision(spelling)
                }
            } else {
                try add(key, spelling, .folder)
            }
            key += "/"
            spelling += "/"
        }
        return (key, spelling)
    }

    private mutating func add(_ key: String, _ spelling: String, _ kind: Kind) throws {
        guard known.count < limits.entriesMax else {
            throw ArchiveError.tooManyEntries(entriesMax: limits.entriesMax)
        }
        known[key] = (spelling, kind)
    }
}
