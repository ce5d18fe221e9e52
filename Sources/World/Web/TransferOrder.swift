internal import Platform

/// One hop that a task wants made: everything about it that does not change.
final class TransferOrder: Sendable {
    let address: WebAddress
    let request: WebRequest
    let method: WebRequest.Method
    let headers: [(name: String, value: String)]
    let body: [UInt8]?
    /// Where the body goes; memory when `nil`.
    let part: PartFile?
    let progress: (@Sendable (WebProgress) -> Void)?
    /// By `BootClock`, from which the whole request is late.
    let deadline: Duration
    private let continuation: CheckedContinuation<Result<Hop, WebError>, Never>

    init(
        address: WebAddress, request: WebRequest, method: WebRequest.Method,
        headers: [(name: String, value: String)], body: [UInt8]?, part: PartFile?,
        progress: (@Sendable (WebProgress) -> Void)?, deadline: Duration,
        continuation: CheckedContinuation<Result<Hop, WebError>, Never>
    ) {
        self.address = address
        self.request = request
        self.method = method
        self.headers = headers
        self.body = body
        self.part = part
        self.progress = progress
        self.deadline = deadline
        self.continuation = continuation
    }

    /// Once, by whoever holds the order last.
    func end(_ result: Result<Hop, WebError>) { continuation.resume(returning: result) }

    var lateness: Duration { request.timeLimit }
}

/// What came of one hop.
struct Hop: Sendable {
    let status: Int
    let headers: [(name: String, value: String)]
    let body: [UInt8]
    let wireBytes: Int64
    /// Whether the body stands in the file, whole.
    let isFile: Bool
    /// The host has nothing behind what the file holds, and the file is not what it has either.
    let mustBeginAnew: Bool
}
