internal import Front
internal import Jobs

/// Tells the log what the front answers, a line a request.
struct RequestLog: Sendable {
    private let log: Log
    /// Otherwise only what went wrong.
    private let tellsAll: Bool

    init(_ log: Log, tellsAll: Bool) {
        self.log = log
        self.tellsAll = tellsAll
    }

    func tell(_ event: FrontEvent) {
        guard tellsAll || event.status >= 500 else { return }
        var fields: [(String, JSONText)] = [
            ("request", .string(event.requestID)), ("method", .string(event.method)),
            ("route", JSONText(event.route)),
            ("status", JSONText(event.status)), ("seconds", JSONText(event.took)),
            ("caller", .string(event.caller)),
            ("address", .string(event.address)),
        ]
        if !event.jobs.isEmpty { fields.append(("jobs", .array(event.jobs.map { JSONText($0) }))) }
        if let trace = event.trace { fields.append(("trace", .string(trace))) }
        if let trouble = event.trouble { fields.append(("trouble", .string(trouble))) }
        let jobs = event.jobs.isEmpty ? "" : ", job \(event.jobs.map(\.description).joined(separator: ", "))"
        let trouble = event.trouble.map { ": \($0)" } ?? ""
        log.say(
            event.status >= 500 ? .error : .info, "request",
            "\(event.method) \(event.route ?? "an unknown path") \(event.status) in \(event.took.text), \(event.caller)\(jobs)\(trouble)",
            fields)
    }
}
