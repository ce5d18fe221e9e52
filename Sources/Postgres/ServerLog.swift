import Glibc

/// The files that a private server writes its log to: a new one every 16 MiB, the newest few kept.
enum ServerLog {
    static let filesMax = 4
    static let filename = "server-%Y%m%d-%H%M%S.log"

    /// Removes all but the newest files.
    ///
    /// The names sort by time.
    static func trim(_ folder: String) {
        let files = SmallFile.names(in: folder).filter { $0.hasPrefix("server-") }.sorted()
        for name in files.dropLast(filesMax) { unlink(folder + "/" + name) }
    }
}
