import Crypto
import Testing

@Suite struct CryptoTests {
    @Test(
        "digests are those of FIPS 180-4's examples",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ])
    func digest(_ text: String, _ expected: String) {
        #expect(Hex.text(SHA256.digest(text)) == expected)
    }

    @Test("codes are those of RFC 4231, cases 2 and 6")
    func hmac() {
        let short = SHA256.hmac(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
        #expect(Hex.text(short) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        let long = SHA256.hmac(
            Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            key: [UInt8](repeating: 0xaa, count: 131))
        #expect(Hex.text(long) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test("secrets are equal when every byte is, and of equal length")
    func same() {
        let secret = Secret.random(32)
        var other = secret
        #expect(Secret.same(secret, other))
        other[31] ^= 1
        #expect(!Secret.same(secret, other))
        #expect(!Secret.same(secret, Array(secret.dropLast())))
        #expect(Secret.same([], []))
    }

    @Test("random bytes do not repeat")
    func random() {
        #expect(Set((0..<100).map { _ in Hex.text(Secret.random(16)) }).count == 100)
    }

    @Test("hexadecimal text goes there and back, and nothing else is read")
    func hex() {
        #expect(Hex.bytes(Hex.text([0, 1, 0xfe, 0xff])) == [0, 1, 0xfe, 0xff])
        #expect(Hex.bytes("FF00") == [0xff, 0])
        #expect(Hex.bytes("f") == nil)
        #expect(Hex.bytes("zz") == nil)
        #expect(Hex.bytes("٣٣") == nil)
    }
}
