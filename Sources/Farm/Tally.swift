internal import Jobs
internal import Platform

/// What one worker process has done since it started; its row in `motorpool.workers` carries it.
package final class Tally: Sendable {
    /// The counts at one moment.
    package struct Counts: Sendable {
        package var claims = 0
        package var sweeps = 0
        package var claimed = 0
        package var done = 0
        package var failed = 0
        package var snoozed = 0
        package var stale = 0
        package var handedBack = 0
        package var bells = 0
        package var polls = 0
        /// Done and failed, by the queue whose lanes ran them.
        package var byQueue: [String: Ends] = [:]
    }

    /// How runs of one queue ended.
    package struct Ends: Sendable {
        package var done = 0
        package var failed = 0
    }

    private let counts = Lock(Counts())

    package init() {}

    package var now: Counts { counts.withLock { $0 } }

    func count(_ change: (inout Counts) -> Void) { counts.withLock { change(&$0) } }

    /// The counts, and beside them how full the lanes are.
    func json(_ pools: [Pool]) -> JSON {
        let c = now
        let lanes = pools.map { pool in
            let (lanes, busy, buffered) = pool.load
            let ends = c.byQueue[pool.name] ?? Ends()
            return """
                \(JSON.quoted(pool.name)):{"lanes":\(lanes),"busy":\(busy),"buffered":\(buffered),\
                "done":\(ends.done),"failed":\(ends.failed)}
                """
        }
        return JSON(
            text: """
                {"claims":\(c.claims),"sweeps":\(c.sweeps),"claimed":\(c.claimed),"done":\(c.done),"failed":\(c.failed),\
                "snoozed":\(c.snoozed),"stale":\(c.stale),"handed_back":\(c.handedBack),"bells":\(c.bells),"polls":\(c.polls),\
                "lanes":{\(lanes.joined(separator: ","))}}
                """)
    }
}
