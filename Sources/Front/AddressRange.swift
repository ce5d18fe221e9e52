internal import Glibc

/// A literal IPv4 or IPv6 address. An IPv4 address inside an IPv6 one is the IPv4 address.
package struct IPAddress: Hashable, Sendable {
    /// 4 or 16 bytes.
    package let bytes: [UInt8]

    /// `nil` for anything but a literal address; a zone (`%eth0`) is ignored.
    package init?(_ text: some StringProtocol) {
        let plain = String(text.prefix { $0 != "%" })
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, plain, &four) == 1 {
            bytes = withUnsafeBytes(of: &four) { Array($0) }
        } else if inet_pton(AF_INET6, plain, &six) == 1 {
            let all = withUnsafeBytes(of: &six) { Array($0) }
            let isMapped = all[..<10].allSatisfy { $0 == 0 } && all[10] == 0xff && all[11] == 0xff
            bytes = isMapped ? Array(all[12...]) : all
        } else {
            return nil
        }
    }

    /// An address of this machine.
    package var isLoopback: Bool {
        bytes.count == 4 ? bytes[0] == 127 : bytes[..<15].allSatisfy { $0 == 0 } && bytes[15] == 1
    }

    /// What a subscriber has for himself: an IPv4 address, or the first half of an IPv6 one.
    package var network: [UInt8] { bytes.count == 4 ? bytes : Array(bytes[..<8]) }
}

/// All addresses that begin with the same bits, such as `10.0.0.0/8`.
package struct AddressRange: Hashable, Sendable {
    private let base: [UInt8]
    private let bits: Int

    /// `nil` for anything but an address, or an address, `/` and a number of bits that it has.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(parts[0]) else { return nil }
        base = address.bytes
        guard parts.count == 2 else {
            bits = base.count * 8
            return
        }
        guard let bits = Int(parts[1]), (0...base.count * 8).contains(bits) else { return nil }
        self.bits = bits
    }

    package func contains(_ address: IPAddress) -> Bool {
        guard address.bytes.count == base.count else { return false }
        let whole = bits / 8
        guard address.bytes[..<whole] == base[..<whole] else { return false }
        guard bits % 8 > 0 else { return true }
        let mask = UInt8(truncatingIfNeeded: 0xff00 >> (bits % 8))
        return address.bytes[whole] & mask == base[whole] & mask
    }
}
