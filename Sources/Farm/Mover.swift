internal import Jobs
internal import Store

/// Moves what is due into line, and lets held jobs go when their limits have room. Every process has one; they take
/// turns by `SKIP LOCKED`. Each step stands for itself.
struct Mover: Sendable {
    private let store: Store
    /// Whether any kind has a limit now.
    private let hasLimits: @Sendable () -> Bool
    private let reporter: FaultReporter

    static let restMax = Duration.milliseconds(250)
    /// After a failure.
    static let pause = Duration.seconds(1)
    static let batch = 1000

    init(
        store: Store, hasLimits: @escaping @Sendable () -> Bool, tell: @escaping @Sendable (FarmEvent) -> Void
    ) {
        self.store = store
        self.hasLimits = hasLimits
        reporter = FaultReporter(tell: tell)
    }

    func run() async {
        while !Task.isCancelled {
            do {
                let rest = try await runOnce()
                try await Task.sleep(for: rest * Double.random(in: 0.8...1))
            } catch {
                // Every step's own failure is told; what comes here is the end of this task.
                return
            }
        }
    }

    /// - Returns: how long until there may be something to do again.
    /// - Throws: `CancellationError`
    func runOnce() async throws -> Duration {
        let due = try await reporter.step("moving due jobs") { try await store.moveDue(batch: Mover.batch) }
        var queues = due?.queues ?? []
        var isAdmitting = true
        if hasLimits() {
            let admitted = try await reporter.step("admitting held jobs") { try await store.admit() }
            queues.formUnion(admitted?.queues ?? [])
            isAdmitting = admitted?.failures.isEmpty ?? false
            tell(of: admitted?.failures ?? [])
        }
        store.bell.ringSoon(queues)
        guard let due, isAdmitting else { return Mover.pause }
        if due.moved == Mover.batch { return .zero }
        let next = try await reporter.step("looking for the next due job") { try await store.nextDue() }
        return min(Mover.restMax, max(.milliseconds(5), (next ?? nil) ?? Mover.restMax))
    }

    private func tell(of failures: [(kind: String, error: any Error)]) {
        let prefix = "admitting jobs of the kind "
        for (kind, error) in failures { reporter.failed(prefix + kind, error) }
        let failing = Set(failures.map { prefix + $0.kind })
        for step in reporter.failing where step.hasPrefix(prefix) && !failing.contains(step) {
            reporter.succeeded(step)
        }
    }
}
