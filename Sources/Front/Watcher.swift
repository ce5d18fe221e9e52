package import Jobs
internal import Platform
package import Store

/// Waits for jobs: one statement for all waiting requests, a few times a second, and none when no request waits.
package final class Watcher: Sendable {
    /// What was seen.
    package enum Sight: Sendable {
        /// It stands in the hot table no more.
        case left
        /// It moved on.
        case changed(JobPulse)
        /// Nothing happened in time.
        case late
    }

    private let interval: Duration
    private let waiters: Gauge
    private let pulses: BatchLoader<JobID, JobPulse>

    /// - Parameters:
    ///   - interval: between two looks.
    ///   - waitersMax: requests that wait at once; more are refused.
    ///   - look: one statement, within a bounded time. A job that has left the hot table is missing from its answer.
    package init(
        every interval: Duration, waitersMax: Int,
        look: @escaping @Sendable ([JobID]) async throws -> [JobID: JobPulse]
    ) {
        self.interval = interval
        waiters = Gauge(max: waitersMax)
        pulses = BatchLoader(batchMax: waitersMax, waitersMax: waitersMax, look)
    }

    package var waiting: Int { waiters.now }
    package var waitersMax: Int { waiters.max }

    /// Returns when the job has left the hot table, or the time is up, or the watcher closed; with `known`, also when it
    /// no longer looks like that. A database that doesn't answer is waited for like a job.
    /// - Throws: `Problem` 503 when too many wait; `CancellationError`.
    package func watch(_ job: JobID, known: JobPulse? = nil, for limit: Duration) async throws -> Sight {
        guard limit > .zero else { return .late }
        let deadline = ContinuousClock.now + limit
        guard waiters.enter() else {
            throw Problem.unavailable("too_many_waiting", "too many requests wait for jobs", retryAfter: 2)
        }
        defer { waiters.leave() }
        repeat {
            let pulse: JobPulse?
            do {
                // The pause before a look is the admission that all who wait for it share.
                pulse = try await pulses.value(of: job) { [interval] in try await Task.sleep(for: interval) }
            } catch is CancellationError {
                throw CancellationError()
            } catch WaitError.closed {
                return .late
            } catch {
                continue
            }
            guard let pulse else { return .left }
            if let known, known != pulse { return .changed(pulse) }
        } while ContinuousClock.now < deadline
        return .late
    }

    /// Ends all waits: their time is up. A second time does nothing.
    package func close() { pulses.close() }
}
