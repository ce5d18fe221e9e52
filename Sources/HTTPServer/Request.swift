/// One request, its head read and checked. The body is read when it is asked for.
package struct Request: Sendable {
    package let method: Method
    /// The path as it was sent, still percent-encoded; begins with `/`.
    package let path: String
    /// What followed the `?`, still percent-encoded. `nil`: there was none.
    package let query: String?
    package let headers: Headers
    /// The address of the other end of the connection, without its port; `unix` for a unix socket.
    package let peer: String
    /// The user who opened the other end of a unix socket; `nil` for TCP, or when the kernel does not say.
    package let peerUser: UInt32?
    /// What the head says of the body's length. `nil`: chunked, so not known before it ends.
    package let contentLength: Int?
    private let source: @Sendable (Int) async throws(BodyError) -> [UInt8]

    /// - Parameter source: reads the whole body, or throws when it is longer than the number it is given.
    package init(
        method: Method, path: String, query: String? = nil, headers: Headers = [:],
        peer: String = "127.0.0.1", peerUser: UInt32? = nil,
        contentLength: Int? = 0, source: @escaping @Sendable (Int) async throws(BodyError) -> [UInt8]
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.peer = peer
        self.peerUser = peerUser
        self.contentLength = contentLength
        self.source = source
    }

    /// The whole body. To be asked for once; a second call returns nothing.
    ///
    /// - Parameter limit: bytes; a longer body throws `tooLarge` as soon as that is known.
    package func body(upTo limit: Int) async throws(BodyError) -> [UInt8] {
        try await source(limit)
    }
}

/// Why a body could not be read; ``response`` is what to answer. The connection closes after it.
package enum BodyError: Error, Sendable {
    /// 413
    case tooLarge(limit: Int)
    /// 408: it came slower than the least rate.
    case tooSlow
    /// The other end closed or broke the framing: nobody waits for an answer.
    case cutOff
}
