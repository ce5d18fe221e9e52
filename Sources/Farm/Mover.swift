internal import Jobs
internal import Store

/// Moves what is due into line, and lets held jobs go when their limits have room. Every process has one; they take
/// turns by `SKIP LOCKED`.
struct Mover: Sendable {
    let store: Store
    /// Whether any kind has a limit now.
    let hasLimits: @Sendable () -> Bool
    let tell: @Sendable (FarmEvent) -> Void

    static let restMax = Duration.milliseconds(250)
    static let batch = 1000

    func run() async {
        while !Task.isCancelled {
            var rest = Mover.restMax
            do {
                rest = try await runOnce()
            } catch is CancellationError {
                return
            } catch {
                tell(.trouble("moving due jobs: \(String(reflecting: error))"))
                rest = .seconds(1)
            }
            try? await Task.sleep(for: rest * Double.random(in: 0.8...1))
        }
    }

    /// - Returns: how long until there may be something to do again.
    func runOnce() async throws -> Duration {
        var (moved, queues) = try await store.moveDue(batch: Mover.batch)
        let isFull = moved == Mover.batch
        if hasLimits() { queues.formUnion(try await store.admit()) }
        store.bell.ringSoon(queues)
        if isFull { return .zero }
        return min(Mover.restMax, max(.milliseconds(5), try await store.nextDue() ?? Mover.restMax))
    }
}
