internal import Glibc
internal import Platform

/// A named place at which this process ends or stops itself, for the tests that prove that it may.
///
/// Handed down from the settings; `nil` everywhere in production.
package final class KillPoint: Sendable {
    /// The places. Each is a line before or after which a crash is different.
    package enum Place: String, Sendable, CaseIterable {
        case afterClaim = "after_claim"
        case beforeStart = "before_start"
        case beforeCommit = "before_commit"
        case beforeFence = "before_fence"
        case afterCommit = "after_commit"
        case beforeSettle = "before_settle"
        case afterSettle = "after_settle"
        case duringRenewal = "during_renewal"
        case duringDrain = "during_drain"
    }

    private let place: Place
    private let signal: Int32
    private let passesLeft: Lock<Int>

    /// Reads `place:count` or `place:count:stop`: at the count-th pass SIGKILL, or SIGSTOP, to the process itself.
    package init?(text: String) {
        let parts = text.split(separator: ":")
        guard (2...3).contains(parts.count), let place = Place(rawValue: String(parts[0])),
            let count = Int(parts[1]),
            count > 0, parts.count == 2 || parts[2] == "stop"
        else { return nil }
        self.place = place
        signal = parts.count == 3 ? SIGSTOP : SIGKILL
        passesLeft = Lock(count)
    }

    /// Marks that the process is at the place.
    package func pass(_ here: Place) {
        guard here == place else { return }
        let isDue = passesLeft.withLock { left in
            left -= 1
            return left == 0
        }
        if isDue { kill(getpid(), signal) }
    }
}
