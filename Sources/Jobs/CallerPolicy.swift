/// Who may ask for jobs of a kind over HTTP. Code, the schedule, and programs with rights on the database always may.
package enum AskedBy: String, Sendable, CaseIterable {
    /// No caller.
    case nobody
    /// Producers and operators.
    case producer
    /// Operators.
    case `operator`
    /// The role money, and no other.
    case money
}

/// What a caller may choose for a job, where its kind lets it. What is not chosen is the kind's own.
package enum CallerChoice: String, Sendable, CaseIterable {
    case queue
    case priority
    case limitKey = "limit_key"
    /// `run_at` and `delay`.
    case runAt = "run_at"
}

/// Who sees the args, the result and the errors of a kind's jobs.
package enum SeenBy: String, Sendable, CaseIterable {
    /// The caller that asked for the job, and operators.
    case asker
    /// Readers and producers as well.
    case reader
    /// The role money alone.
    case money
}

/// What callers over HTTP may do with a kind. The default lets them do nothing.
package struct CallerPolicy: Hashable, Sendable {
    package let askedBy: AskedBy
    package let mayChoose: Set<CallerChoice>
    package let seenBy: SeenBy

    /// What only money asks for, only money sees, whatever `seenBy` says.
    package init(
        askedBy: AskedBy = .nobody, mayChoose: Set<CallerChoice> = [], seenBy: SeenBy = .asker
    ) {
        self.askedBy = askedBy
        self.mayChoose = mayChoose
        self.seenBy = askedBy == .money ? .money : seenBy
    }
}
