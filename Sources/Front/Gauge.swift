internal import Platform

/// How many there are of something at once, and how many there may be.
package final class Gauge: Sendable {
    package let max: Int
    /// How many of them one caller may have.
    private let perCaller: Int
    private let count = Lock(0)
    private let callers = Lock<[String: Int]>([:])

    package init(max: Int, perCaller: Int = .max) {
        self.max = max
        self.perCaller = perCaller
    }

    package var now: Int { count.withLock { $0 } }

    /// - Returns: whether there was room for one more; whoever got in must leave.
    package func enter() -> Bool {
        count.withLock { count in
            guard count < max else { return false }
            count += 1
            return true
        }
    }

    /// - Returns: whether there was room for one more of this caller's; who got in must leave by the same name.
    package func enter(_ caller: String) -> Bool {
        let isRoom = callers.withLock { callers in
            guard callers[caller, default: 0] < perCaller else { return false }
            callers[caller, default: 0] += 1
            return true
        }
        guard isRoom else { return false }
        if enter() { return true }
        leaveShare(caller)
        return false
    }

    package func leave(_ caller: String) {
        leaveShare(caller)
        leave()
    }

    private func leaveShare(_ caller: String) {
        callers.withLock { callers in
            let left = callers[caller, default: 1] - 1
            callers[caller] = left > 0 ? left : nil
        }
    }

    /// For whoever was in and stepped out: he is not refused.
    package func comeBack() { count.withLock { $0 += 1 } }

    package func leave() { count.withLock { $0 -= 1 } }
}
