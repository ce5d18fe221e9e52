import Crypto
import Front
import HTTPServer
import Jobs
import Platform
import TestSupport
import Testing

@Suite struct PartTests {
    @Test("a limiter gives the burst at once and then the rate, to five percent")
    func rate() {
        let clock = Lock(0.0)
        let limiter = Limiter { clock.withLock { $0 } }
        let rate = Rate(count: 10, per: .seconds(1), burst: 5)
        var allowed = 0
        for _ in 0..<1000 {
            if limiter.take("a", at: rate) == nil { allowed += 1 }
            clock.withLock { $0 += 0.01 }
        }
        #expect((103...106).contains(allowed), "ten seconds of 10/s and a burst of 5 gave \(allowed)")
        let wait = limiter.take("b", at: rate)
        #expect(wait == nil, "another caller has a share of his own")
    }

    @Test("a limiter tells when to come back")
    func wait() throws {
        let clock = Lock(0.0)
        let limiter = Limiter { clock.withLock { $0 } }
        let rate = Rate(count: 1, per: .seconds(10))
        #expect(limiter.take("a", at: rate) == nil)
        let wait = try #require(limiter.take("a", at: rate))
        clock.withLock { $0 += wait.inSeconds }
        #expect(limiter.take("a", at: rate) == nil)
    }

    @Test("a limiter's memory has a bound, and who is over it shares")
    func memory() {
        let limiter = Limiter { 0 }
        let rate = Rate(count: 1, per: .seconds(10))
        for number in 0..<(Limiter.callersMax + 100) { _ = limiter.take("caller \(number)", at: rate) }
        #expect(limiter.callers <= Limiter.callersMax + 1)
        #expect(limiter.take("a stranger", at: rate) != nil)
    }

    @Test(
        "addresses and ranges are read as they are written",
        arguments: [
            ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.1", false),
            ("192.0.2.128/25", "192.0.2.127", false),
            ("192.0.2.128/25", "192.0.2.129", true), ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false), ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
        ])
    func ranges(_ range: String, _ address: String, _ isInside: Bool) throws {
        let range = try #require(AddressRange(range))
        let address = try #require(IPAddress(address))
        #expect(range.contains(address) == isInside)
    }

    @Test(
        "what is no range is refused",
        arguments: ["", "10.0.0.0/33", "10.0.0/8", "localhost", "10.0.0.0/-1", "::/129", "10.0.0.0/"])
    func noRange(_ text: String) {
        #expect(AddressRange(text) == nil)
    }

    @Test(
        "traces are read as the specification says",
        arguments: [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false),
            ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false), ("", false),
            ("00-x-y-z", false),
        ])
    func traces(_ text: String, _ isTrace: Bool) {
        #expect((TraceContext(text) != nil) == isTrace)
    }

    @Test("a token is known by its digest only, and its line says nothing of it")
    func tokens() throws {
        let (secret, token) = Token.new(name: "bot", role: .producer)
        #expect(secret.hasPrefix("mp_") && secret.count == 67)
        #expect(!token.line.contains(secret.dropFirst(3)))
        let read = try #require(Token(text: token.line))
        let book = TokenBook([Token.new(name: "other", role: .reader).token, read])
        #expect(book.token(for: secret)?.name == "bot")
        #expect(book.token(for: secret + "0") == nil)
        #expect(book.token(for: "") == nil)
    }

    @Test(
        "lines that are no tokens are refused",
        arguments: [
            "", "a:b:c", "bot:producer:00", "public:reader:" + String(repeating: "0", count: 64),
            "bot:anyone:" + String(repeating: "0", count: 64),
            "b t:reader:" + String(repeating: "0", count: 64),
            "bot:reader:" + String(repeating: "g", count: 64),
            "bot:reader:" + String(repeating: "0", count: 64) + ":",
            "bot:reader:" + String(repeating: "0", count: 64) + ":x+",
            "bot:reader:" + String(repeating: "0", count: 64) + ":x+x",
            "bot:reader:" + String(repeating: "0", count: 64) + ":X",
            "bot:reader:" + String(repeating: "0", count: 64) + ":x:y",
        ])
    func noTokens(_ text: String) {
        #expect(Token(text: text) == nil)
    }

    @Test("percent-encoded text goes there and back; what is broken is refused")
    func percent() {
        for text in ["a b", "ü+&=%", "日本", "\u{1}", "a/b?c#d"] {
            #expect(PercentText.decoded(PercentText.encoded(text), plusIsSpace: true) == text)
        }
        for broken in ["%", "%1", "%zz", "%00", "%ff", "%c0%af", "%ed%a0%80"] {
            #expect(PercentText.decoded(broken, plusIsSpace: true) == nil, "\(broken)")
        }
    }
}
