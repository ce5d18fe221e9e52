import Glibc

/// How many members a ZIP's own directory announces.
///
/// libarchive passes over members that claim the same bytes, and says nothing.
enum ZipDirectory {
    /// The count in the record at the end of the file (APPNOTE 4.3.16, 4.3.14); nil when there is none to be found.
    static func count(_ file: Int32, bytes: Int64) -> Int? {
        // The record's 22 bytes, a comment of at most 65,535 and the 20 bytes that lead to the large record.
        let tail = read(file, at: max(0, bytes - 65_577), count: 65_577)
        guard let end = lastIndex(of: [0x50, 0x4b, 0x05, 0x06], in: tail), tail.count - end >= 22 else {
            return nil
        }
        let small = number(tail, at: end + 10, bytes: 2)
        guard small == 0xffff else { return Int(small) }
        guard end >= 20, number(tail, at: end - 20, bytes: 4) == 0x0706_4b50,
            let place = Int64(exactly: number(tail, at: end - 12, bytes: 8))
        else { return Int(small) }
        let large = read(file, at: place, count: 56)
        guard large.count == 56, number(large, at: 0, bytes: 4) == 0x0606_4b50 else { return nil }
        return Int(exactly: number(large, at: 32, bytes: 8))
    }

    private static func read(_ file: Int32, at place: Int64, count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = max(0, pread(file, buffer.baseAddress, count, off_t(place)))
        }
    }

    private static func lastIndex(of mark: [UInt8], in bytes: [UInt8]) -> Int? {
        guard bytes.count >= mark.count else { return nil }
        return (0...(bytes.count - mark.count)).reversed().first { bytes[$0...].starts(with: mark) }
    }

    /// Little endian.
    private static func number(_ bytes: [UInt8], at place: Int, bytes count: Int) -> UInt64 {
        (0..<count).reversed().reduce(0) { $0 << 8 | UInt64(bytes[place + $1]) }
    }
}
