internal import Jobs
internal import Store

/// Puts a recovered job back to its ordinary level.
enum ReleaseCommand: Command {
    static let name = "release"
    static let summary = "Let a recovered job run beside others again; its worker crashes are forgotten"
    static let operands = [Operand("ID")]
    static let settings: Set<Setting.Group> = [.database, .remote]
    static let flags: [Flag] = [.by, .json]

    static func run(_ call: Invocation) async throws -> ExitCode {
        let id = try call.job()
        switch try await Workplace.withDoor(call, { try await $0.release(id, by: Actor.name(call)) }) {
        case .released:
            return Answer(id, "waiting", "job \(id) is released: it waits at its ordinary level").told(call)
        case .notRecovered:
            let words = "job \(id) met no worker crash: there is nothing to release"
            return Answer(id, "waiting", words, code: .failed).told(call)
        case .notWaiting(let state):
            let words = "job \(id) is \(state.rawValue): only waiting jobs can be released"
            return Answer(id, state.rawValue, words, code: .failed).told(call)
        case .unknown: throw JobCommand.unknown(id)
        }
    }
}
