/// What a producer asks for. Everything left out comes from the kind's definition.
package struct NewJob: Hashable, Sendable {
    package var kind: String
    package var args: JSON
    /// Who or what it is about. At most one live job a kind and subject; the kind's `unique` policy says what asking again does.
    package var subject: String?
    /// The producer's name for this request: the same key twice is one job, for at least 24 hours.
    package var key: String?
    /// Keys of different scopes never meet.
    package var keyScope: String
    /// Not before this long from now, by the database's clock.
    package var delay: Duration?
    /// Not before this instant; one that has passed means at once. Not together with `delay`.
    package var runAt: Timestamp?
    package var priority: Priority?
    package var queue: String?
    /// The key under which the kind's `limit_per_key` and `rate_per_key` count; without one only the limits of the whole kind apply.
    package var limitKey: String?
    package var attemptsMax: Int?
    /// Keep the outcome in the history even if the kind does not.
    package var keep: Bool
    /// Passed along untouched, such as a W3C traceparent.
    package var meta: JSON?

    package init(
        _ kind: String, args: JSON = .emptyObject, subject: String? = nil, key: String? = nil,
        keyScope: String = "", delay: Duration? = nil, runAt: Timestamp? = nil, priority: Priority? = nil,
        queue: String? = nil, limitKey: String? = nil, attemptsMax: Int? = nil, keep: Bool = false,
        meta: JSON? = nil
    ) {
        self.kind = kind
        self.args = args
        self.subject = subject
        self.key = key
        self.keyScope = keyScope
        self.delay = delay
        self.runAt = runAt
        self.priority = priority
        self.queue = queue
        self.limitKey = limitKey
        self.attemptsMax = attemptsMax
        self.keep = keep
        self.meta = meta
    }
}

/// What became of an enqueue.
package struct Enqueued: Hashable, Sendable {
    /// The words that a producer acts on.
    package enum Verdict: String, Sendable, CaseIterable {
        /// A new job stands in line.
        case created
        /// The same key came before, with the same body: that job answers.
        case duplicate
        /// The subject has a live job, and the kind says join it.
        case joined
        /// The subject's job is running; it runs once more after that.
        case again
        /// The subject has a live job, and the kind says refuse.
        case refused
        /// The subject's last job ended too lately; ask after `coolsFor`.
        case cooling
        /// The same key came before with another body.
        case mismatch
    }

    package let verdict: Verdict
    /// The job that answers for the request: new, joined or earlier.
    package let job: JobID
    /// With `.cooling`: how long until the subject may be asked for again.
    package let coolsFor: Duration?

    package init(verdict: Verdict, job: JobID, coolsFor: Duration? = nil) {
        self.verdict = verdict
        self.job = job
        self.coolsFor = coolsFor
    }
}
