internal import CZip
import Glibc

/// One file on its way into a ZIP; open only while libzip reads it.
final class ZipMember {
    private let entry: TreeReader.Entry
    private let tree: TreeReader
    private let meter: PackMeter
    private var file: Int32 = -1
    private var left: Int64 = 0

    init(entry: TreeReader.Entry, tree: TreeReader, meter: PackMeter) {
        self.entry = entry
        self.tree = tree
        self.meter = meter
    }

    deinit { shut() }

    fileprivate var size: Int64 { entry.bytes }

    fileprivate func open() -> Int64 {
        shut()
        return attempt {
            file = try tree.open(entry.path)
            left = entry.bytes
            var status = stat()
            guard fstat(file, &status) == 0, status.isFile, Int64(status.st_size) == entry.bytes else {
                throw ArchiveError.changed(entry.path)
            }
            return 0
        }
    }

    /// - Returns: How many bytes came, 0 at the end, -1 when something is wrong.
    fileprivate func read(_ buffer: UnsafeMutableRawPointer, _ room: Int) -> Int64 {
        attempt {
            var count = Glibc.read(file, buffer, room)
            while count < 0 && errno == EINTR { count = Glibc.read(file, buffer, room) }
            guard count >= 0 else { throw FileFault("reading \(entry.path)") }
            left -= Int64(count)
            // What is shorter or longer than it said would be packed with a wrong size.
            guard left >= 0, count > 0 || left == 0 else { throw ArchiveError.changed(entry.path) }
            try meter.add(count)
            return Int64(count)
        }
    }

    fileprivate func shut() {
        if file >= 0 { close(file) }
        file = -1
    }

    private func attempt(_ deed: () throws -> Int64) -> Int64 {
        do { return try deed() } catch {
            meter.note(error)
            return -1
        }
    }
}

// A function rather than a closure: a C callback closure written in an isolated scope would carry that isolation.
func serveZipMember(
    _ context: UnsafeMutableRawPointer?, _ data: UnsafeMutableRawPointer?, _ length: zip_uint64_t,
    _ command: zip_source_cmd_t
) -> zip_int64_t {
    guard let context else { return -1 }
    let owner = Unmanaged<ZipMember>.fromOpaque(context)
    switch command {
    case ZIP_SOURCE_OPEN: return owner.takeUnretainedValue().open()
    case ZIP_SOURCE_READ:
        guard let data else { return -1 }
        return owner.takeUnretainedValue().read(data, Int(clamping: length))
    case ZIP_SOURCE_CLOSE:
        owner.takeUnretainedValue().shut()
        return 0
    case ZIP_SOURCE_STAT:
        guard let status = data?.assumingMemoryBound(to: zip_stat_t.self) else { return -1 }
        zip_stat_init(status)
        status.pointee.size = zip_uint64_t(owner.takeUnretainedValue().size)
        status.pointee.valid = zip_uint64_t(ZIP_STAT_SIZE)
        return zip_int64_t(MemoryLayout<zip_stat_t>.size)
    case ZIP_SOURCE_ERROR:
        var error = zip_error_t()
        zip_error_set(&error, ZIP_ER_READ, EIO)
        guard let data else { return -1 }
        return zip_error_to_data(&error, data, length)
    case ZIP_SOURCE_FREE:
        owner.release()
        return 0
    case ZIP_SOURCE_SUPPORTS:
        let known = [
            ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
            ZIP_SOURCE_FREE, ZIP_SOURCE_SUPPORTS,
        ]
        return known.reduce(0) { $0 | zip_int64_t(1) << zip_int64_t($1.rawValue) }
    default:
        return -1
    }
}
