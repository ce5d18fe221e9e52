internal import Platform

/// Counts in memory what the routes count, and writes it down once a second.
///
/// A process that is killed loses what it counted in its last second; one that ends writes it down first. While the
/// database is away, what was counted is kept and tried again.
package final class StatisticsBuffer: Sendable {
    private struct State {
        var tally = Tally()
        var isDue = false
        var isClosed = false
        /// Its end is the end of the flush before the next one.
        var flush: Task<Void, Never>?
    }

    private let write: @Sendable (Tally) async throws -> Void
    private let interval: Duration
    private let state = Lock(State())

    /// - Parameter write: writes a tally down, whole or not at all.
    package init(
        every interval: Duration = .seconds(1), write: @escaping @Sendable (Tally) async throws -> Void
    ) {
        self.write = write
        self.interval = interval
    }

    package func count(_ type: StatisticsType) { note { $0.counts[type, default: 0] += 1 } }

    /// The mod was asked for.
    func asked(_ mod: Int64) { note { $0.asked.insert(mod) } }

    /// Its file is being sent, `delay` after the request.
    func sent(_ mod: Int64, after delay: Duration) {
        note { tally in
            tally.counts[.filesSent, default: 0] += 1
            tally.sent[mod, default: 0] += 1
            let milliseconds =
                Int64(delay.components.seconds) * 1000 + delay.components.attoseconds / 1_000_000_000_000_000
            tally.delays = Array((tally.delays + [milliseconds]).suffix(Tally.delaysMax))
        }
    }

    /// What was counted for a mod and is not written down yet: how often it was sent, and whether it was asked for.
    func pending(_ mod: Int64) -> (sent: Int64, isAsked: Bool) {
        state.withLock {
            ($0.tally.sent[mod] ?? 0, $0.tally.asked.contains(mod) || $0.tally.sent[mod] != nil)
        }
    }

    /// Writes down what was counted before this was called. What the database refuses to take now is kept.
    package func flush() async {
        let task = state.withLock { state in
            let before = state.flush
            // Outlives a caller who is cancelled: half a flush would be a count lost or doubled.
            let task = Task {
                await before?.value
                await self.writeDown()
            }
            state.flush = task
            return task
        }
        await task.value
    }

    /// Writes everything down; what is counted from now on is written at once. Twice is once.
    package func close() async {
        state.withLock { $0.isClosed = true }
        await flush()
    }

    private func note(_ change: (inout Tally) -> Void) {
        let isFirst = state.withLock { state in
            change(&state.tally)
            defer { state.isDue = true }
            return !state.isDue
        }
        if isFirst { Task { await self.flushLater() } }
    }

    private func flushLater() async {
        if !state.withLock({ $0.isClosed }) { try? await Task.sleep(for: interval) }
        await flush()
    }

    private func writeDown() async {
        let tally = state.withLock { state in
            state.isDue = false
            defer { state.tally = Tally() }
            return state.tally
        }
        do { try await write(tally) } catch {
            let isFirst = state.withLock { state in
                state.tally.add(tally)
                defer { state.isDue = true }
                return !state.isDue && !state.isClosed
            }
            if isFirst { Task { await self.flushLater() } }
        }
    }
}
