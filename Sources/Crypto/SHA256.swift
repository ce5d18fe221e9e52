internal import CCrypto

/// Digests of 32 bytes.
package enum SHA256 {
    package static let bytesCount = 32

    package static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: bytesCount)
        CCrypto.SHA256(bytes, bytes.count, &digest)
        return digest
    }

    package static func digest(_ text: String) -> [UInt8] { digest(Array(text.utf8)) }

    /// HMAC (RFC 2104) with this digest: what only a holder of `key` can make.
    package static func hmac(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: bytesCount)
        var count = UInt32(0)
        let made = HMAC(EVP_sha256(), key, Int32(key.count), bytes, bytes.count, &code, &count)
        precondition(made != nil && count == bytesCount, "libcrypto could not make an HMAC")
        return code
    }
}
