internal import Glibc
internal import Platform

/// A run over many made-up answers that a seed repeats.
///
/// The seed is random and printed, so that a run that ends the process can be repeated as well;
/// `MOTORPOOL_FUZZ_SEED=N` repeats it. `MOTORPOOL_FUZZ_TIMES=N` makes it N times as long.
package struct FuzzRun: Sendable {
    package let name: String
    package let seed: UInt64
    package let count: Int

    /// The most that an answer may take; a machine under load is slow, a wait without end is longer.
    package static let answerTimeMax = Duration.seconds(20)

    /// - Parameter count: answers to be made.
    package init(_ name: String, count: Int) {
        self.name = name
        seed = Self.number("MOTORPOOL_FUZZ_SEED") ?? UInt64.random(in: 0..<(1 << 48))
        self.count = count * Int(clamping: Self.number("MOTORPOOL_FUZZ_TIMES") ?? 1)
        print("fuzz \(name): \(self.count) answers of MOTORPOOL_FUZZ_SEED=\(seed)")
    }

    private static func number(_ name: String) -> UInt64? {
        getenv(name).flatMap { UInt64(String(cString: $0)) }
    }

    /// The dice of one answer: each can be made again without those before it.
    package func dice(_ number: Int) -> Dice { Dice(seed: seed, "\(name) \(number)") }

    /// Hands every answer to `body`, one after the other.
    ///
    /// - Parameter growthMax: bytes in memory at the end above those at the beginning. Other suites run at the same time,
    ///   so the bound only tells apart what grows with every answer.
    /// - Returns: what `body` threw, what took too long, memory that was not given back; at most ten sentences, each with
    ///   what repeats it. Empty when all is well.
    package func findings(
        _ fuzzer: AnswerFuzzer, growthMax: Int = 400 << 20, _ body: (FuzzedAnswer) async throws -> Void
    ) async -> [String] {
        var findings: [String] = []
        let before = Memory.residentBytes
        for number in 0..<count where findings.count < 10 {
            let answer = fuzzer.answer(dice(number))
            let began = BootClock.now
            do { try await body(answer) } catch { findings.append("\(words(number, answer)): \(error)") }
            let took = BootClock.now - began
            if took > Self.answerTimeMax { findings.append("\(words(number, answer)): took \(took)") }
        }
        let growth = Memory.residentBytes - before
        if growth > growthMax { findings.append("\(name), seed \(seed): memory grew by \(growth) bytes") }
        return findings
    }

    /// What finds an answer again.
    package func words(_ number: Int, _ answer: FuzzedAnswer) -> String {
        let start = String(decoding: answer.bytes.prefix(300), as: UTF8.self)
        return "\(name), answer \(number) of MOTORPOOL_FUZZ_SEED=\(seed) (\(answer.recipe)): \(start)"
    }
}

/// A promise about an answer that was not kept.
package struct FuzzFinding: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }

    /// - Throws: itself, unless the promise is kept.
    package static func require(_ isKept: Bool, _ words: @autoclosure () -> String) throws {
        if !isKept { throw FuzzFinding(words()) }
    }
}
