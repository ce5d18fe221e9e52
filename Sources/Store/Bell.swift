internal import Platform
internal import Postgres

/// Tells workers that a queue has something. A hint only: without it every queue still looks once a second.
///
/// Rings after the enqueue has committed, in an autocommit statement of its own, because NOTIFY inside the enqueueing
/// transaction would end group commit. Rings that come while one is on its way are answered by one more.
package final class Bell: Sendable {
    package static let channel = "motorpool_bell"
    package static let cancelChannel = "motorpool_cancel"

    private struct State {
        var due: Set<String> = []
        var isRinging = false
        var hearers: [@Sendable (_ queue: String) -> Void] = []
        var leavers: [CheckedContinuation<Void, Never>] = []
    }

    private let database: any SQLRunner
    private let state = Lock(State())

    init(_ database: any SQLRunner) { self.database = database }

    /// Calls `hearer` for each ring of this process, at once and on the ringer's thread: it must only set a flag.
    package func hear(_ hearer: @escaping @Sendable (_ queue: String) -> Void) {
        state.withLock { $0.hearers.append(hearer) }
    }

    /// Rings soon, for callers that stay alive. Never fails: a lost ring costs at most a poll interval.
    package func ringSoon(_ queues: Set<String>) {
        guard !queues.isEmpty, begin(queues) else { return }
        // Outlives the caller on purpose: an enqueue is answered when it is committed, not when it was heard.
        Task { await ringAllDue() }
    }

    /// Rings and returns when the server has taken it, for callers that end right after.
    package func ring(_ queues: Set<String>) async {
        guard !queues.isEmpty else { return }
        if begin(queues) { await ringAllDue() } else { await settled() }
    }

    /// Returns when no ring is due or on its way, for callers that end right after. Takes at most 5 seconds a ring.
    package func settled() async {
        await withCheckedContinuation { continuation in
            let isSilent = state.withLock { state in
                if state.isRinging { state.leavers.append(continuation) }
                return !state.isRinging
            }
            if isSilent { continuation.resume() }
        }
    }

    /// Whether the caller has to do the ringing.
    private func begin(_ queues: Set<String>) -> Bool {
        let (hearers, isFirst) = state.withLock { state in
            state.due.formUnion(queues)
            defer { state.isRinging = true }
            return (state.hearers, !state.isRinging)
        }
        for hearer in hearers { for queue in queues { hearer(queue) } }
        return isFirst
    }

    private func ringAllDue() async {
        while true {
            let (due, leavers) = state.withLock { state in
                defer { state.due = [] }
                guard state.due.isEmpty else {
                    return (Array(state.due), [CheckedContinuation<Void, Never>]())
                }
                state.isRinging = false
                defer { state.leavers = [] }
                return ([], state.leavers)
            }
            for leaver in leavers { leaver.resume() }
            guard !due.isEmpty else { return }
            // A ring that fails is given up: the poll finds the job.
            _ = try? await database.run(
                "SELECT pg_notify(\(Bell.channel), q) FROM unnest(\(due)) q", within: .seconds(5))
        }
    }
}
