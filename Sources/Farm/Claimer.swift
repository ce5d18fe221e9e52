internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// Keeps one pool fed and its bulk settlements sent: one statement settles the last batch and claims the next.
///
/// There is no timer for settlements: what has gathered while a statement was under way goes with the next. A claim
/// begins behind the watermark; a sweep begins at zero, once a second at least, and soon after a claim came back short.
///
/// While claims come back full, a second one is under way on another connection: the server looks for the next jobs while
/// the last are read, run and noted here.
struct Claimer: Sendable {
    let pool: Pool
    let line: Line
    /// One for ordinary lanes; every queue for the lane of suspects.
    let queues: [String]
    let kinds: [String]
    let store: Store
    let farm: FarmSettings
    let tally: Tally
    let lease: @Sendable () -> WorkerID?
    let tell: @Sendable (FarmEvent) -> Void
    let size = ClaimSize()
    /// What suspects may be claimed one by one; `nil` for ordinary lanes.
    var isolation: Isolation?

    /// Where the claims of this pool stand in time.
    private struct Turn {
        var queueIndex = 0
        var sweptAt = ContinuousClock.now - .seconds(3600)
        var sweepTook = Duration.zero
        /// A claim came back short since the last sweep.
        var isSweepOwed = false
        /// There may be more than the last claim brought.
        var mayHaveMore = true
        var failures = 0
    }

    static let sweepInterval = Duration.seconds(1)
    static let sweepGapMin = Duration.milliseconds(20)
    static let batchMax = 1000
    /// Results in one batch have about so many bytes.
    static let batchBytesMax = 4 << 20
    /// A second claim is worth its statement for so many.
    static let besideMin = 200

    /// Runs until the task is cancelled and everything that can be settled is settled.
    func run() async {
        var turn = Turn()
        while !Task.isCancelled {
            let rest = await step(&turn)
            guard rest > .zero else { continue }
            let heard = ContinuousClock.now
            await pool.claimAlarm.wait(atMost: rest)
            // Whether a bell, a free lane or the poll ended the rest: look once more.
            turn.mayHaveMore = true
            if ContinuousClock.now - heard >= rest { tally.count { $0.polls += 1 } }
        }
    }

    /// Claims beside `run()` while the queue is full of jobs. It never sweeps, and claims nothing from a queue that has little.
    ///
    /// Runs until the task is cancelled.
    func runBeside() async {
        while !Task.isCancelled {
            let wanted = line.isFull ? ask(atLeast: Claimer.besideMin) : 0
            guard wanted > 0, let worker = lease() else {
                pool.answered(wanted)
                await pool.besideAlarm.wait(atMost: .seconds(1))
                continue
            }
            let place = line.place(in: 0)
            let claim = self.claim(wanted, worker, place, in: 0)
            let plain = takePlain()
            let began = ContinuousClock.now
            do {
                let claimed = try await store.settle(plain: plain, andClaim: claim)
                settled(plain, stale: claimed.stale)
                line.took(claimed.jobs, from: place, in: 0, isFull: claimed.isCut || claimed.count == wanted)
                admit(claimed, claim, isSweep: false, began: began)
            } catch {
                // The first claimer meets the same trouble, tells of it, and finds the row that is in the way.
                _ = size.failed(wanted, error)
                pool.answered(wanted)
                pool.putBack(plain.uncertain(after: error))
                await pool.besideAlarm.wait(atMost: .seconds(1))
            }
        }
    }

    /// One statement, or none.
    /// - Returns: how long to rest before the next, unless the alarm sounds.
    private func step(_ turn: inout Turn) async -> Duration {
        let room: Isolation.Room?
        do { room = try await isolation?.room(from: turn.queueIndex) } catch { return failed(error, &turn) }
        if isolation != nil { turn.queueIndex = room?.queue ?? 0 }
        let wanted = isolation == nil ? ask() : room == nil ? 0 : pool.ask(atMost: 1)
        let plain = wanted == 0 && pool.isRushing ? [] : takePlain()
        let now = ContinuousClock.now
        let isSweep = (wanted > 0 && pool.takeSweepWish()) || isSweepDue(turn, now)
        let worker = lease()
        let claims = wanted > 0 && worker != nil && (turn.mayHaveMore || isSweep)
        if !claims { pool.answered(wanted) }
        guard claims || !plain.isEmpty else {
            size.giveMemoryBack(isIdle: pool.isIdle)
            return rest(turn, now, wantsMore: wanted > 0)
        }
        if claims, isSweep { line.sweep() }
        let place = line.place(in: turn.queueIndex)
        let claim = worker.flatMap { claims ? self.claim(wanted, $0, place, in: turn.queueIndex, room) : nil }
        if claims, line.isFull { pool.besideAlarm.sound() }
        do {
            if !plain.isEmpty { farm.killPoint?.pass(.beforeSettle) }
            let claimed = try await store.settle(plain: plain, andClaim: claim)
            farm.killPoint?.pass(.afterSettle)
            turn.failures = 0
            settled(plain, stale: claimed.stale)
            if let room { isolation?.took(claimed.jobs, in: room) }
            if let claim { took(claimed, claim, from: place, isSweep: isSweep, began: now, &turn) }
            return .zero
        } catch let error as PostgresError where error.isAboutSomeRow && !plain.isEmpty {
            pool.answered(claim?.limit ?? 0)
            // Which of the two was at fault is not known; a claim that was not is large again soon.
            if let claim, size.failed(claim.limit, error) { await standAlone(claim) }
            await settleOneByOne(plain)
            return .zero
        } catch {
            pool.answered(claim?.limit ?? 0)
            pool.putBack(plain.uncertain(after: error))
            if let claim, size.failed(claim.limit, error) { await standAlone(claim) }
            return failed(error, &turn)
        }
    }

