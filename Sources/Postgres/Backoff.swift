/// Full-jitter backoff: a random pause between nothing and an exponentially growing bound.
///
/// The jitter spreads a farm's reconnections after a restart of the server (aws.amazon.com/blogs/architecture,
/// "Exponential Backoff And Jitter", 2015).
enum Backoff {
    private static let base: Duration = .milliseconds(100)
    private static let cap: Duration = .seconds(5)

    /// The pause after so many failures in a row, counted from 1.
    static func pause(after failures: Int) -> Duration {
        let bound = min(base * (1 << min(max(failures, 1) - 1, 10)), cap)
        return .milliseconds(Int64.random(in: 0...bound.milliseconds))
    }
}
