/// Stops claims from a queue.
enum PauseCommand: Command {
    static let name = "pause"
    static let summary = "Stop claims from a queue, in every process"
    static let operands = [Operand("QUEUE")]
    static let settings: Set<Setting.Group> = [.database, .remote]
    static let force = Flag("--force", "Has no effect: every name that enqueue takes is taken")
    static let flags = [Flag.by, force]

    static func run(_ call: Invocation) async throws -> ExitCode {
        let queue = call.operands[0]
        let isKnown = try await Workplace.withDoor(call) { door in
            try await door.pause(queue: queue, by: Actor.name(call))
        }
        Console.print("queue \(queue) is paused: nothing more is claimed from it, and what runs goes on")
        if isKnown == false { Console.complain("no kind and no waiting job names the queue \(queue) so far") }
        return .ok
    }
}
