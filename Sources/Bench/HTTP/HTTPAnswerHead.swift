/// What a whole head says of its answer.
struct HTTPAnswerHead {
    let status: Int
    /// Of the head, with the line that ends it, in bytes.
    let headLength: Int
    /// Head and body together, in bytes.
    let length: Int
    /// As it came, with its quotes.
    let etag: String?
    /// Whether the connection ends with it.
    let isLast: Bool

    /// `nil` when the head has not come whole.
    init?(_ bytes: [UInt8]) {
        guard bytes.count > 16, let end = Self.end(of: bytes) else { return nil }
        status = bytes[9...11].reduce(0) { $0 * 10 + Int($1) - 48 }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).lowercased().split(separator: "\r\n")
        func value(_ name: String) -> Substring? {
            lines.first { $0.hasPrefix(name) }?.dropFirst(name.count).drop { $0 == " " }
        }
        headLength = end + 4
        length = headLength + (value("content-length:").flatMap { Int($0) } ?? 0)
        etag = value("etag:").map(String.init)
        isLast = value("connection:") == "close"
    }

    private static func end(of bytes: [UInt8]) -> Int? {
        bytes.withUnsafeBufferPointer { bytes in
            var index = 3
            while index < bytes.count {
                if bytes[index] == 10, bytes[index - 1] == 13, bytes[index - 2] == 10, bytes[index - 3] == 13
                {
                    return index - 3
                }
                index += 1
            }
            return nil
        }
    }
}
