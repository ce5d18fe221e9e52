/// Lets a queue go on.
enum ResumeCommand: Command {
    static let name = "resume"
    static let summary = "Let a paused queue go on"
    static let operands = [Operand("QUEUE")]
    static let settings: Set<Setting.Group> = [.database, .remote]
    static let flags = [Flag.by]

    static func run(_ call: Invocation) async throws -> ExitCode {
        let queue = call.operands[0]
        let wasPaused = try await Workplace.withDoor(call) {
            try await $0.resume(queue: queue, by: Actor.name(call))
        }
        Console.print(wasPaused ? "queue \(queue) goes on" : "queue \(queue) was not paused")
        return .ok
    }
}
