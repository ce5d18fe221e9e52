package import Glibc

/// Where the server listens and every bound it keeps.
package struct HTTPSettings: Sendable {
    /// A literal IPv4 or IPv6 address, or the path of a unix socket, which begins with `/`.
    package var host = "127.0.0.1"
    /// Who may connect to a unix socket, as chmod(2) has it.
    package var socketMode: mode_t = 0o600
    /// 0: any that is free. A unix socket has none.
    package var port: UInt16 = 8000
    /// Threads that serve; connections are shared out among them.
    package var loops = min(2, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))

    /// Beyond it a connection is answered 503 and closed.
    package var connectionsMax = 1_000
    /// Beyond it a connection is answered 429 and closed. An IPv6 network of 64 bits is one address;
    /// a unix socket has none.
    package var connectionsPerAddressMax = 100
    /// Whether `connectionsPerAddressMax` also binds clients on this machine: a proxy there speaks for everybody.
    package var limitsLoopback = true

    /// Request line and fields together; beyond it 431.
    package var headBytesMax = 16_384
    /// Beyond it 431.
    package var fieldsMax = 100
    /// Beyond it 414.
    package var targetBytesMax = 8_192
    /// Bytes of later requests that are kept while one is being answered; beyond it nothing is read.
    package var pipelinedBytesMax = 65_536

    /// From a request's first byte, or a connection's beginning, to the end of the head; beyond it 408.
    package var headSeconds = 10
    /// From the moment the body is asked for, before the rate counts.
    package var bodyGraceSeconds = 10
    /// Bytes of body a second; below it 408.
    package var bodyRateMin = 16_384
    /// Between two requests of a connection.
    package var idleSeconds = 30
    /// How long a reader may take nothing before it is cut off.
    package var writeStallSeconds = 30
    /// How long a client that closed its side is still worked for; then the handler's task is cancelled.
    package var closedGraceSeconds = 2

    /// The least size of a JSON or text answer that is compressed for who accepts gzip, in bytes.
    package var gzipFrom = 1_024

    package init() {}
}