    /// - Returns: how long to rest.
    private func failed(_ error: any Error, _ turn: inout Turn) -> Duration {
        turn.failures += 1
        if !(error is CancellationError) {
            tell(.trouble("claiming from \(pool.name): \(String(reflecting: error))"))
        }
        return min(.milliseconds(50 * (1 << min(turn.failures, 6))), .seconds(2))
            * Double.random(in: 0.5...1)
    }

    private func claim(
        _ wanted: Int, _ worker: WorkerID, _ place: Line.Place, in queue: Int, _ room: Isolation.Room? = nil
    ) -> Claim {
        Claim(
            queue: queues[queue], kinds: kinds, worker: worker, limit: wanted, care: size.care,
            watermarks: room.map { Watermarks(levels: $0.levels) } ?? place.watermarks)
    }

    /// How many jobs to claim now, by number and by bytes; counted as coming until `answered`.
    private func ask(atLeast least: Int = 1) -> Int {
        let asked = pool.ask(atLeast: least)
        guard asked > 0 else { return 0 }
        let wanted = size.limit(asked, buffered: pool.load.buffered)
        pool.answered(asked - wanted)
        return wanted
    }

    /// Outcomes to settle in bulk: bounded by their number, and by the bytes of their results.
    private func takePlain() -> [PlainSettlement] {
        let plain = pool.takePlain(max: Claimer.batchMax)
        var bytes = 0
        let fitting = plain.prefix { settlement in
            defer { bytes += settlement.result?.bytes.count ?? 0 }
            return bytes < Claimer.batchBytesMax
        }
        guard fitting.count < plain.count else { return plain }
        pool.putBack(Array(plain[fitting.count...]))
        return Array(fitting)
    }

    private func isSweepDue(_ turn: Turn, _ now: ContinuousClock.Instant) -> Bool {
        if now - turn.sweptAt >= Claimer.sweepInterval { return true }
        return turn.isSweepOwed && now - turn.sweptAt >= sweepGap(turn)
    }

    /// A sweep may read what it can't claim; it takes at most a tenth of the time.
    private func sweepGap(_ turn: Turn) -> Duration { max(Claimer.sweepGapMin, turn.sweepTook * 10) }

    private func rest(_ turn: Turn, _ now: ContinuousClock.Instant, wantsMore: Bool) -> Duration {
        guard wantsMore else { return farm.pollInterval }
        let untilSweep = turn.isSweepOwed ? sweepGap(turn) - (now - turn.sweptAt) : farm.pollInterval
        return max(.milliseconds(1), min(untilSweep, farm.pollInterval))
    }

    func settled(_ plain: [PlainSettlement], stale: Int) {
        guard !plain.isEmpty else { return }
        pool.settled(plain.lazy.map(\.token))
        let stale = max(0, stale - plain.count(where: \.isUncertain))
        tally.count {
            $0.done += plain.count - stale
            $0.byQueue[pool.name, default: Tally.Ends()].done += plain.count - stale
            $0.stale += stale
        }
        if stale > 0 { tell(.stale(count: stale)) }
    }

    private func took(
        _ claimed: Claimed, _ claim: Claim, from place: Line.Place, isSweep: Bool,
        began: ContinuousClock.Instant,
        _ turn: inout Turn
    ) {
        farm.killPoint?.pass(.afterClaim)
        let isLastQueue = turn.queueIndex == queues.count - 1
        let isShort = claimed.count < claim.limit && !claimed.isCut
        line.took(claimed.jobs, from: place, in: turn.queueIndex, isFull: !isShort)
        if isSweep, isLastQueue {
            turn.sweptAt = ContinuousClock.now
            turn.sweepTook = turn.sweptAt - began
            turn.isSweepOwed = false
        } else if isShort {
            turn.isSweepOwed = turn.isSweepOwed || !isSweep
        }
        // The lane of suspects goes round the queues; a short claim goes on to the next.
        turn.mayHaveMore = !isShort || !isLastQueue
        if isShort { turn.queueIndex = isLastQueue ? 0 : turn.queueIndex + 1 }
        admit(claimed, claim, isSweep: isSweep, began: began)
    }

    private func admit(_ claimed: Claimed, _ claim: Claim, isSweep: Bool, began: ContinuousClock.Instant) {
        // Until the jobs are in the pool, what was asked for counts as coming.
        defer { pool.answered(claim.limit) }
        bring(claimed, claim, isSweep: isSweep, began: began)
    }

    func bring(_ claimed: Claimed, _ claim: Claim, isSweep: Bool, began: ContinuousClock.Instant) {
        tally.count {
            $0.claims += 1
            $0.sweeps += isSweep ? 1 : 0
            $0.claimed += claimed.count
            if claimed.count > 0 { $0.claimedAt[claim.queue] = .now }
        }
        guard claimed.count > 0 else { return }
        size.took(claimed, in: ContinuousClock.now - began)
        size.giveMemoryBack(isIdle: false)
        let tokens = claimed.jobs.map(\.token)
        // The lease may have been lost while the claim was under way.
        guard lease() == claim.worker else { return handBack(tokens + claimed.unreadable, of: claim.worker) }
        tell(.claimed(queue: claim.queue, jobs: tokens.map(\.job)))
        handBack(pool.accept(claimed.jobs).map(\.token), of: claim.worker)
        setAside(claimed.unreadable)
    }

    private func handBack(_ tokens: [RunToken], of worker: WorkerID) {
        guard !tokens.isEmpty else { return }
        // The claim's own path is busy; a hand-back that fails is found by the reconciliation.
        Task { _ = try? await store.handBack(tokens, of: worker) }
    }
}
