internal import Glibc

/// An address of the Internet as the network sees it: four bytes, or sixteen.
struct NetworkAddress: Hashable, Sendable, CustomStringConvertible {
    let bytes: [UInt8]

    /// - Parameter text: `127.0.0.1` or `::1`, in its one plain form.
    init?(_ text: String) {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            bytes = withUnsafeBytes(of: &four) { Array($0) }
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            bytes = withUnsafeBytes(of: &six) { Array($0) }
        } else {
            return nil
        }
    }

    /// The address and port that a socket is about to be connected to; `nil` for what is not of the Internet.
    static func read(_ address: UnsafePointer<sockaddr>) -> (address: NetworkAddress, port: Int)? {
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                var bytes = $0.pointee.sin_addr
                return (NetworkAddress(raw: &bytes), Int(UInt16(bigEndian: $0.pointee.sin_port)))
            }
        case AF_INET6:
            address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                var bytes = $0.pointee.sin6_addr
                return (NetworkAddress(raw: &bytes), Int(UInt16(bigEndian: $0.pointee.sin6_port)))
            }
        default: nil
        }
    }

    private init<T>(raw: inout T) { bytes = withUnsafeBytes(of: &raw) { Array($0) } }

    /// Whether anybody on the Internet may be meant by it.
    ///
    /// Refused is what the IANA registries of special-purpose addresses keep from the public Internet, and every IPv6
    /// form that carries an IPv4 address inside, which could name an inner one.
    var isPublic: Bool {
        if bytes.count == 4 { return !Self.special4.contains { $0.contains(self) } }
        return Self.global6.contains(self) && !Self.special6.contains { $0.contains(self) }
    }

    private static let special4 = ranges(
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4")
    private static let global6 = ranges("2000::/3")[0]
    // Teredo lies in the first, 6to4 is the third.
    private static let special6 = ranges("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

    private static func ranges(_ texts: String...) -> [NetworkRange] { texts.compactMap { NetworkRange($0) } }

    var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        inet_ntop(family, bytes, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Addresses with a common beginning, perhaps on one port only: `127.0.0.1`, `10.1.0.0/16`, `127.0.0.1:9000`,
/// `[::1]:9000`.
package struct NetworkRange: Hashable, Sendable {
    private let address: NetworkAddress
    private let prefix: Int
    private let port: Int?

    /// `nil` when the text is none.
    package init?(_ text: String) {
        var host = text
        var port: Int?
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            host = String(text[text.index(after: text.startIndex)..<end])
            let rest = text[text.index(after: end)...]
            if !rest.isEmpty {
                guard rest.first == ":", let number = UInt16(rest.dropFirst()) else { return nil }
                port = Int(number)
            }
        } else if text.count(where: { $0 == ":" }) == 1 {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard let number = UInt16(parts[1]) else { return nil }
            (host, port) = (String(parts[0]), Int(number))
        }
        let parts = host.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = NetworkAddress(String(parts[0])) else { return nil }
        let bits = address.bytes.count * 8
        guard let prefix = parts.count == 1 ? bits : Int(parts[1]), (0...bits).contains(prefix) else {
            return nil
        }
        (self.address, self.prefix, self.port) = (address, prefix, port)
    }

    func contains(_ other: NetworkAddress, port: Int? = nil) -> Bool {
        guard other.bytes.count == address.bytes.count, self.port == nil || self.port == port else {
            return false
        }
        return (0..<prefix).allSatisfy { bit in
            (address.bytes[bit / 8] ^ other.bytes[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
        }
    }
}
