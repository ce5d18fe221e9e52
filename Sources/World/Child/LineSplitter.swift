/// Cuts a stream of bytes into lines of bounded length.
struct LineSplitter {
    private let bytesMax: Int
    private let line: (String) -> Void
    private var pending: [UInt8] = []
    private var isAfterReturn = false

    init(bytesMax: Int, line: @escaping (String) -> Void) {
        self.bytesMax = bytesMax
        self.line = line
    }

    /// What ends with a line feed, a carriage return or both is told; what goes beyond the bound is dropped.
    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\n") where isAfterReturn: isAfterReturn = false
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                tell()
                isAfterReturn = byte == UInt8(ascii: "\r")
            default:
                isAfterReturn = false
                if pending.count < bytesMax { pending.append(byte) }
            }
        }
    }

    /// Tells of what came after the last end of a line.
    mutating func finish() {
        if !pending.isEmpty { tell() }
    }

    private mutating func tell() {
        line(String(decoding: pending, as: UTF8.self))
        pending.removeAll(keepingCapacity: true)
    }
}
