internal import Platform

/// How many there are of something at once, and how many there may be.
package final class Gauge: Sendable {
    package let max: Int
    private let count = Lock(0)

    package init(max: Int) { self.max = max }

    package var now: Int { count.withLock { $0 } }

    /// - Returns: whether there was room for one more; whoever got in must leave.
    package func enter() -> Bool {
        count.withLock { count in
            guard count < max else { return false }
            count += 1
            return true
        }
    }

    /// For whoever was in and stepped out: he is not refused.
    package func comeBack() { count.withLock { $0 += 1 } }

    package func leave() { count.withLock { $0 -= 1 } }
}
