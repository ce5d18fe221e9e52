/// Where the server is to be reached.
package struct BoundAddress: Sendable, Equatable, CustomStringConvertible {
    /// A literal address, or the path of a unix socket.
    package let host: String
    /// The port that was really bound; 0 for a unix socket.
    package let port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    package var description: String {
        if host.hasPrefix("/") { return "unix:\(host)" }
        return host.contains(":") ? "http://[\(host)]:\(port)" : "http://\(host):\(port)"
    }
}

/// The server could not listen where it was told to; the description says why, fit for strangers.
package struct BindFailure: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
