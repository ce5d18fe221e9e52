package import Jobs
internal import Platform
package import Store

/// Waits for jobs on behalf of everybody who waits: one statement for all of them, a few times a second, and none when
/// nobody waits.
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

    private struct Waiter {
        let job: JobID
        /// What the caller knows; `nil`: only the end matters.
        let known: JobPulse?
        let deadline: ContinuousClock.Instant
        let continuation: CheckedContinuation<Sight, Never>
    }

    private struct State {
        var waiters: [Int: Waiter] = [:]
        var next = 0
        var isLooking = false
        var isClosed = false
    }

    private let interval: Duration
    private let look: @Sendable ([JobID]) async throws -> [JobID: JobPulse]
    private let state = Lock(State())
    /// So many wait at once; more are refused.
    package let waitersMax: Int

    package init(
        every interval: Duration, waitersMax: Int,
        look: @escaping @Sendable ([JobID]) async throws -> [JobID: JobPulse]
    ) {
        self.interval = interval
        self.waitersMax = waitersMax
        self.look = look
    }

    package var waiting: Int { state.withLock { $0.waiters.count } }

    /// Returns when the job has left the hot table, or the time is up, or the watcher closed; with `known`, also when it
    /// no longer looks like that. A database that doesn't answer is waited for like a job.
    /// - Throws: `Problem` 503 when too many wait; `CancellationError`.
    package func watch(_ job: JobID, known: JobPulse? = nil, for limit: Duration) async throws -> Sight {
        let deadline = ContinuousClock.now + limit
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        guard limit > .zero else { return .late }
        let isFull = state.withLock { $0.waiters.count >= waitersMax }
        if isFull {
            throw Problem.unavailable("too_many_waiting", "too many requests wait for jobs", retryAfter: 2)
        }
        let sight = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waiter = Waiter(job: job, known: known, deadline: deadline, continuation: continuation)
                enter(waiter, number)
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.continuation.resume(returning: .late)
        }
        try Task.checkCancellation()
        return sight
    }

    /// Lets everybody go who waits: their time is up.
    package func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.continuation.resume(returning: .late) }
    }

    private func enter(_ waiter: Waiter, _ number: Int) {
        let isCancelled = Task.isCancelled
        let (isIn, isFirst) = state.withLock { state in
            guard !state.isClosed, !isCancelled else { return (false, false) }
            state.waiters[number] = waiter
            defer { state.isLooking = true }
            return (true, !state.isLooking)
        }
        guard isIn else { return waiter.continuation.resume(returning: .late) }
        // Outlives the one who came first: it looks for everybody, and ends when nobody waits.
        if isFirst { Task { await self.lookOn() } }
    }

    private func lookOn() async {
        while true {
            try? await Task.sleep(for: interval)
            let jobs = state.withLock { state -> Set<JobID>? in
                guard !state.waiters.isEmpty else {
                    state.isLooking = false
                    return nil
                }
                return Set(state.waiters.values.map(\.job))
            }
            guard let jobs else { return }
            let pulses = try? await look(Array(jobs))
            tell(pulses, of: jobs)
        }
    }

    private func tell(_ pulses: [JobID: JobPulse]?, of jobs: Set<JobID>) {
        let now = ContinuousClock.now
        let told = state.withLock { state -> [(CheckedContinuation<Sight, Never>, Sight)] in
            var told: [(CheckedContinuation<Sight, Never>, Sight)] = []
            for (number, waiter) in state.waiters {
                guard let sight = sight(of: waiter, pulses, jobs, now) else { continue }
                state.waiters[number] = nil
                told.append((waiter.continuation, sight))
            }
            return told
        }
        for (continuation, sight) in told { continuation.resume(returning: sight) }
    }

    private func sight(
        of waiter: Waiter, _ pulses: [JobID: JobPulse]?, _ jobs: Set<JobID>, _ now: ContinuousClock.Instant
    ) -> Sight? {
        // Whoever came while the answer was under way was not asked about.
        if let pulses, jobs.contains(waiter.job) {
            guard let pulse = pulses[waiter.job] else { return .left }
            if let known = waiter.known, known != pulse { return .changed(pulse) }
        }
        return now >= waiter.deadline ? .late : nil
    }
}
