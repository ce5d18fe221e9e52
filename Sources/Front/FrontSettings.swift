package import Jobs

/// What the front is told from outside, and its bounds.
package struct FrontSettings: Sendable {
    package init() {}

    package var tokens = TokenBook([])
    /// What callers without a token may do when they are on this machine and nothing was forwarded.
    package var localRole = Role.anyone
    /// What they may do as long as there is no token at all; `nil`: the same.
    package var localRoleWithoutTokens: Role?
    /// What all other callers without a token may do.
    package var anonymousRole = Role.anyone
    /// Proxies whose `X-Forwarded-For` is believed.
    package var trustedProxies: [AddressRange] = []

    /// Requests of one address without a token.
    package var anonymousReads = Rate(count: 100, per: .seconds(1), burst: 200)
    package var anonymousWrites = Rate(count: 20, per: .seconds(1), burst: 100)
    /// Requests under one token.
    package var tokenReads = Rate(count: 2000, per: .seconds(1), burst: 4000)
    package var tokenWrites = Rate(count: 1000, per: .seconds(1), burst: 2000)
    /// Guesses at a token by one address.
    package var logIns = Rate(count: 10, per: .seconds(60), burst: 5)
    /// How many live jobs callers without a token may have asked for, all together.
    package var guestJobsMax = 10_000

    /// Requests that are being answered at once; those that only wait for a job are not counted.
    package var requestsMax = 2000
    /// Requests that wait for a job at once.
    package var waitersMax = 2000
    /// Open event streams.
    package var streamsMax = 200
    package static let waitMax = Duration.seconds(60)
    /// An event stream says at least so often that it is still there.
    package var heartbeat = Duration.seconds(15)
    /// How often the watcher looks when somebody waits.
    package var lookInterval = Duration.milliseconds(100)
    /// What everybody asks for is asked of the database at most so often.
    package var cacheSpan = Duration.seconds(1)

    /// The program's version, for the documents.
    package var version = "0"
}
