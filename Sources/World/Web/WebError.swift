/// Why an answer could not be had.
///
/// The texts name hosts and never whole addresses: a query may hold a key.
package enum WebError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What a transfer was doing when its time ran out.
    package enum Phase: String, Hashable, Sendable {
        /// All connections were in use.
        case queue
        case dns
        case connect
        case tls
        /// The question was sent, the head of the answer had not come whole.
        case answer
        case body
    }

    /// The address can't be read, or has a part that is never asked: another scheme, a user's name.
    case badURL(String)
    /// The address leads where this request may not go: inside, to another port, to another host.
    case refusedAddress(String)
    case tooManyRedirects(max: Int)
    case dns(String)
    case connect(String)
    case tls(String)
    case timeout(Phase, after: Duration)
    /// The body came slower than `bytesPerSecond`.
    case tooSlow(bytesPerSecond: Int)
    /// More than `bytesMax`, or unpacked more than `ratioMax` times as large.
    case tooLarge(String)
    /// The other side hung up before the end.
    case truncated(String)
    /// The answer breaks HTTP, or a promise made with it.
    case `protocol`(String)
    /// Our own file could not be written.
    case file(String)
    /// `WebRequest.admit` refused, in its words.
    case notAdmitted(String)
    /// Too many requests wait already.
    case busy
    /// The `Web` is closed.
    case closed
    case cancelled

    /// Whether the same request may go well later.
    package var isTransient: Bool {
        switch self {
        case .dns, .connect, .timeout, .tooSlow, .truncated, .busy: true
        // A certificate or a spoken protocol is mended by somebody, not by time.
        case .badURL, .refusedAddress, .tooManyRedirects, .tls, .tooLarge, .protocol, .file, .notAdmitted,
            .closed, .cancelled:
            false
        }
    }

    package var description: String {
        switch self {
        case .badURL(let reason): "the address is not usable: \(reason)"
        case .refusedAddress(let reason): "the address is refused: \(reason)"
        case .tooManyRedirects(let max): "redirected more than \(max) times"
        case .dns(let reason): "the name can't be resolved: \(reason)"
        case .connect(let reason): "no connection: \(reason)"
        case .tls(let reason): "no trusted connection: \(reason)"
        case .timeout(let phase, let limit): "\(phase.words) took longer than \(limit)"
        case .tooSlow(let rate): "the answer came slower than \(rate) bytes a second"
        case .tooLarge(let reason): "the answer is too large: \(reason)"
        case .truncated(let reason): "the answer has no end: \(reason)"
        case .protocol(let reason): "the answer is broken: \(reason)"
        case .file(let reason): "the file can't be written: \(reason)"
        case .notAdmitted(let reason): "not admitted: \(reason)"
        case .busy: "too many requests wait already"
        case .closed: "the web is closed"
        case .cancelled: "cancelled"
        }
    }
}

extension WebError.Phase {
    var words: String {
        switch self {
        case .queue: "waiting for a free connection"
        case .dns: "resolving the name"
        case .connect: "connecting"
        case .tls: "agreeing on a trusted connection"
        case .answer: "the beginning of the answer"
        case .body: "the answer"
        }
    }
}
