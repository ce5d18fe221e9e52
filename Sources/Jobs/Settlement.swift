/// What becomes of a job after a run. `Patience.settlement(of:…)` decides it; the store carries it out behind the fence.
package enum Settlement: Hashable, Sendable {
    /// Leaves as done.
    case finish(result: JSON?)
    /// Failed; stands in line again after the delay, one failure richer.
    case retry(after: Duration, error: String)
    /// Stands in line again after the delay; nothing is counted.
    case snooze(for: Duration)
    /// Leaves as dead, with all its errors, until an operator or its retention decides.
    case die(reason: DeathReason, error: String)
    /// Leaves as cancelled.
    case cancel(reason: String)
    /// Held until its children have left, then runs `step`.
    case wait(step: Int16)
}

/// Why a job is dead.
package enum DeathReason: String, Sendable, CaseIterable {
    /// The last allowed attempt failed.
    case attempts
    /// The next attempt would start after the total time budget.
    case budget
    /// The kind said that trying again is pointless.
    case forGood = "for_good"
    /// It was running alone when its worker died, more often than a job may be.
    case poison
}
