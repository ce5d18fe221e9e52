import Glibc

/// Room on a disk.
package enum Disk {
    /// Bytes that an ordinary account may still write below this path.
    ///
    /// - Throws: `FileFault`.
    package static func freeBytes(at path: String) throws -> Int64 {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw FileFault("asking for the room at \(path)") }
        let (bytes, isMore) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return isMore ? .max : Int64(clamping: bytes)
    }

    /// Complains when less than `bytes` would fit.
    ///
    /// - Throws: `FileFault` with `ENOSPC`.
    package static func require(_ bytes: Int64, at path: String) throws {
        guard try freeBytes(at: path) >= bytes else {
            throw FileFault("\(bytes) bytes at \(path)", code: ENOSPC)
        }
    }
}
