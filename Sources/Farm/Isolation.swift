internal import Jobs
internal import Platform
internal import Store

/// Which suspects may run beside each other in this process, so that its death names one of them.
///
/// 1. At most one suspect of a queue is held at a time, until it is settled.
/// 2. A lone suspect is held while no other suspect is, of whatever queue.
/// 3. While a lone suspect waits in the database, no other suspect is claimed: its turn comes when those that run have ended.
///
/// One claimer asks, so that no two claims are under way at the same time.
final class Isolation: Sendable {
    /// What may be claimed next.
    struct Room: Sendable {
        /// The place of the queue in the claimer's list.
        let queue: Int
        let levels: [Level]
    }

    private struct Suspect {
        let token: RunToken
        let isLone: Bool
    }

    private let pool: Pool
    private let queues: [String]
    private let kinds: [String]
    private let store: Store
    private let held = Lock([Int: Suspect]())

    init(pool: Pool, queues: [String], kinds: [String], store: Store) {
        self.pool = pool
        self.queues = queues
        self.kinds = kinds
        self.store = store
    }

    /// The first queue from `first` on from which a suspect may be claimed; `nil` when there is none up to the last.
    /// - Throws: `PostgresError`
    func room(from first: Int) async throws -> Room? {
        let held = held.withLock { held in
            held = held.filter { pool.holds($0.value.token) }
            return held
        }
        guard !held.values.contains(where: \.isLone),
            let queue = (first..<queues.count).first(where: { held[$0] == nil })
        else { return nil }
        guard !held.isEmpty else { return Room(queue: queue, levels: [.loneSuspect, .suspect]) }
        return try await store.hasLoneSuspects(in: queues, kinds: kinds)
            ? nil : Room(queue: queue, levels: [.suspect])
    }

    /// These were claimed in this room: none, or one.
    func took(_ jobs: [ClaimedJob], in room: Room) {
        guard let job = jobs.first else { return }
        held.withLock { $0[room.queue] = Suspect(token: job.token, isLone: job.level == .loneSuspect) }
    }
}
