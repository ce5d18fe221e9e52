internal import Jobs
internal import Store

/// Lifts starved jobs every few seconds, takes a sample of the queues every minute, and every few minutes removes what is
/// older than its time and repairs what was removed by hand. Each step stands for itself.
struct Upkeep: Sendable {
    private let store: Store
    private let farm: FarmSettings
    private let reporter: FaultReporter

    static let liftInterval = Duration.seconds(1)
    static let liftBatch = 100
    static let retainInterval = Duration.seconds(300)
    /// The database takes one sample a minute, whichever process asks; asking more often keeps it near the minute's beginning.
    static let sampleInterval = Duration.seconds(5)

    init(store: Store, farm: FarmSettings, tell: @escaping @Sendable (FarmEvent) -> Void) {
        self.store = store
        self.farm = farm
        reporter = FaultReporter(tell: tell)
    }

    func run() async {
        var retainedAt = ContinuousClock.now - Upkeep.retainInterval
        var sampledAt = ContinuousClock.now - Upkeep.sampleInterval
        var walk = SubjectWalk()
        while !Task.isCancelled {
            do {
                try await lift()
                if ContinuousClock.now - sampledAt >= Upkeep.sampleInterval {
                    sampledAt = .now
                    try await reporter.step("taking a sample of the queues") {
                        _ = try await store.takeSample()
                    }
                }
                if ContinuousClock.now - retainedAt >= Upkeep.retainInterval {
                    retainedAt = .now
                    try await retain(&walk)
                }
                try await Task.sleep(for: Upkeep.liftInterval * Double.random(in: 0.8...1.2))
            } catch {
                // Every step's own failure is told; what comes here is the end of this task.
                return
            }
        }
    }

    private func lift() async throws {
        for queue in farm.lanes.keys.sorted() {
            let lifted = try await reporter.step("lifting jobs of the queue \(queue)") {
                try await store.lift(queue: queue, after: farm.liftAfter, batch: Upkeep.liftBatch)
            }
            if let lifted, lifted > 0 { store.bell.ringSoon([queue]) }
        }
    }

    private func retain(_ walk: inout SubjectWalk) async throws {
        var next = walk
        let retained = try await reporter.step("retention") {
            try await store.retain(
                historyDays: farm.historyDays, keyHours: farm.keyHours, deadDays: farm.deadDays, walk: &next)
        }
        walk = next
        guard let retained else { return }
        let failures = Dictionary(retained.failures.map { ($0.step, $0.error) }) { first, _ in first }
        for step in RetentionStep.allCases {
            let name = "retention of \(step.rawValue)"
            if let error = failures[step] { reporter.failed(name, error) } else { reporter.succeeded(name) }
        }
        if retained.parentsRepaired > 0 { store.bell.ringSoon(Set(farm.lanes.keys)) }
    }
}
