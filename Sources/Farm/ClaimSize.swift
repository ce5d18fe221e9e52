internal import Platform
internal import Postgres
internal import Store

/// How much the next claim of a pool asks for; shared by the claims that are under way at the same time.
///
/// What is buffered and what one claim brings is bounded by bytes, judged by the mean of what came before. After a claim
/// that failed for its data or its time the next asks for half, and carefully; each that succeeds doubles that again.
final class ClaimSize: Sendable {
    private struct State {
        var meanBytes = 0.0
        /// After a failure: at most so many. `nil`: nothing is in the way.
        var cap: Int?
        /// Failures of claims of a single job, one after the other.
        var failuresAlone = 0
        /// Claimed since memory was last given back.
        var bytesClaimed = 0
    }

    private let state = Lock(State())

    /// Buffered jobs may have about so many bytes of args and metas.
    static let bufferedBytesMax = 8 << 20
    /// A claim that took longer is not made larger.
    static let quickSpan = Duration.seconds(1)
    /// A single job whose claim fails so often is at fault itself.
    static let failuresAloneMax = 2
    /// Memory is given back after so many bytes, and once the pool is idle, after so many.
    static let bytesUntilTrim = 64 << 20
    static let bytesUntilIdleTrim = 4 << 20

    /// How many of the `wanted` jobs to claim. Zero: enough is buffered.
    func limit(_ wanted: Int, buffered: Int) -> Int {
        state.withLock { state in
            let most = min(wanted, state.cap ?? wanted)
            guard state.meanBytes * Double(buffered + most) > Double(ClaimSize.bufferedBytesMax) / 2 else {
                return most
            }
            let room = Double(ClaimSize.bufferedBytesMax) - state.meanBytes * Double(buffered)
            let fitting = Int(min(room, Double(Claim.bytesDefault)) / state.meanBytes)
            return min(most, buffered > 0 ? max(0, fitting) : max(1, fitting))
        }
    }

    var care: Claim.Care { state.withLock { $0.cap == nil ? .usual : .careful } }

    /// A claim brought these, in so much time.
    func took(_ claimed: Claimed, in span: Duration) {
        guard claimed.count > 0 else { return }
        state.withLock { state in
            state.failuresAlone = 0
            state.bytesClaimed += claimed.bytes
            if !claimed.jobs.isEmpty {
                let mean = Double(claimed.bytes) / Double(claimed.jobs.count)
                // Follows large ones at once and small ones gradually: claiming too little costs less than too much.
                state.meanBytes = mean > state.meanBytes ? mean : state.meanBytes * 0.75 + mean * 0.25
            }
            guard let cap = state.cap, span < ClaimSize.quickSpan else { return }
            state.cap = cap * 2 < Pool.claimMax ? cap * 2 : nil
        }
    }

    /// A claim of so many failed.
    /// - Returns: whether a single job is at fault, and is to be looked for.
    func failed(_ limit: Int, _ error: any Error) -> Bool {
        guard let error = error as? PostgresError, error.mayBeOfSize else { return false }
        return state.withLock { state in
            if state.cap == 1, limit == 1 { state.failuresAlone += error.isOfOneRow ? 1 : 0 }
            state.cap = max(1, min(state.cap ?? limit, limit) / 2)
            return state.failuresAlone >= ClaimSize.failuresAloneMax
        }
    }

    /// The single job was dealt with.
    func stoodAlone() { state.withLock { $0.failuresAlone = 0 } }

    /// Gives the memory of large claims back, when that is worth while.
    func giveMemoryBack(isIdle: Bool) {
        let least = isIdle ? ClaimSize.bytesUntilIdleTrim : ClaimSize.bytesUntilTrim
        let isDue = state.withLock { state in
            guard state.bytesClaimed >= least else { return false }
            state.bytesClaimed = 0
            return true
        }
        if isDue { Memory.giveBack() }
    }
}

extension PostgresError {
    /// A smaller claim may succeed where this one failed.
    fileprivate var mayBeOfSize: Bool { isOfOneRow || isOutcomeUnknown }

    /// The row may be at fault: its data, or the time or memory that it takes.
    var isOfOneRow: Bool { isData || ["57014", "53200", "XX001", "XX002"].contains(sqlstate) }
}
