internal import HTTPServer
internal import Jobs

/// What is known of a request while it is answered, for the log.
struct Visit {
    let method: String
    let id: String
    let trace: TraceContext?
    let peer: String
    var route: Route?
    var caller: Caller?
    var exchange: Exchange?
    var trouble: String?

    init(_ request: Request) {
        method = request.method.rawValue
        peer = request.peer
        trace = request.headers["traceparent"].flatMap { TraceContext($0) }
        let asked = request.headers["X-Request-Id"] ?? ""
        id = Visit.isSane(asked) ? asked : Visit.newID()
    }

    func event(_ status: Int, _ took: Duration) -> FrontEvent {
        FrontEvent(
            requestID: id, method: method, route: route?.pattern, status: status, took: took,
            caller: caller?.name ?? Caller.anonymousName, address: caller?.address ?? peer,
            jobs: exchange?.notedJobs ?? [], trace: trace?.trace, trouble: trouble)
    }

    /// Letters, digits, `.`, `_` and `-`, at most 64.
    private static func isSane(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || "._-".utf8.contains($0)
            }
    }

    private static func newID() -> String { String(UInt64.random(in: (1 << 60)...UInt64.max), radix: 16) }
}
