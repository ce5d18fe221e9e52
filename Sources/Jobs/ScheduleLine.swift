/// One line of the schedule: what is enqueued when, and what becomes of slots that overlap or were missed.
///
/// A *slot* is an instant that the expression names. A slot is decided once in the whole cluster: it fires, or it is
/// skipped with a reason.
package struct ScheduleLine: Hashable, Sendable {
    /// Its identity: a changed expression keeps the ledger.
    package let name: String
    package var expression: CronExpression
    package var zone = TimeZoneRules.utc
    package var kind: String
    package var subject: String?
    package var args = JSON.emptyObject
    package var overlap = OverlapPolicy.skip
    package var missed = MissedPolicy.last
    /// Its jobs begin up to so much later than their slots.
    package var jitter = Duration.zero

    package init(name: String, expression: CronExpression, kind: String) {
        self.name = name
        self.expression = expression
        self.kind = kind
    }

    package static let linesMax = 1000
    package static let jitterMax = Duration.seconds(86_400)

    /// The first slot after a moment.
    package func next(after moment: Moment) -> Moment? { expression.next(after: moment, in: zone) }

    /// How long after its slot the job of a slot begins: below `jitter`, and the same in every process.
    package func delay(of slot: Moment) -> Duration {
        guard jitter > .zero else { return .zero }
        // FNV-1a, with a last stir: neighbouring slots must not get neighbouring delays.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(name)@\(slot.seconds)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ hash >> 33) &* 0xff51_afd7_ed55_8ccd
        hash ^= hash >> 33
        return .milliseconds(Int64(Double(hash >> 11) / Double(1 << 53) * jitter.inSeconds * 1000))
    }
}

/// What happens in a slot while a job of an earlier slot has not ended.
package enum OverlapPolicy: String, Sendable, CaseIterable {
    /// The slot is skipped.
    case skip
    /// The slot waits until that job has ended.
    case queue
    /// The jobs run beside each other.
    case allow
}

/// What happens with slots in which nobody was there to fire.
package enum MissedPolicy: Hashable, Sendable, CustomStringConvertible {
    /// They are skipped.
    case skip
    /// The last one fires, for all of them.
    case last
    /// The last so many fire.
    case all(upTo: Int)

    package static let allMax = 1000

    package var description: String {
        switch self {
        case .skip: "skip"
        case .last: "last"
        case .all(let count): "all up to \(count)"
        }
    }

    /// Reads `skip`, `last` and `all up to n`, where n is at most `allMax`.
    package init?(text: String) {
        let words = text.split(separator: " ")
        switch words.first {
        case "skip" where words.count == 1: self = .skip
        case "last" where words.count == 1: self = .last
        case "all" where words.count == 4 && words[1] == "up" && words[2] == "to":
            guard let count = Int(words[3]), (1...MissedPolicy.allMax).contains(count) else { return nil }
            self = .all(upTo: count)
        default: return nil
        }
    }
}
