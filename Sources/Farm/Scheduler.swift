package import Jobs
internal import Platform
internal import Postgres
package import Store

/// Fires the lines of the schedule. Any number of processes have one: whoever inserts a slot's row has fired it, so there
/// is no election, and nobody to wait for when a process stands still or dies.
///
/// The database's clock decides what is due. Between two looks, at most a second apart, it is reckoned on from the last
/// one; a reckoning that is wrong costs a round trip, because the database refuses what is early.
package struct Scheduler: Sendable {
    private let store: Store
    private let plan: Lock<Plan>
    private let ledgerDays: Int
    private let tell: @Sendable (FarmEvent) -> Void

    static let restMax = Duration.seconds(1)
    private static let apartMax = Duration.milliseconds(500)
    private static let retainInterval = Duration.seconds(300)
    /// One round trip decides so many lines, and so many slots.
    private static let batchLinesMax = 100
    private static let batchSlotsMax = 2000

    /// - Parameters:
    ///   - lines: each of a kind that is published.
    ///   - ledgerDays: how long the ledger keeps slots.
    ///   - tell: hears what was decided, and troubles.
    package init(
        store: Store, lines: [ScheduleLine], ledgerDays: Int,
        tell: @escaping @Sendable (FarmEvent) -> Void = { _ in }
    ) {
        precondition(lines.count <= ScheduleLine.linesMax, "more lines than are taken")
        self.store = store
        plan = Lock(Plan(lines: lines, isUnpublished: !lines.isEmpty))
        self.ledgerDays = ledgerDays
        self.tell = tell
    }

    /// What is fired, and whether the database has not heard of it yet.
    private struct Plan {
        var lines: [ScheduleLine]
        var isUnpublished: Bool
    }

    private var lines: [ScheduleLine] { plan.withLock { $0.lines } }

    /// Fires these from the next look on, a second from now at most. Lines that are gone are marked so, as at a start.
    package func replace(with lines: [ScheduleLine]) {
        precondition(lines.count <= ScheduleLine.linesMax, "more lines than are taken")
        plan.withLock { $0 = Plan(lines: lines, isUnpublished: true) }
    }

    /// How things stood at the last look.
    private struct View {
        let microseconds: Int64
        let at: Duration
        let states: [String: ScheduleState]
        /// Lines that could not be decided: they wait for the next look, and hold nobody up.
        var failed: Set<String> = []

        /// The database's clock, reckoned on; rather late than early.
        var now: Int64 { microseconds + Int64((BootClock.now - at).inSeconds * 1_000_000) }

        var moment: Moment { Moment(now.flooredSeconds) }
    }

    /// Until the task is cancelled.
    package func run() async {
        var view: View?
        var retainedAt = BootClock.now
        while !Task.isCancelled {
            var rest = Scheduler.restMax
            do {
                if try await publishIfNew() { view = nil }
                // Without any line there is nothing to look at until a reload brings one.
                guard !lines.isEmpty else {
                    try await Task.sleep(for: rest)
                    continue
                }
                let fresh = try await runOnce(view)
                rest = self.rest(fresh)
                view = fresh
                if BootClock.now - retainedAt >= Scheduler.retainInterval {
                    retainedAt = BootClock.now
                    _ = try await store.retainSlots(days: ledgerDays)
                }
            } catch is CancellationError {
                return
            } catch {
                tell(.trouble("the schedule: \(String(reflecting: error))"))
                rest = .seconds(1) * Double.random(in: 0.8...1.2)
            }
            try? await Task.sleep(for: rest)
        }
    }

    /// - Returns: whether the lines are others than before.
    private func publishIfNew() async throws -> Bool {
        let plan = plan.withLock { $0 }
        guard plan.isUnpublished else { return false }
        try await store.publish(plan.lines)
        // Unless others came meanwhile.
        self.plan.withLock { if $0.lines == plan.lines { $0.isUnpublished = false } }
        return true
    }

    /// Decides what is due, and looks.
    private func runOnce(_ view: View?) async throws -> View {
        let turns = view.map(turns) ?? []
        // What failed at the last look may fail again, and must not hold up the others.
        let doubtful = turns.filter { view?.failed.contains($0.line.name) == true }
        let ready = turns.filter { view?.failed.contains($0.line.name) != true }
        var fresh: View
        do {
            fresh = try await fire(ready)
        } catch PostgresError.server where !ready.isEmpty {
            fresh = try await fireApart(ready)
        }
        if !doubtful.isEmpty {
            let failed = fresh.failed
            fresh = try await fireApart(doubtful)
            fresh.failed.formUnion(failed)
        }
        let gone = lines.filter { fresh.states[$0.name]?.isGone == true }.map(\.name)
        if !gone.isEmpty { try await store.vouch(for: gone) }
        // Somebody has removed a row; the line is as good as new.
        if lines.contains(where: { fresh.states[$0.name] == nil }) { try await store.publish(lines) }
        return fresh
    }

    private func fire(_ turns: [ScheduleTurn]) async throws -> View {
        let (decided, now, states) = try await store.fire(turns, statesOf: lines.map(\.name))
        if !decided.isEmpty { tell(.slots(decided)) }
        return View(microseconds: now.microseconds, at: BootClock.now, states: states)
    }

    /// One that fails keeps none of the others from firing, and many that fail don't keep the next look waiting: what is left
    /// after half a second waits for that.
    private func fireApart(_ turns: [ScheduleTurn]) async throws -> View {
        var failed = Set<String>()
        let began = BootClock.now
        for turn in turns.shuffled() {
            guard BootClock.now - began < Scheduler.apartMax else {
                failed.insert(turn.line.name)
                continue
            }
            do {
                _ = try await fire([turn])
            } catch let error as PostgresError where error.sqlstate != nil {
                failed.insert(turn.line.name)
                tell(.trouble("the schedule, its line \(turn.line.name): \(error.explanation)"))
            }
        }
        var view = try await fire([])
        view.failed = failed
        return view
    }

    // MARK: What is due

    private func turns(_ view: View) -> [ScheduleTurn] {
        let now = view.moment
        var turns: [ScheduleTurn] = []
        var slots = 0
        for line in lines {
            guard let seen = view.states[line.name], let turn = turn(of: line, seen, now) else { continue }
            turns.append(turn)
            slots += turn.verdicts.count
            if turns.count == Scheduler.batchLinesMax || slots >= Scheduler.batchSlotsMax { break }
        }
        return turns
    }

    private func turn(of line: ScheduleLine, _ seen: ScheduleState, _ now: Moment) -> ScheduleTurn? {
        let next = line.next(after: seen.decidedTo)
        if let next, next <= now {
            return ScheduleTurn(
                line: line, seen: seen,
                verdicts: Timetable(line).verdicts(after: seen.decidedTo, through: now), through: now,
                next: line.next(after: now))
        }
        // What it foresees may be another process's older text, or nothing yet.
        let isForeseen = next == nil || seen.nextSlot.map { $0 > now } ?? false
        guard seen.hasQueued || !isForeseen else { return nil }
        return ScheduleTurn(
            line: line, seen: seen, verdicts: [], through: min(seen.decidedTo, now), next: next)
    }

    /// Until the next slot, or until it is time to look again.
    private func rest(_ view: View) -> Duration {
        let now = view.now
        var rest = Scheduler.restMax
        for line in lines {
            guard let seen = view.states[line.name], let next = line.next(after: seen.decidedTo) else {
                continue
            }
            let left = next.seconds * 1_000_000 - now
            guard left > 0 || !view.failed.contains(line.name) else { continue }
            // Still due: another process was at it, or there is more than fits into one turn.
            if left <= 0 { return .milliseconds(Int64.random(in: 10...40)) }
            rest = min(rest, .microseconds(left))
        }
        return rest
    }
}

extension Int64 {
    /// Of microseconds.
    fileprivate var flooredSeconds: Int64 {
        let (seconds, rest) = quotientAndRemainder(dividingBy: 1_000_000)
        return rest < 0 ? seconds - 1 : seconds
    }
}
