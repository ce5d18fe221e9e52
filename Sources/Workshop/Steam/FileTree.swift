internal import Glibc
internal import Platform
internal import World

/// What lies in a folder that somebody else filled.
struct FileTree: Sendable {
    /// The sum of the files' sizes. Sparse files can say more than a number holds; it stays at the largest then.
    private(set) var bytes: Int64 = 0
    private(set) var files = 0
    /// The first thing that is neither a file nor a folder.
    private(set) var odd: String?

    static let entriesMax = 500_000
    static let depthMax = 64

    /// Counts what is there now; what vanishes meanwhile counts as nothing. Links are not followed. Blocks.
    init(_ folder: String) {
        var left = FileTree.entriesMax
        add(folder, depth: 0, &left)
    }

    private mutating func add(_ folder: String, depth: Int, _ left: inout Int) {
        guard depth <= FileTree.depthMax else {
            odd = odd ?? folder
            return
        }
        for name in FolderListing.names(in: folder, atMost: left) ?? [] {
            left -= 1
            guard left > 0 else {
                odd = odd ?? "more than \(FileTree.entriesMax) names"
                return
            }
            let path = folder + "/" + name
            var status = stat()
            guard lstat(path, &status) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: add(path, depth: depth + 1, &left)
            case S_IFREG:
                files += 1
                let (sum, isMore) = bytes.addingReportingOverflow(Int64(status.st_size))
                bytes = isMore ? .max : sum
            default: odd = odd ?? path
            }
        }
    }
}
