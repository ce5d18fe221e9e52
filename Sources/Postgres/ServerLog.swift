import Glibc
internal import Platform

/// The files that a private server writes its log to: a new one every 16 MiB, the newest few kept.
enum ServerLog {
    static let filesMax = 4
    static let filename = "server-%Y%m%d-%H%M%S.log"

    /// Removes all but the newest files.
    ///
    /// The names sort by time.
    static func trim(_ folder: String) {
        for name in files(in: folder).dropLast(filesMax) { unlink(folder + "/" + name) }
    }

    /// The path of the file that is written to.
    static func newest(in folder: String) -> String? {
        files(in: folder).last.map { folder + "/" + $0 }
    }

    private static func files(in folder: String) -> [String] {
        (FolderListing.names(in: folder) ?? []).filter { $0.hasPrefix("server-") }.sorted()
    }
}
