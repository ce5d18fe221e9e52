internal import Glibc
package import Jobs

/// What the front is told from outside, and its bounds.
package struct FrontSettings: Sendable {
    package init() {}

    package var tokens = TokenBook([])
    /// What callers without a token may do when they are programs of this machine: over a unix socket by a user of
    /// `localUsers`, or over loopback where `trustsLoopback` says so, with nothing forwarded.
    package var localRole = Role.producer
    /// The users whose programs are local callers over a unix socket.
    package var localUsers: Set<UInt32> = [geteuid(), 0]
    /// Whether programs that ask over a loopback address are local callers. Not for a front behind a proxy.
    package var trustsLoopback = false
    /// What all other callers without a token may do.
    package var anonymousRole = Role.anyone
    /// Proxies whose `X-Forwarded-For` is believed.
    package var trustedProxies: [AddressRange] = []

    /// Whether the `X-Forwarded-For` of a proxy on the unix socket is believed.
    package var trustsUnixProxy = false

    /// Requests of one address without a token.
    package var anonymousReads = Rate(count: 100, per: .seconds(1), burst: 200)
    package var anonymousWrites = Rate(count: 20, per: .seconds(1), burst: 100)
    /// Requests under one token.
    package var tokenReads = Rate(count: 2000, per: .seconds(1), burst: 4000)
    package var tokenWrites = Rate(count: 1000, per: .seconds(1), burst: 2000)
    /// Wrong tokens of one address, apart for programs and for the operators' pages.
    package var logIns = Rate(count: 10, per: .seconds(60), burst: 5)
    /// Wrong tokens that the audit ledger notes, of all addresses together.
    package var notedLogIns = Rate(count: 30, per: .seconds(60), burst: 30)
    /// How many live jobs callers without a token may have asked for, all together.
    package var guestJobsMax = 10_000
    /// Bytes that callers without a token may have written a day, all together and over all fronts.
    package var anonymousBytesMax = 256 << 20

    /// Requests that are being answered at once; those that only wait for a job are not counted.
    package var requestsMax = 2000
    /// Requests that wait for a job at once.
    package var waitersMax = 2000
    /// Open event streams.
    package var streamsMax = 200
    /// Open event streams of one token, or of one address without a token.
    package var streamsPerCallerMax = 25
    package static let waitMax = Duration.seconds(60)
    /// An event stream says at least so often that it is still there.
    package var heartbeat = Duration.seconds(15)
    /// How often the watcher looks when somebody waits.
    package var lookInterval = Duration.milliseconds(100)
    /// What everybody asks for is asked of the database at most so often.
    package var cacheSpan = Duration.seconds(1)

    /// Where weaknesses are reported, as addresses like mailto:… and https:…; none: that is not told.
    package var securityContacts: [String] = []

    /// The program's version, for the documents.
    package var version = "0"
}
