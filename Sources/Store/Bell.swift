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
        guard !queues.isEmpty, begin(queues) else { return }
        await ringAllDue()
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
            let due = state.withLock { state -> [String] in
                defer { state.due = [] }
                if state.due.isEmpty { state.isRinging = false }
                return Array(state.due)
            }
            guard !due.isEmpty else { return }
            // A ring that fails is given up: the poll finds the job.
            _ = try? await database.run(
                "SELECT pg_notify(\(Bell.channel), q) FROM unnest(\(due)) q", within: .seconds(5))
        }
    }
}
