internal import Jobs
internal import Store

/// Lifts starved jobs every few seconds, takes a sample of the queues every minute, and removes what is older than its
/// time every few minutes.
struct Upkeep: Sendable {
    let store: Store
    let farm: FarmSettings
    let tell: @Sendable (FarmEvent) -> Void

    static let liftInterval = Duration.seconds(1)
    static let liftBatch = 100
    static let retainInterval = Duration.seconds(300)
    /// The database takes one sample a minute, whoever asks; asking more often keeps it near the minute's beginning.
    static let sampleInterval = Duration.seconds(5)

    func run() async {
        var retainedAt = ContinuousClock.now - Upkeep.retainInterval
        var sampledAt = ContinuousClock.now - Upkeep.sampleInterval
        while !Task.isCancelled {
            do {
                for queue in farm.lanes.keys {
                    let lifted = try await store.lift(
                        queue: queue, after: farm.liftAfter, batch: Upkeep.liftBatch)
                    if lifted > 0 { store.bell.ringSoon([queue]) }
                }
                if ContinuousClock.now - sampledAt >= Upkeep.sampleInterval {
                    sampledAt = .now
                    _ = try await store.takeSample()
                }
                if ContinuousClock.now - retainedAt >= Upkeep.retainInterval {
                    retainedAt = .now
                    _ = try await store.retain(
                        historyDays: farm.historyDays, keyHours: farm.keyHours, deadDays: farm.deadDays)
                    _ = try await store.trimAudit()
                }
            } catch is CancellationError {
                return
            } catch {
                tell(.trouble("upkeep: \(String(reflecting: error))"))
            }
            try? await Task.sleep(for: Upkeep.liftInterval * Double.random(in: 0.8...1.2))
        }
    }
}
