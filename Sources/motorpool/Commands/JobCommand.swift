internal import Jobs
internal import Store

/// Tells everything about one job.
enum JobCommand: Command {
    static let name = "job"
    static let summary = "Tell everything about one job, also why it does not run"
    static let operands = [Operand("ID")]
    static let settings: Set<Setting.Group> = [.database]
    static let flags: [Flag] = [.json]

    static func run(_ call: Invocation) async throws -> ExitCode {
        let id = try call.job()
        guard let job = try await Workplace.withStore(call, { try await $0.job(id) }) else {
            throw unknown(id)
        }
        Console.print(call.has(.json) ? job.json.text : JobText.page(job))
        return .ok
    }

    static func unknown(_ id: JobID) -> Refusal {
        Refusal("no job \(id): never there, or its retention has passed")
    }
}
