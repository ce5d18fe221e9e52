import Platform

/// How far behind time this machine runs: a machine that is busy with something else starts everybody late.
final class Metronome: Sendable {
    private static let beat = Duration.milliseconds(20)
    private let latest = Lock(Duration.zero)

    /// The longest delay so far of something that should have happened.
    var lateness: Duration { latest.withLock { $0 } }

    /// Beats until cancelled.
    func run() async {
        while !Task.isCancelled {
            let began = ContinuousClock.now
            try? await Task.sleep(for: Metronome.beat)
            let late = ContinuousClock.now - began - Metronome.beat
            latest.withLock { $0 = max($0, late) }
        }
    }

    /// Beats for as long as `body` takes.
    func during<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        let beating = Task { await run() }
        defer { beating.cancel() }
        return try await body()
    }
}
