package import Jobs
internal import Postgres

/// What operators do to jobs by hand.
package enum JobAction: String, Sendable, CaseIterable {
    case cancel
    case retry
    case discard
    case release

    /// Where the jobs stand that it can be done to.
    package var places: [JobSearch.Place] {
        switch self {
        case .cancel: [.live, .waiting, .ready, .running, .scheduled, .held, .children]
        case .retry: [.dead, .cancelled]
        case .discard: [.dead]
        case .release: [.waiting, .ready, .scheduled, .held, .children]
        }
    }
}

extension Store {
    /// One turn of a bulk action changes at most so many jobs.
    package static let turnMax = 10_000

    /// How many jobs one transaction of a bulk action changes.
    static let actBatch = 250

    /// Does it to each of these jobs that it can still be done to and that are of no money kind; each batch is one transaction with its entry in the
    /// ledger. Twice is once.
    /// - Returns: how many were changed. Fewer than asked for: the others had ended or gone on meanwhile, or their
    ///   subjects have other live jobs.
    package func act(
        _ action: JobAction, on jobs: [JobID], target: String, by actor: Operator, detail: JSON? = nil
    ) async throws -> Int {
        let ids = jobs.map(\.number).sorted()
        var changed = 0
        for start in stride(from: 0, to: ids.count, by: Store.actBatch) {
            let batch = try await withoutMoney(Array(ids[start..<min(start + Store.actBatch, ids.count)]))
            if batch.isEmpty { continue }
            let row: LockedRow = ids.count == 1 ? .job(JobID(ids[0])) : .some
            let (count, queues) = try await onRow(row) { database in
                try await database.transaction(within: .seconds(60)) { tx -> (Int, Set<String>) in
                    let rows = try await tx.run(Store.acting(action, on: batch, by: actor.name))
                    let (count, queues) = try Store.outcome(action, rows)
                    if count > 0 {
                        let noted = ids.count == 1 ? "job \(ids[0])" : target
                        try await tx.run(
                            Store.noting(action.rawValue, noted, count: count, detail: detail, by: actor))
                    }
                    return (count, queues)
                }
            }
            changed += count
            if !queues.isEmpty { await bell.ring(queues) }
        }
        return changed
    }

    /// These without jobs of money kinds. A job never changes its kind.
    private func withoutMoney(_ ids: [Int64]) async throws -> [Int64] {
        let hasMoney = try await database.run(
            "SELECT EXISTS (SELECT 1 FROM motorpool.kinds WHERE seen_by = 'money')")
        guard try hasMoney.first?.get(0) == true else { return ids }
        let money = Set(
            try await jobs(ids.map { JobID($0) }).values.filter { $0.seenBy == .money }.map(\.id.number))
        return ids.filter { !money.contains($0) }
    }

    private static func acting(_ action: JobAction, on ids: [Int64], by name: String) -> SQL {
        switch action {
        case .cancel:
            """
            SELECT CASE WHEN c.may_have_started IS NULL THEN 'ended' ELSE c.verdict END, NULL::text FROM unnest(\(ids)) i
            CROSS JOIN LATERAL motorpool.cancel(i, \(Bounds.storable(error: "cancelled by \(name)"))) c
            """
        case .retry: "SELECT verdict, ring FROM motorpool.retry_each(\(ids))"
        case .discard: "SELECT 'discarded', NULL::text FROM motorpool.discard(\(ids), \(name))"
        case .release:
            "SELECT r.verdict, r.ring FROM unnest(\(ids)) i CROSS JOIN LATERAL motorpool.release(i) r"
        }
    }

    private static func outcome(_ action: JobAction, _ rows: Rows) throws -> (Int, Set<String>) {
        let wanted =
            switch action {
            case .cancel: "cancelled"
            case .retry: "retried"
            case .discard: "discarded"
            case .release: "released"
            }
        var count = 0
        var queues = Set<String>()
        for row in rows where try row.get(0, as: String.self) == wanted {
            count += 1
            if let queue = try row.get(1, as: String?.self) { queues.insert(queue) }
        }
        return (count, queues)
    }

    /// The jobs of a search, for an action: at most `turnMax`, of at most two million looked at.
    /// - Parameter range: only jobs with these numbers, so that others are not swept along.
    /// - Returns: `isMore`: there are others, for another turn.
    package func jobs(for search: JobSearch, in range: ClosedRange<JobID>? = nil, limit: Int = turnMax)
        async throws -> (
            jobs: [JobID], isMore: Bool
        )
    {
        var search = search
        var found: [JobID] = []
        for _ in 0..<100 {
            let (ids, next, _) = try await find(search, limit: min(Store.turnMax, limit - found.count))
            found += ids.map { JobID($0) }.filter { range?.contains($0) ?? true }
            guard let next else { return (found, false) }
            if found.count >= limit { return (Array(found.prefix(limit)), true) }
            search.after = next
        }
        return (found, true)
    }
}
