/// A ZIP that lies where it is served from.
package struct PublishedFile: Sendable, Hashable {
    package var bytes: Int64
    /// 32 bytes, of the whole file. Its ETag.
    package var sha256: [UInt8]

    package init(bytes: Int64, sha256: [UInt8]) {
        self.bytes = bytes
        self.sha256 = sha256
    }
}
