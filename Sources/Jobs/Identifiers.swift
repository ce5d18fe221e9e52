/// Names one job for ever: the same number in the hot table, the history, the dead and every answer.
package struct JobID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let number: Int64

    package init(_ number: Int64) { self.number = number }

    package var description: String { String(number) }

    package static func < (a: JobID, b: JobID) -> Bool { a.number < b.number }
}

/// Names one worker process for as long as its lease lives; a process that lost its lease returns under a new one.
package struct WorkerID: Hashable, Sendable, CustomStringConvertible {
    package let number: Int64

    package init(_ number: Int64) { self.number = number }

    package var description: String { String(number) }
}

/// One claim of one job, the fence of everything the claimer writes.
///
/// `run` grows with every claim, so that a token which was overtaken by a rescue, a cancel or a later claim matches no
/// row any more.
package struct RunToken: Hashable, Sendable {
    package let job: JobID
    package let run: Int32

    package init(job: JobID, run: Int32) {
        self.job = job
        self.run = run
    }
}
