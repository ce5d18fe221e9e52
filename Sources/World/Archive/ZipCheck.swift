internal import CZip
import Glibc

/// Whether a ZIP is whole.
package enum ZipCheck {
    /// Unpacks every member to nowhere and compares it with its checksum and its size.
    ///
    /// Meant for files of our own: it has no limits but the task's patience.
    /// - Throws: `ArchiveError.unreadable` with the member's name, `.empty`; `FileFault`, `CancellationError`.
    package static func verify(_ path: String) async throws -> Archive.Contents {
        try await stoppable("zip-check") { stop in
            var code: Int32 = 0
            guard let zip = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &code) else {
                if code == ZIP_ER_NOENT || code == ZIP_ER_OPEN { throw FileFault("opening \(path)") }
                var error = zip_error_t()
                zip_error_init_with_code(&error, code)
                defer { zip_error_fini(&error) }
                throw ArchiveError.unreadable(String(cString: zip_error_strerror(&error)))
            }
            defer { zip_discard(zip) }
            var checked = Archive.Contents()
            for index in 0..<zip_uint64_t(max(0, zip_get_num_entries(zip, 0))) {
                let name = zip_get_name(zip, index, 0).map { String(cString: $0) } ?? ""
                if name.hasSuffix("/") { checked.folders += 1 } else { checked.files += 1 }
                checked.bytes += try readThrough(zip, index, name, stop)
            }
            guard checked.files > 0 else { throw ArchiveError.empty }
            return checked
        }
    }

    private static func readThrough(
        _ zip: OpaquePointer, _ index: zip_uint64_t, _ name: String, _ stop: Stop
    ) throws -> Int64 {
        guard let member = zip_fopen_index(zip, index, 0) else {
            throw ArchiveError.unreadable("\(name): \(String(cString: zip_strerror(zip)))")
        }
        defer { zip_fclose(member) }
        return try withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { buffer in
            var bytes: Int64 = 0
            while true {
                try stop.check()
                let count = zip_fread(member, buffer.baseAddress, zip_uint64_t(buffer.count))
                guard count >= 0 else {
                    throw ArchiveError.unreadable("\(name): \(String(cString: zip_file_strerror(member)))")
                }
                if count == 0 { return bytes }
                bytes += count
            }
        }
    }
}
