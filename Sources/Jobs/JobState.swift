/// Where a job of the hot table stands. The raw values are stored; SQL writes them as literals.
package enum JobState: Int16, Sendable, CaseIterable {
    /// May be claimed now.
    case ready = 0
    /// Claimed by a worker.
    case running = 1
    /// Waits for `run_at`.
    case scheduled = 2
    /// Waits for a place, its rate, or its children; `Hold` says which.
    case held = 3
}

/// Why a held job is held. The raw values are stored.
package enum Hold: Int16, Sendable, CaseIterable {
    /// Waits for admission under a concurrency limit or a rate of its kind or key.
    case admission = 1
    /// Waits until the last of its children has left.
    case children = 3
}

/// How a job left the hot table. The raw values are stored in history and ledgers.
package enum Ending: String, Sendable, CaseIterable {
    case done
    case dead
    case cancelled
}

/// The words that clients, operators and the command line read.
package enum ToldState: String, Sendable, CaseIterable {
    case waiting
    case running
    case done
    case dead
    case cancelled

    /// The one table between what is stored and what is told.
    package init(_ state: JobState) {
        switch state {
        case .ready, .scheduled, .held: self = .waiting
        case .running: self = .running
        }
    }

    /// What a job that has left is called.
    package init(_ ending: Ending) {
        switch ending {
        case .done: self = .done
        case .dead: self = .dead
        case .cancelled: self = .cancelled
        }
    }
}
