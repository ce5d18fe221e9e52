import Glibc

/// What this process uses.
package enum Memory {
    /// Of its own pages, how many bytes are in memory now.
    package static var residentBytes: Int {
        guard let stream = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(stream) }
        var line = [CChar](repeating: 0, count: 256)
        fgets(&line, 256, stream)
        let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            .split(separator: " ")
        return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * 4096
    }
}
