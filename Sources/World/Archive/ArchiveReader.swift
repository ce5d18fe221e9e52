internal import CArchive
import Glibc

/// An archive being read from its beginning to its end, member by member.
///
/// ZIP and tar, the latter plain or by gzip or bzip2. Other formats of libarchive are left out: some take gigabytes of
/// memory by what their header says, some lead to other files.
final class ArchiveReader {
    struct Entry {
        let name: [UInt8]
        let isFile: Bool
        let isFolder: Bool
        let isEncrypted: Bool
    }

    private let archive: OpaquePointer
    /// libarchive reads and writes names in the letters of the thread's locale.
    private let letters = Letters()

    /// - Parameter file: Open for reading, at its beginning; it stays the caller's and must stay open.
    /// - Throws: `ArchiveError.noArchive`, `.unreadable`.
    init(_ file: Int32) throws {
        guard let archive = archive_read_new() else { throw ArchiveError.unreadable("out of memory") }
        self.archive = archive
        archive_read_support_filter_gzip(archive)
        archive_read_support_filter_bzip2(archive)
        archive_read_support_format_zip_seekable(archive)
        archive_read_support_format_tar(archive)
        guard archive_read_open_fd(archive, file, 65_536) == ARCHIVE_OK else { throw fault }
    }

    deinit { archive_read_free(archive) }

    /// The next member, nil at the end.
    ///
    /// - Throws: `ArchiveError.unreadable`, `.unsupported`.
    func next() throws -> Entry? {
        var entry: OpaquePointer?
        let code = archive_read_next_header(archive, &entry)
        if code == ARCHIVE_EOF { return nil }
        // A warning is about times, owners or a name, which is looked at anyhow.
        guard code == ARCHIVE_OK || code == ARCHIVE_WARN, let entry else { throw fault }
        try checkPacking()
        guard let name = archive_entry_pathname(entry) ?? archive_entry_pathname_utf8(entry) else {
            throw ArchiveError.badName("")
        }
        let isLink = archive_entry_hardlink(entry) != nil || archive_entry_symlink(entry) != nil
        let kind = UInt32(archive_entry_filetype(entry))
        return Entry(
            name: Array(UnsafeRawBufferPointer(start: name, count: strlen(name))),
            isFile: !isLink && kind == S_IFREG, isFolder: !isLink && kind == S_IFDIR,
            isEncrypted: archive_entry_is_encrypted(entry) != 0)
    }

    /// The next bytes of the member, as many as came; none at its end.
    ///
    /// - Throws: `ArchiveError.unreadable`, also when a checksum or a length is wrong.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = archive_read_data(archive, buffer.baseAddress, buffer.count)
        guard count >= 0 else { throw fault }
        return count
    }

    /// How much has come out of the compression around the whole archive.
    var unpackedBytes: Int64 { archive_filter_bytes(archive, 0) }

    /// LZMA, XZ and PPMd inside ZIP ask for gigabytes of memory by one number; archives inside archives have no end.
    private func checkPacking() throws {
        let format = archive_format_name(archive).map { String(cString: $0) } ?? ""
        if format.hasPrefix("ZIP"),
            !["(uncompressed)", "(deflation)", "(bzip"].contains(where: format.contains)
        {
            throw ArchiveError.unsupported(format)
        }
        // The last is the file itself.
        guard archive_filter_count(archive) <= 2 else { throw ArchiveError.unsupported("compressed twice") }
    }

    /// As far as the members that were read say.
    var isZip: Bool { format.hasPrefix("ZIP") }

    private var format: String { archive_format_name(archive).map { String(cString: $0) } ?? "" }

    private var fault: ArchiveError {
        let text = archive_error_string(archive).map { String(cString: $0) } ?? "nothing more is known"
        // There is no number that means this and nothing else.
        return text == "Unrecognized archive format" ? .noArchive : .unreadable(String(text.prefix(200)))
    }
}

/// Makes the thread's letters UTF-8 while it lives; to be ended on the thread that made it.
private final class Letters {
    private let utf8 = newlocale(1 << LC_CTYPE, "C.UTF-8", nil)
    private let before: locale_t?

    init() { before = utf8.flatMap { uselocale($0) } }

    deinit {
        guard let utf8 else { return }
        uselocale(before)
        freelocale(utf8)
    }
}
