/// What a kind's `run` says of the run that just ended. The author of a kind speaks these words, and the queue obeys.
package enum Outcome: Sendable {
    /// The work is done. `result` is at most `Bounds.resultBytesMax` long; `followUps` are enqueued in the same transaction.
    case done(result: JSON? = nil, followUps: [NewJob] = [])
    /// Not now: run again after the pause. Costs no attempt.
    case snooze(Duration)
    /// Give the job up without calling it a failure.
    case cancel(reason: String)
    /// This attempt failed; patience decides whether and when there is another.
    case fail(error: String)
    /// Failed, and another attempt would be pointless.
    case failForGood(error: String)
    /// Enqueue the children in the same transaction, and run again with `step` when the last of them has left.
    case await(children: [NewJob], step: Int16)
    /// `commit` has already settled this run together with the handler's own rows.
    case committed
}

/// Sizes that the queue accepts; beyond them a clear error, never a silent cut, except that an error text is cut.
///
/// The sizes of args, meta and results are those of the text that PostgreSQL writes out (`JSONMeasure`).
package enum Bounds {
    package static let resultBytesMax = 64 * 1024
    package static let errorBytesMax = 8 * 1024
    package static let argsBytesMax = 256 * 1024
    package static let metaBytesMax = 16 * 1024
    package static let errorsKeptMax = 10
    package static let batchJobsMax = 1000
    package static let childrenMax = 1000
    package static let nameBytesMax = 64
    package static let subjectBytesMax = 512
    package static let keyBytesMax = 256
    /// No job is delayed further: ten years of 365.25 days.
    package static let delayMax = Duration.seconds(315_576_000)
    package static let attemptsMax = 1000

    /// `text` without NUL (PostgreSQL stores none) and cut to `errorBytesMax` at a character's border.
    package static func storable(error text: String) -> String {
        var clean = text.contains("\0") ? String(text.map { $0 == "\0" ? "\u{FFFD}" : $0 }) : text
        guard clean.utf8.count > errorBytesMax else { return clean }
        var kept = 0
        clean = String(
            clean.prefix { character in
                kept += String(character).utf8.count
                return kept <= errorBytesMax - 3
            })
        return clean + "…"
    }
}
