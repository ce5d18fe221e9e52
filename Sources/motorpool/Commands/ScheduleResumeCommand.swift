internal import Store

/// Lets a paused line go on.
enum ScheduleResumeCommand: Command {
    static let name = "schedule resume"
    static let summary = "Let a paused line of the schedule go on with its next slot"
    static let operands = [Operand("NAME")]
    static let settings: Set<Setting.Group> = [.database, .remote]
    static let flags = [Flag.by]

    static func run(_ call: Invocation) async throws -> ExitCode {
        let name = call.operands[0]
        let wasPaused = try await Workplace.withDoor(call) { door in
            guard let wasPaused = try await door.resumeSchedule(name, by: Actor.name(call)) else {
                throw ScheduleListCommand.unknown(name, try await door.schedules().map(\.name))
            }
            return wasPaused
        }
        Console.print(
            wasPaused ? "\(name) goes on; nothing of the pause is made up" : "\(name) was not paused")
        return .ok
    }
}
