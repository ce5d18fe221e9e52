internal import Glibc

/// The address of the other end, without its port.
struct PeerAddress: Sendable {
    let text: String
    let isLoopback: Bool
    /// What connections are counted by: whoever has an IPv6 address has 2^64 of them.
    let network: [UInt8]

    /// The user who opened the other end of a unix socket, as the kernel has it; `nil` for TCP.
    let user: UInt32?

    /// The other end of a unix socket.
    static func local(user: UInt32?) -> PeerAddress {
        PeerAddress(text: "unix", isLoopback: true, network: [], user: user)
    }

    private init(text: String, isLoopback: Bool, network: [UInt8], user: UInt32? = nil) {
        self.text = text
        self.isLoopback = isLoopback
        self.network = network
        self.user = user
    }

    init(v4 bytes: [UInt8]) {
        self.init(
            text: bytes.map { String($0) }.joined(separator: "."), isLoopback: bytes[0] == 127, network: bytes
        )
    }

    /// An IPv4 address that came by way of an IPv6 socket is told as IPv4.
    init(v6 bytes: [UInt8]) {
        if bytes[0..<10].allSatisfy({ $0 == 0 }), bytes[10] == 255, bytes[11] == 255 {
            self.init(v4: Array(bytes[12..<16]))
            return
        }
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        inet_ntop(AF_INET6, bytes, &buffer, socklen_t(buffer.count))
        self.init(
            text: buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) },
            isLoopback: bytes[0..<15].allSatisfy { $0 == 0 } && bytes[15] == 1, network: Array(bytes[0..<8]))
    }
}
