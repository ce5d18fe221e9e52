/// Counts what really comes out of an archive.
struct OutputCounter {
    private let limits: ArchiveLimits
    private let archiveBytes: Int64
    private(set) var bytes: Int64 = 0
    private var fileBytes: Int64 = 0

    init(limits: ArchiveLimits, archiveBytes: Int64) {
        self.limits = limits
        self.archiveBytes = archiveBytes
    }

    mutating func beginFile() { fileBytes = 0 }

    /// - Throws: `ArchiveError.fileTooLarge`, `.tooLarge`, `.tooDense`.
    mutating func add(_ count: Int, _ name: String) throws {
        bytes += Int64(count)
        fileBytes += Int64(count)
        guard fileBytes <= limits.fileBytesMax else {
            throw ArchiveError.fileTooLarge(name, bytesMax: limits.fileBytesMax)
        }
        try check(bytes)
    }

    /// Looks at a number of bytes that came out of some layer.
    func check(_ bytes: Int64) throws {
        guard bytes <= limits.bytesMax else { throw ArchiveError.tooLarge(bytesMax: limits.bytesMax) }
        let (most, isMore) = archiveBytes.multipliedReportingOverflow(by: limits.ratioMax)
        guard isMore || bytes <= max(limits.denseBytes, most) else {
            throw ArchiveError.tooDense(ratioMax: limits.ratioMax)
        }
    }
}
