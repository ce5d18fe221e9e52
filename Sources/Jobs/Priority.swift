/// How urgent a job is. Lower is sooner; a lower priority is lifted, so it never starves.
package enum Priority: Int16, Sendable, CaseIterable, Comparable, CustomStringConvertible {
    case urgent = 0
    case high = 1
    case normal = 2
    case low = 3

    package var description: String {
        switch self {
        case .urgent: "urgent"
        case .high: "high"
        case .normal: "normal"
        case .low: "low"
        }
    }

    /// Reads a name (`urgent` … `low`) or a digit (`0` … `3`).
    package init?(text: String) {
        let match = Priority.allCases.first { $0.description == text || String($0.rawValue) == text }
        guard let match else { return nil }
        self = match
    }

    package static func < (a: Priority, b: Priority) -> Bool { a.rawValue < b.rawValue }
}

/// The order of the claim: each priority has a level for returning jobs just above the level of its fresh ones, so
/// that a retry does not queue up behind a million.
package struct Level: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int16

    package init(rawValue: Int16) { self.rawValue = rawValue }

    /// Jobs that were running when two workers died: they run one at a time, on a lane of their own in each queue.
    package static let suspect = Level(rawValue: -1)

    /// Suspects whose worker died while it ran several: each runs as the only suspect of its process.
    package static let loneSuspect = Level(rawValue: -2)

    /// Whether jobs of this level run apart from the others.
    package var isSuspect: Bool { rawValue < 0 }

    /// Jobs that have been ready before and come back: retries, snoozes, jobs whose children are done.
    package static func returning(_ priority: Priority) -> Level { Level(rawValue: priority.rawValue * 2) }

    /// Jobs that are ready for the first time.
    package static func fresh(_ priority: Priority) -> Level { Level(rawValue: priority.rawValue * 2 + 1) }

    /// Every level that ordinary lanes claim from, first to last.
    package static let ordinary = (Int16(0)...7).map(Level.init(rawValue:))

    package static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
}
