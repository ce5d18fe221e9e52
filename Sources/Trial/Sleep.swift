internal import Farm
internal import Glibc
internal import Jobs

/// Sleeps, telling how far it is. With `block` it sleeps in C and can't be cancelled, as a bad library would; with
/// `everywhere` it also blocks each thread of the pool that the whole process shares.
struct Sleep: JobKind {
    static let name = "sleep"
    static let secondsMax = 86_400.0

    struct Args: Decodable, Sendable {
        var seconds: Double
        var block: Bool?
        var everywhere: Bool?
    }

    func run(_ args: Args, _ run: Run) async throws -> Outcome {
        guard (0...Sleep.secondsMax).contains(args.seconds) else {
            return .failForGood(
                error: "seconds: expected 0 to \(Int(Sleep.secondsMax)), found \(args.seconds)")
        }
        if args.block == true {
            if args.everywhere == true { Sleep.blockSharedPool(args.seconds) }
            Sleep.block(args.seconds)
        } else {
            try await sleep(args.seconds, run)
        }
        return .done(result: JSON(text: "{\"slept\":\(args.seconds)}"))
    }

    private static func block(_ seconds: Double) { usleep(UInt32(min(seconds, 4000) * 1_000_000)) }

    /// More tasks than the pool has threads, none of which lets go of its own.
    private static func blockSharedPool(_ seconds: Double) {
        for _ in 0..<sysconf(Int32(_SC_NPROCESSORS_ONLN)) * 4 { Task { block(seconds) } }
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
