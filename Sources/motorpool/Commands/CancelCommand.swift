internal import Jobs
internal import Store

/// Ends a job that has not ended.
enum CancelCommand: Command {
    static let name = "cancel"
    static let summary = "End a job that has not ended"
    static let operands = [Operand("ID")]
    static let settings: Set<Setting.Group> = [.database, .remote]
    static let reason = Flag("--reason", "TEXT", "Why, for the record")
    static let flags = [reason, Flag.by, Flag.json]

    static func run(_ call: Invocation) async throws -> ExitCode {
        let id = try call.job()
        let found = try await Workplace.withDoor(call) {
            try await $0.cancel(id, reason: call.text(reason), by: Actor.name(call))
        }
        switch found {
        case .cancelled(let mayHaveStarted):
            return Answer(
                id, "cancelled", words(id, mayHaveStarted), [("may_have_started", .bool(mayHaveStarted))]
            ).told(call)
        case .ended(.cancelled): return Answer(id, "cancelled", "job \(id) was cancelled before").told(call)
        case .ended(let state):
            return Answer(
                id, state.rawValue, "job \(id) has ended already: it is \(state.rawValue)", code: .failed
            ).told(call)
        case .unknown: throw JobCommand.unknown(id)
        }
    }

    private static func words(_ id: JobID, _ mayHaveStarted: Bool) -> String {
        mayHaveStarted
            ? "job \(id) is cancelled; it may have started, and nothing it still does will be settled"
            : "job \(id) is cancelled; it had not started"
    }
}

/// What became of an order about one job.
struct Answer {
    let id: JobID
    let state: String
    let words: String
    let fields: [(String, JSONText)]
    let code: ExitCode

    init(
        _ id: JobID, _ state: String, _ words: String, _ fields: [(String, JSONText)] = [],
        code: ExitCode = .ok
    ) {
        self.id = id
        self.state = state
        self.words = words
        self.fields = fields
        self.code = code
    }

    func told(_ call: Invocation) -> ExitCode {
        let json: [(String, JSONText)] = [
            ("id", JSONText(id)), ("state", .string(state)), ("ok", .bool(code == .ok)),
            ("message", .string(words)),
        ]
        Console.print(call.has(.json) ? JSONText.object(json + fields).text : words)
        return code
    }
}
