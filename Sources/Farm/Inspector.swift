internal import Jobs
internal import Store

/// Looks after what this process holds: jobs that were buffered for too long four times a second, and the truth of the
/// database every two. Runs that don't end are the watchdog's.
///
/// What the database believes to be claimed here and nobody here holds came from a claim whose answer was lost: handed
/// back. What is held here and is no longer claimed in the database was cancelled or rescued unheard: ended.
struct Inspector: Sendable {
    let pools: [Pool]
    let store: Store
    let worker: @Sendable () -> WorkerID?
    let tally: Tally
    let tell: @Sendable (FarmEvent) -> Void

    static let interval = Duration.milliseconds(250)
    static let reconcileInterval = Duration.seconds(2)
    /// A claim is answered, or gone, well before this age.
    static let unansweredMax = Duration.seconds(10)

    func run() async {
        var reconciledAt = ContinuousClock.now
        var doubtful = Set<RunToken>()
        while !Task.isCancelled {
            try? await Task.sleep(for: Inspector.interval)
            do {
                for pool in pools { try await inspect(pool) }
                if !doubtful.isEmpty || ContinuousClock.now - reconciledAt >= Inspector.reconcileInterval {
                    reconciledAt = .now
                    doubtful = try await reconcile(doubtful)
                }
            } catch is CancellationError {
                return
            } catch {
                tell(.trouble("inspecting: \(String(reflecting: error))"))
            }
        }
    }

    private func inspect(_ pool: Pool) async throws {
        let stale = pool.takeStale()
        guard !stale.isEmpty, let worker = worker() else { return }
        let count = try await store.handBack(stale, of: worker)
        pool.wishSweep()
        tally.count { $0.handedBack += count }
        tell(.handedBack(count: count))
    }

    /// One look at the database for both directions.
    ///
    /// A settlement or a commit that is under way looks like a cancel: the database knows of it before we do. Only what
    /// was doubtful a moment ago and still is has really been taken away.
    /// - Returns: what is held here and was not found claimed, for the next look.
    func reconcile(_ doubtful: Set<RunToken>) async throws -> Set<RunToken> {
        guard let worker = worker() else { return [] }
        let heldBefore = pools.map(\.heldUnsettled)
        let claimed = try await store.claimed(by: worker)
        let unheld = claimed.filter { found in
            found.age > Inspector.unansweredMax && !pools.contains { $0.holds(found.token) }
        }
        if !unheld.isEmpty {
            let count = try await store.handBack(unheld.map(\.token), of: worker)
            tally.count { $0.handedBack += count }
            tell(.handedBack(count: count))
        }
        let believed = Set(claimed.map(\.token))
        var doubts = Set<RunToken>()
        for (pool, held) in zip(pools, heldBefore) {
            for (job, run) in held {
                let token = RunToken(job: job, run: run)
                guard !believed.contains(token) else { continue }
                guard doubtful.contains(token) else {
                    doubts.insert(token)
                    continue
                }
                if pool.end(job, run: run, as: .cancelled) { tell(.cancelled(job)) }
            }
        }
        return doubts
    }
}
