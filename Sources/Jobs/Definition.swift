/// Everything about a kind that is policy: how patiently, how many at once, what asking twice means.
///
/// Comes from `jobs/<kind>.conf`; a default stands only here.
package struct Definition: Hashable, Sendable {
    package let kind: String
    /// The line its jobs stand in. The kinds of a queue share its lanes.
    package var queue = "default"
    /// How many jobs of the queue one process runs at once. `nil`: another kind of the queue says it, or 4.
    package var lanes: Int?
    package var patience = Patience()
    /// One run may take this long; then its task is cancelled and the attempt has failed.
    package var timeLimit = Duration.seconds(60)
    package var priority = Priority.normal
    /// At most so many at once in the whole cluster. `nil`: no limit.
    package var limit: Int?
    /// At most so many at once for one key in the whole cluster.
    package var limitPerKey: Int?
    package var rate: Rate?
    package var ratePerKey: Rate?
    package var unique = UniquePolicy.join
    /// How long after a success the subject's outcome answers for it.
    package var cooldown = Duration.zero
    /// How long after a death the subject may not be asked for again.
    package var cooldownAfterFailure = Duration.zero
    /// Whether outcomes go into the history.
    package var keepsHistory = true
    /// Upstreams that its runs ask, and how fast the whole cluster may ask each.
    package var hosts: [String: Rate] = [:]
    /// Who may ask for it over HTTP.
    package var askedBy = AskedBy.nobody
    /// What a caller over HTTP may choose.
    package var callersChoose: Set<CallerChoice> = []
    /// Who sees its args, results and errors over HTTP.
    package var seenBy = SeenBy.asker

    package init(kind: String) { self.kind = kind }

    /// Whether its jobs wait for admission before they are ready.
    package var isLimited: Bool { limit != nil || limitPerKey != nil || rate != nil || ratePerKey != nil }

    /// What callers over HTTP may do with it.
    package var callers: CallerPolicy {
        CallerPolicy(askedBy: askedBy, mayChoose: callersChoose, seenBy: seenBy)
    }

    package static let lanesDefault = 4
}

/// What asking for a subject means while its job is alive.
package enum UniquePolicy: String, Sendable, CaseIterable {
    /// The live job answers.
    case join
    /// If it is already running, it runs once more afterwards.
    case again
    /// The request is refused.
    case refuse
}

/// So many in a span of time, with a burst that may come at once.
package struct Rate: Hashable, Sendable, CustomStringConvertible {
    package let count: Double
    package let per: Duration
    package let burst: Int

    package init(count: Double, per: Duration, burst: Int = 1) {
        self.count = count
        self.per = per
        self.burst = burst
    }

    /// The time between two when evenly spaced.
    package var interval: Duration { .seconds(per.inSeconds / count) }

    package var description: String {
        let amount = count == count.rounded() ? String(Int(count)) : String(count)
        return "\(amount)/\(per.text)" + (burst > 1 ? " burst \(burst)" : "")
    }

    /// Reads `5/s`, `100/5m` or `10/s burst 20`; the count lies between 0.001 and 100,000.
    package init?(text: String) {
        let words = text.split(separator: " ")
        let parts = (words.first ?? "").split(separator: "/", maxSplits: 1)
        guard parts.count == 2, let count = Double(parts[0]), (0.001...100_000).contains(count) else {
            return nil
        }
        let span = parts[1].first?.isNumber == true ? String(parts[1]) : "1" + parts[1]
        guard let per = Duration(text: span), per > .zero else { return nil }
        switch words.count {
        case 1: self.init(count: count, per: per)
        case 3:
            guard words[1] == "burst", let burst = Int(words[2]), (1...100_000).contains(burst) else {
                return nil
            }
            self.init(count: count, per: per, burst: burst)
        default: return nil
        }
    }
}
