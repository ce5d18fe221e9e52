package import Jobs

/// Where the claims of one queue stand: the highest place claimed in each level.
///
/// The index keeps the entries of claimed jobs until a vacuum, and a transaction held open elsewhere keeps the vacuum
/// away; a claim that begins behind its watermark does not read them again. What commits late, is handed back or is
/// lifted lies behind the watermark, so `sweep` claims from zero once a second even when every claim is full.
package struct Watermarks: Sendable {
    package let levels: [Level]
    private var lows: [Level: Int64] = [:]

    package init(levels: [Level] = Level.ordinary) { self.levels = levels }

    /// The marks in the order of `levels`.
    package var marks: [Int64] { levels.map { lows[$0] ?? 0 } }

    /// Begins at zero again.
    package mutating func sweep() { lows = [:] }

    package mutating func advance(over job: ClaimedJob) {
        lows[job.level] = max(lows[job.level] ?? 0, job.seq)
    }
}
