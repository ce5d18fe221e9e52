import Platform
import Postgres
import Store

/// Notes what a killed worker held, and how long each of these jobs waited for its next run.
final class RecoveryWatch: Sendable {
    struct Held: Hashable, Sendable {
        let job: Int64
        let run: Int32
    }

    private struct State {
        /// Not yet seen claimed again, with the moment of the death.
        var waiting: [Held: ContinuousClock.Instant] = [:]
        var held: Set<Held> = []
        var times: [Duration] = []
    }

    private let store: Store
    private let state = Lock(State())

    static let interval = Duration.milliseconds(50)

    init(_ store: Store) { self.store = store }

    /// Everything that was held by a killed worker, with the run it had then.
    var held: Set<Held> { state.withLock { $0.held } }
    /// From each death to the next run, or the end, of what was held.
    var times: [Duration] { state.withLock { $0.times.sorted() } }

    /// Call right after the worker's end: its row stays for the rest of its lease.
    func noteDeath(of name: String) async {
        let at = ContinuousClock.now
        let rows = try? await insisting(for: .seconds(2)) {
            try await self.store.database.run(
                """
                SELECT j.id, j.run FROM motorpool.jobs j JOIN motorpool.workers w ON w.id = j.worker
                WHERE w.name = \(name) AND j.state = 1
                """)
        }
        let held = (rows ?? nil)?.compactMap { row in
            try? Held(job: row.get(0), run: row.get(1))
        }
        state.withLock { state in
            for one in held ?? [] {
                state.held.insert(one)
                state.waiting[one] = at
            }
        }
    }

    /// Looks until cancelled.
    func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: RecoveryWatch.interval)
            await look()
        }
    }

    private func look() async {
        let waiting = Array(state.withLock { $0.waiting.keys })
        guard !waiting.isEmpty else { return }
        let rows = try? await store.database.run(
            """
            SELECT s.job, s.run FROM unnest(\(waiting.map(\.job)), \(waiting.map(\.run))) AS s(job, run)
            JOIN motorpool.jobs j ON j.id = s.job AND j.run = s.run
            """)
        guard let rows, let still = try? rows.map({ try Held(job: $0.get(0), run: $0.get(1)) }) else {
            return
        }
        let left = Set(still)
        let now = ContinuousClock.now
        state.withLock { state in
            for one in waiting where !left.contains(one) {
                if let death = state.waiting.removeValue(forKey: one) { state.times.append(now - death) }
            }
        }
    }
}
