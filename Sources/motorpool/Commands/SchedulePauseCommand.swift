internal import Store

/// Lets the slots of a line pass.
enum SchedulePauseCommand: Command {
    static let name = "schedule pause"
    static let summary = "Let the slots of a line of the schedule pass, in every process"
    static let operands = [Operand("NAME")]
    static let settings: Set<Setting.Group> = [.database, .remote]
    static let flags = [Flag.by]

    static func run(_ call: Invocation) async throws -> ExitCode {
        let name = call.operands[0]
        try await Workplace.withDoor(call) { door in
            guard try await door.pauseSchedule(name, by: Actor.name(call)) else {
                throw ScheduleListCommand.unknown(name, try await door.schedules().map(\.name))
            }
        }
        Console.print("\(name) is paused: its slots are skipped, and the ledger says so")
        return .ok
    }
}
