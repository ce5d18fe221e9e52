internal import Jobs
internal import Store

/// Puts a dead or cancelled job back in line.
enum RetryCommand: Command {
    static let name = "retry"
    static let summary = "Put a dead or cancelled job back in line"
    static let operands = [Operand("ID")]
    static let settings: Set<Setting.Group> = [.database, .remote]
    static let flags: [Flag] = [.by, .json]

    static func run(_ call: Invocation) async throws -> ExitCode {
        let id = try call.job()
        switch try await Workplace.withDoor(call, { try await $0.retry(id, by: Actor.name(call)) }) {
        case .retried:
            return Answer(id, "waiting", "job \(id) waits again, with a fresh count of attempts").told(call)
        case .notRetryable(let state):
            let words = "job \(id) is \(state.rawValue): only dead and cancelled jobs can be retried"
            return Answer(id, state.rawValue, words, code: .failed).told(call)
        case .unknown: throw JobCommand.unknown(id)
        }
    }
}
