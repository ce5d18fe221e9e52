internal import Jobs
internal import Store

/// Tells everything about one job.
enum JobCommand: Command {
    static let name = "job"
    static let summary = "Tell everything about one job, also why it does not run"
    static let operands = [Operand("ID")]
    static let settings: Set<Setting.Group> = [.database, .remote]
    static let wait = Flag("--wait", "Wait until it has ended, and print how")
    static let flags: [Flag] = [wait, EnqueueCommand.timeout, .json]

    static func run(_ call: Invocation) async throws -> ExitCode {
        let id = try call.job()
        let timeout = try call.time(EnqueueCommand.timeout) ?? .seconds(60)
        if call.has(wait) {
            return try await Workplace.withDoor(call) { door in
                try await Wait(door: door, job: id, asJSON: call.has(.json), absence: unknown(id)).until(
                    timeout)
            }
        }
        guard let job = try await Workplace.withDoor(call, { try await $0.job(id) }) else {
            throw unknown(id)
        }
        Console.print(call.has(.json) ? job.json.text : JobText.page(job))
        return .ok
    }

    static func unknown(_ id: JobID) -> Refusal {
        Refusal("no job \(id): never there, or its retention has passed")
    }
}
