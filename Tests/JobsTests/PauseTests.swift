import Jobs
import Testing

@Suite("A pause before the next attempt")
struct PauseTests {
    static let patience = Patience(
        attemptsMax: 100, backoffFirst: .seconds(1), backoffMax: .seconds(300), jitter: 0.2)

    @Test(
        "doubles with each failure up to the longest",
        arguments: [
            (1, 1.0), (2, 2), (3, 4), (9, 256), (10, 300), (11, 300), (63, 300), (64, 300), (5000, 300),
        ])
    func doubles(failure: Int, seconds: Double) {
        #expect(abs(Self.patience.pause(afterFailure: failure, random: 0.5).inSeconds - seconds) < 1e-6)
    }

    @Test("keeps within its jitter both ways", arguments: [1, 2, 5, 10, 40])
    func jitter(failure: Int) {
        let middle = Self.patience.pause(afterFailure: failure, random: 0.5).inSeconds
        let shortest = Self.patience.pause(afterFailure: failure, random: 0).inSeconds
        let longest = Self.patience.pause(afterFailure: failure, random: 1).inSeconds
        #expect(abs(shortest - middle * 0.8) < 1e-6)
        #expect(abs(longest - middle * 1.2) < 1e-6)
        for random in stride(from: 0.0, through: 1.0, by: 0.05) {
            let pause = Self.patience.pause(afterFailure: failure, random: random).inSeconds
            #expect(pause >= shortest - 1e-6 && pause <= longest + 1e-6)
        }
    }

    @Test("without jitter is the same whatever the dice say", arguments: [0.0, 0.3, 1.0])
    func noJitter(random: Double) {
        var patience = Self.patience
        patience.jitter = 0
        #expect(patience.pause(afterFailure: 3, random: random) == .seconds(4))
    }

    @Test("is never negative, even with a jitter of 100 percent", arguments: [0.0, 0.5, 1.0])
    func fullJitter(random: Double) {
        var patience = Self.patience
        patience.jitter = 1
        #expect(patience.pause(afterFailure: 1, random: random) >= .zero)
        #expect(patience.pause(afterFailure: 1, random: random) <= .seconds(2))
    }

    @Test("after a failure that was never counted is the first pause", arguments: [0, -1, Int.min + 1])
    func unheard(failure: Int) {
        #expect(Self.patience.pause(afterFailure: failure, random: 0.5) == .seconds(1))
    }

    @Test("takes the first pause as the longest when it is longer")
    func firstBeyondMax() {
        let patience = Patience(backoffFirst: .seconds(10), backoffMax: .seconds(5), jitter: 0)
        #expect(patience.pause(afterFailure: 1, random: 0) == .seconds(5))
    }
}
