/// How patiently a kind is tried: attempts, a total budget of time, and the pauses between.
package struct Patience: Hashable, Sendable {
    /// How many failures a job may have before it is dead. At least 1.
    package var attemptsMax: Int
    /// From the enqueue (or the due time) on; a retry that would start later is not made. `nil`: no budget.
    package var budget: Duration?
    /// The pause after the first failure; it doubles with each further one.
    package var backoffFirst: Duration
    /// No pause is longer, jitter aside.
    package var backoffMax: Duration
    /// Part of the pause that is drawn at random, both ways: 0.2 means between 80 and 120 percent.
    package var jitter: Double

    package init(
        attemptsMax: Int = 5, budget: Duration? = nil, backoffFirst: Duration = .seconds(1),
        backoffMax: Duration = .seconds(300), jitter: Double = 0.2
    ) {
        self.attemptsMax = attemptsMax
        self.budget = budget
        self.backoffFirst = backoffFirst
        self.backoffMax = backoffMax
        self.jitter = jitter
    }

    /// The pause after failure number `failures` (1 is the first). `random` in 0…1 places it within the jitter.
    package func pause(afterFailure failures: Int, random: Double) -> Duration {
        let doublings = min(max(failures - 1, 0), 40)
        let plain = min(backoffFirst.inSeconds * Double(1 << doublings), backoffMax.inSeconds)
        return .seconds(plain * (1 + jitter * (random * 2 - 1)))
    }

    /// The one switch between what a kind said and what becomes of the job.
    ///
    /// - Parameters:
    ///   - failures: failures before this run.
    ///   - age: since the job was enqueued, by the database's clock.
    ///   - random: in 0…1, for the jitter.
    package func settlement(of outcome: Outcome, failures: Int, age: Duration, random: Double) -> Settlement?
    {
        switch outcome {
        case .committed:
            return nil
        case .done(let result, _):
            guard let refusal = result?.refusalAsResult else { return .finish(result: result) }
            return .die(reason: .forGood, error: Bounds.storable(error: refusal))
        case .snooze(let pause):
            return .snooze(for: max(pause, .zero))
        case .cancel(let reason):
            return .cancel(reason: Bounds.storable(error: reason))
        case .failForGood(let error):
            return .die(reason: .forGood, error: Bounds.storable(error: error))
        case .await(let children, let step):
            guard children.count <= Bounds.childrenMax else {
                return .die(
                    reason: .forGood,
                    error: "\(children.count) children at once, and at most \(Bounds.childrenMax) are allowed"
                )
            }
            return .wait(step: step)
        case .fail(let error):
            return settlement(
                ofFailure: Bounds.storable(error: error), failures: failures, age: age, random: random)
        }
    }

    private func settlement(ofFailure error: String, failures: Int, age: Duration, random: Double)
        -> Settlement
    {
        guard failures + 1 < attemptsMax else { return .die(reason: .attempts, error: error) }
        let pause = pause(afterFailure: failures + 1, random: random)
        if let budget, age + pause > budget { return .die(reason: .budget, error: error) }
        return .retry(after: pause, error: error)
    }
}

extension JSON {
    /// Why this can't be kept as the result of a run, as `refusal(as:bytesMax:)`.
    package var refusalAsResult: String? { refusal(as: "result", bytesMax: Bounds.resultBytesMax) }
}

extension Duration {
    /// This duration in seconds, fractions included.
    package var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
