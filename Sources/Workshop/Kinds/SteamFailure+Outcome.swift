internal import Jobs

/// What a kind makes of Steam's refusals.
extension SteamFailure {
    /// A run's end: another try when that may go better, a snooze until a short rest is over.
    ///
    /// - Parameter patience: rests as long as this, or longer, are not waited for.
    func outcome(waitingFor patience: Duration = .zero) -> Outcome {
        if case .resting(_, let rest) = self, rest.left < patience { return .snooze(rest.left) }
        return isTransient ? .fail(error: "\(self)") : .failForGood(error: "\(self)")
    }
}
