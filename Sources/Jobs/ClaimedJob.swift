/// A job as its worker holds it, from the claim to the settlement.
package struct ClaimedJob: Sendable {
    package let token: RunToken
    package let kind: String
    package let queue: String
    package let args: JSON
    package let level: Level
    /// Where it stood in line; the claimer's watermark.
    package let seq: Int64
    /// Failed attempts before this run.
    package let failures: Int
    /// 0, or what `Outcome.await` asked for.
    package let step: Int16
    /// How many of the children it waited for did not end well.
    package let childrenFailed: Int32
    package let subject: String?
    /// Since the enqueue, or the due time, at the moment of the claim; by the database's clock.
    package let age: Duration
    /// How long it stood ready before this claim; by the database's clock.
    package let waited: Duration
    package let attemptsMax: Int?
    package let meta: JSON?
    /// Whether its departure touches no ledger but the hot table and perhaps the history: settled in bulk.
    package let isPlain: Bool
    /// Whether the outcome goes into the history.
    package let isKept: Bool
    /// Whether a worker died while running it: the run is noted before it begins.
    package let isRecovered: Bool

    package init(
        token: RunToken, kind: String, queue: String, args: JSON, level: Level, seq: Int64, failures: Int,
        step: Int16,
        childrenFailed: Int32, subject: String?, age: Duration, waited: Duration, attemptsMax: Int?,
        meta: JSON?,
        isPlain: Bool, isKept: Bool, isRecovered: Bool = false
    ) {
        self.token = token
        self.kind = kind
        self.queue = queue
        self.args = args
        self.level = level
        self.seq = seq
        self.failures = failures
        self.step = step
        self.childrenFailed = childrenFailed
        self.subject = subject
        self.age = age
        self.waited = waited
        self.attemptsMax = attemptsMax
        self.meta = meta
        self.isPlain = isPlain
        self.isKept = isKept
        self.isRecovered = isRecovered
    }

    package var id: JobID { token.job }
}
