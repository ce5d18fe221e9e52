package import Jobs

/// A run that does not end: it was given up, or it has held its thread for long.
package struct StuckRun: Sendable {
    package let token: RunToken
    package let kind: String
    package let queue: String
    /// Since its start.
    package let seconds: Duration
    /// Told to end and given up; its lane is lost until it ends by itself.
    package let isLost: Bool
    /// It has not let go of its thread, as a loop or a wait in C would.
    package let isHoldingThread: Bool
}
