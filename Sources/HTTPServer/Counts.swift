/// What the server has done since it started.
package struct Counts: Sendable, Equatable {
    /// Now, not since the start.
    package var connectionsOpen = 0
    package var connectionsAccepted = 0
    /// Turned away at the door: too many, or too many from one address.
    package var connectionsRefused = 0
    /// Requests whose head was read and handed to the handler.
    package var requests = 0
    package var bytesOut = 0
    /// Connections that ended early, by reason.
    package var cuts: [Cut: Int] = [:]

    static func += (sum: inout Counts, more: Counts) {
        sum.connectionsOpen += more.connectionsOpen
        sum.connectionsAccepted += more.connectionsAccepted
        sum.connectionsRefused += more.connectionsRefused
        sum.requests += more.requests
        sum.bytesOut += more.bytesOut
        sum.cuts.merge(more.cuts, uniquingKeysWith: +)
    }
}

/// Why a connection ended before its time.
package enum Cut: String, Sendable, CaseIterable {
    /// The request was refused by the server itself.
    case refused
    case headTooSlow = "head_too_slow"
    case bodyTooSlow = "body_too_slow"
    /// It took nothing of the answer for too long.
    case readerTooSlow = "reader_too_slow"
    /// Nothing was asked for too long.
    case idle
    /// The other end went away in the middle.
    case peerGone = "peer_gone"
    /// A streamed answer broke off, or a file became shorter.
    case answerBroken = "answer_broken"
    /// The server was drained and its patience ended.
    case drained
}
