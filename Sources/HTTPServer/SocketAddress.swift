internal import Glibc

/// The address of a socket as the kernel writes it.
struct SocketAddress {
    private var storage = sockaddr_storage()
    private var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    /// Room for the kernel to fill.
    init() {}

    /// - Parameter host: a literal address; names are not looked up.
    /// - Throws: `BindFailure` when it is no literal address.
    init(host: String, port: UInt16) throws(BindFailure) {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let first = found else {
            throw BindFailure(
                "\(host) is no address to listen on: a literal IPv4 or IPv6 address was expected, or a path that begins with /"
            )
        }
        defer { freeaddrinfo(first) }
        length = first.pointee.ai_addrlen
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: first.pointee.ai_addr, count: Int(length)))
        }
    }

    /// - Throws: `BindFailure` when the path is longer than the kernel allows.
    init(path: String) throws(BindFailure) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < capacity else {
            throw BindFailure("\(path) is too long for a unix socket: it may have \(capacity - 1) bytes")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        length = socklen_t(MemoryLayout<sockaddr_un>.size)
        withUnsafeMutableBytes(of: &storage) { target in
            withUnsafeBytes(of: &address) { target.copyMemory(from: $0) }
        }
    }

    var family: Int32 { Int32(storage.ss_family) }

    /// Calls with the pointer that the socket calls take.
    mutating func withPointer<R>(
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> R
    ) -> R {
        withUnsafeMutablePointer(to: &length) { length in
            withUnsafeMutableBytes(of: &storage) {
                body($0.baseAddress!.assumingMemoryBound(to: sockaddr.self), length)
            }
        }
    }

    /// The port; 0 for a unix socket.
    var port: UInt16 {
        withUnsafeBytes(of: storage) { bytes in
            switch family {
            case AF_INET: UInt16(bigEndian: bytes.loadUnaligned(as: sockaddr_in.self).sin_port)
            case AF_INET6: UInt16(bigEndian: bytes.loadUnaligned(as: sockaddr_in6.self).sin6_port)
            default: 0
            }
        }
    }

    /// The other end's network address.
    var peer: PeerAddress {
        withUnsafeBytes(of: storage) { bytes in
            switch family {
            case AF_INET:
                let start = MemoryLayout<sockaddr_in>.offset(of: \.sin_addr)!
                return PeerAddress(v4: Array(bytes[start..<(start + 4)]))
            case AF_INET6:
                let start = MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr)!
                return PeerAddress(v6: Array(bytes[start..<(start + 16)]))
            default: return .local(user: nil)
            }
        }
    }
}
