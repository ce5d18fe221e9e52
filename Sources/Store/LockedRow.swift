package import Jobs
internal import Platform

/// Something that an order to the queue names, and whose row another session may hold in an open transaction.
package enum LockedRow: Hashable, Sendable {
    case subject(String, kind: String)
    case key(String)
    case job(JobID)
    case queue(String)
    case schedule(String)
    /// One of many.
    case some

    /// A sentence for the one who has to wait.
    package var sentence: String {
        let (what, deed) = words
        return "another open transaction \(deed) \(what): nothing was done; try again in a moment"
    }

    private var words: (what: String, deed: String) {
        switch self {
        case .subject(let subject, let kind): ("the subject “\(subject)” of \(kind)", "is asking for")
        case .key(let key): ("the idempotency key “\(key)”", "is using")
        case .job(let job): ("job \(job)", "holds")
        case .queue(let queue): ("the queue “\(queue)”", "holds")
        case .schedule(let schedule): ("the schedule entry “\(schedule)”", "holds")
        case .some: ("something that was named", "holds")
        }
    }
}

/// What was found locked lately: the next order for it does not try on connections that others need.
final class LockedRows: Sendable {
    private let rows = Lock<[LockedRow: Duration]>([:])

    private static let memory = Duration.seconds(1)
    private static let countMax = 1000

    func contains(_ asked: [LockedRow]) -> Bool {
        let now = BootClock.now
        return rows.withLock { rows in
            guard !rows.isEmpty else { return false }
            return asked.contains { row in rows[row].map { now - $0 < LockedRows.memory } ?? false }
        }
    }

    func note(_ row: LockedRow) {
        let now = BootClock.now
        rows.withLock { rows in
            if rows.count >= LockedRows.countMax {
                rows = rows.filter { now - $0.value < LockedRows.memory }
                // Sooner forgotten than without bound.
                if rows.count >= LockedRows.countMax { rows = [:] }
            }
            rows[row] = now
        }
    }

    func forget(_ asked: [LockedRow]) {
        rows.withLock { rows in
            guard !rows.isEmpty else { return }
            for row in asked { rows[row] = nil }
        }
    }
}
