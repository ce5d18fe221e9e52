/// An answer. The server adds `Date`, the framing (`Content-Length` or chunks) and `Connection`; the rest is said here.
package struct Response: Sendable {
    package var status: Int
    package var headers: Headers
    package var content: Content

    package enum Content: Sendable {
        case none
        case bytes([UInt8])
        /// A regular file, sent by the kernel. Range, If-Range, If-None-Match and HEAD are answered by the server.
        case file(FileContent)
        /// Written as it comes, in chunks; ends when the closure returns. A closure that throws closes the connection, so that
        /// the other end sees that something is missing.
        case stream(@Sendable (any BodyWriter) async throws -> Void)
    }

    package init(_ status: Int, headers: Headers = [:], content: Content = .none) {
        self.status = status
        self.headers = headers
        self.content = content
    }
}

/// A file to be sent.
package struct FileContent: Sendable {
    /// Opened by the server without following a link at its last component; anything but a regular file is a 404.
    package var path: String
    /// A strong validator, with its quotes. `nil`: made of size and time of change.
    package var etag: String?

    package init(path: String, etag: String? = nil) {
        self.path = path
        self.etag = etag
    }
}

/// Where a streamed answer is written to.
package protocol BodyWriter: Sendable {
    /// Returns when the bytes are with the kernel or in a buffer of bounded size. Throws when the other end is gone, did not
    /// read for too long, or the server drains.
    func write(_ bytes: [UInt8]) async throws
}
