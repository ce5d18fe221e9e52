internal import Farm
internal import Jobs

/// Fails: `times` times and then succeeds, or always; with `for_good` at once and for ever.
struct Fail: JobKind {
    static let name = "fail"

    struct Args: Decodable, Sendable {
        var message: String?
        var times: Int?
        var for_good: Bool?
    }

    func run(_ args: Args, _ run: Run) async throws -> Outcome {
        let message = args.message ?? "it was asked to fail"
        if args.for_good == true { return .failForGood(error: message) }
        if let times = args.times, run.job.failures >= times {
            return .done(result: JSON(text: "{\"failures\":\(run.job.failures)}"))
        }
        return .fail(error: message)
    }
}
