internal import CCrypto

/// Making secrets, and comparing them.
package enum Secret {
    /// Bytes that nobody can guess, from the operating system's source.
    package static func random(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        precondition(RAND_bytes(&bytes, Int32(count)) == 1, "the system has no random bytes")
        return bytes
    }

    /// Whether both are the same, in a time that depends on their lengths only: how early they differ tells nobody how
    /// good a guess was.
    package static func same(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        one.count == other.count && CRYPTO_memcmp(one, other, one.count) == 0
    }
}
