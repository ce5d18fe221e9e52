internal import Jobs
internal import Store

/// Runs a line of the schedule once, now.
enum ScheduleRunCommand: Command {
    static let name = "schedule run"
    static let summary = "Run a line of the schedule once, now, outside its plan"
    static let operands = [Operand("NAME")]
    static let settings: Set<Setting.Group> = [.database, .remote]
    static let flags: [Flag] = [.by, .json]
    static let notes = "Whatever overlaps, and although it is paused. The ledger keeps it as run by hand."

    static func run(_ call: Invocation) async throws -> ExitCode {
        let name = call.operands[0]
        let job = try await Workplace.withDoor(call) { door in
            guard let job = try await door.runNow(schedule: name, by: Actor.name(call)) else {
                throw ScheduleListCommand.unknown(name, try await door.schedules().map(\.name))
            }
            return job
        }
        if call.has(.json) {
            Console.print(JSONText.object([("name", .string(name)), ("job", JSONText(job))]).text)
        } else {
            Console.print("job \(job) runs \(name)")
        }
        return .ok
    }
}
