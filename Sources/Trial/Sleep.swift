internal import Farm
internal import Glibc
internal import Jobs

/// Sleeps, telling how far it is. With `block` it sleeps in C and can't be cancelled, as a bad library would.
struct Sleep: JobKind {
    static let name = "sleep"
    static let secondsMax = 86_400.0

    struct Args: Decodable, Sendable {
        var seconds: Double
        var block: Bool?
    }

    func run(_ args: Args, _ run: Run) async throws -> Outcome {
        guard (0...Sleep.secondsMax).contains(args.seconds) else {
            return .failForGood(
                error: "seconds: expected 0 to \(Int(Sleep.secondsMax)), found \(args.seconds)")
        }
        if args.block == true {
            usleep(UInt32(min(args.seconds, 4000) * 1_000_000))
        } else {
            try await sleep(args.seconds, run)
        }
        return .done(result: JSON(text: "{\"slept\":\(args.seconds)}"))
    }

    private func sleep(_ seconds: Double, _ run: Run) async throws {
        let total = Int64((seconds * 1000).rounded())
        var slept: Int64 = 0
        while slept < total {
            let nap = min(1000, total - slept)
            try await Task.sleep(for: .milliseconds(nap))
            slept += nap
            if slept < total { await run.report(phase: "sleeping", done: slept, total: total) }
        }
    }
}
