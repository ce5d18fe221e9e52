internal import CZip
import Glibc

/// Packs a folder into a ZIP whose bytes depend on nothing but the folder's names and contents.
///
/// Members stand in the order of their paths' bytes, dated 1980-01-01, with mode 0644, or 0755 for folders. Folders have
/// an entry of their own, stored; names are UTF-8 and relative. Large files and large numbers of them take the ZIP64
/// form.
package enum ZipWriter {
    /// How members are packed. Clients of the Workshop are promised bzip2.
    package enum Method: Sendable { case bzip2, deflated, stored }

    package struct Written: Sendable, Equatable {
        package let files: Int
        package let folders: Int
        /// Of all files, before packing.
        package let bytes: Int64
        /// Of the ZIP.
        package let zipBytes: Int64
    }

    /// Packs `folder` into a new file and waits until the disk has it.
    ///
    /// The file is a part: the caller looks whether it is still his turn, then `Part.publish` puts it in its place. While
    /// it is written it has another name, `part` with a dot and six letters; a process that dies on the way leaves that
    /// behind. Nobody may write into the folder meanwhile. Runs on a thread of its own, bzip2 at some 15 MB/s.
    ///
    /// - Parameters:
    ///   - part: Replaced when it is there.
    ///   - limits: Its counts and sizes; the ratio is not looked at.
    ///   - progress: Told on that thread how many of how many bytes are packed, about every mebibyte.
    /// - Throws: `ArchiveError` (a link or a device among the files: `.notPlain`; no file: `.empty`), `FileFault`,
    ///   `CancellationError`. No part is left then.
    package static func pack(
        _ folder: String, into part: String, method: Method = .bzip2, limits: ArchiveLimits = ArchiveLimits(),
        progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) async throws -> Written {
        try await stoppable("pack") { stop in
            let tree = try TreeReader(folder, limits: limits, stop)
            guard tree.entries.contains(where: { !$0.isFolder }) else { throw ArchiveError.empty }
            let meter = PackMeter(total: tree.bytes, stop: stop, report: progress)
            // What a program left there may be anything.
            try Tree.remove(part)
            do {
                try write(tree, into: part, method, meter)
                try Part.sync(part)
            } catch {
                unlink(part)
                throw error
            }
            var status = stat()
            guard stat(part, &status) == 0 else { throw FileFault("looking at \(part)") }
            let folders = tree.entries.count { $0.isFolder }
            return Written(
                files: tree.entries.count - folders, folders: folders, bytes: tree.bytes,
                zipBytes: Int64(status.st_size))
        }
    }

    private static func write(_ tree: TreeReader, into part: String, _ method: Method, _ meter: PackMeter)
        throws
    {
        var code: Int32 = 0
        guard let zip = zip_open(part, ZIP_CREATE | ZIP_TRUNCATE, &code) else {
            throw FileFault("making \(part)", code: errno)
        }
        do {
            for entry in tree.entries { try add(entry, of: tree, to: zip, method, meter) }
        } catch {
            zip_discard(zip)
            throw error
        }
        guard zip_close(zip) != 0 else { return }
        let fault = meter.fault ?? zip_get_error(zip).map { Self.fault($0, part) }
        zip_discard(zip)
        throw fault ?? FileFault("writing \(part)", code: EIO)
    }

    private static func add(
        _ entry: TreeReader.Entry, of tree: TreeReader, to zip: OpaquePointer, _ method: Method,
        _ meter: PackMeter
    ) throws {
        let index: Int64
        if entry.isFolder {
            index = zip_dir_add(zip, entry.path, zip_flags_t(ZIP_FL_ENC_UTF_8))
        } else {
            let member = ZipMember(entry: entry, tree: tree, meter: meter)
            let context = Unmanaged.passRetained(member)
            guard let source = zip_source_function(zip, serveZipMember, context.toOpaque()) else {
                context.release()
                throw ArchiveError.unreadable("out of memory")
            }
            index = zip_file_add(zip, entry.path, source, zip_flags_t(ZIP_FL_ENC_UTF_8))
            // Until it is added the source is ours to give back, and the member with it.
            if index < 0 { zip_source_free(source) }
        }
        guard index >= 0 else { throw ArchiveError.badName(entry.path) }
        let mode: UInt32 = entry.isFolder ? 0o040755 : 0o100644
        // The lower half is for DOS, where bit 4 is a folder.
        let attributes = mode << 16 | (entry.isFolder ? 0x10 : 0)
        let place = zip_uint64_t(index)
        zip_file_set_external_attributes(zip, place, 0, zip_uint8_t(ZIP_OPSYS_UNIX), attributes)
        // 1980-01-01 00:00:00, the first moment that the format knows.
        zip_file_set_dostime(zip, place, 0, 1 << 5 | 1, 0)
        guard !entry.isFolder else { return }
        let (code, level) = packing(method, bytes: entry.bytes)
        guard zip_set_file_compression(zip, place, code, level) == 0 else {
            throw ArchiveError.unsupported("libzip without method \(code)")
        }
    }

    /// The level of bzip2 is its block in units of 100 kB; a larger one than the file costs memory and time for nothing.
    private static func packing(_ method: Method, bytes: Int64) -> (code: Int32, level: UInt32) {
        switch method {
        case .bzip2: (ZIP_CM_BZIP2, UInt32(min(9, bytes / 100_000 + 1)))
        case .deflated: (ZIP_CM_DEFLATE, 6)
        case .stored: (ZIP_CM_STORE, 0)
        }
    }

    private static func fault(_ error: UnsafeMutablePointer<zip_error_t>, _ part: String) -> any Error {
        let system = zip_error_code_system(error)
        if zip_error_system_type(error) == ZIP_ET_SYS, system != 0 {
            return FileFault("writing \(part)", code: system)
        }
        return ArchiveError.unreadable(String(cString: zip_error_strerror(error)))
    }
}
