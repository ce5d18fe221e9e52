internal import Store

/// Stops claims from a queue.
enum PauseCommand: Command {
    static let name = "pause"
    static let summary = "Stop claims from a queue, in every process"
    static let operands = [Operand("QUEUE")]
    static let settings: Set<Setting.Group> = [.database]
    static let force = Flag("--force", "Also a queue that nobody has heard of")
    static let flags = [Flag.by, force]

    static func run(_ call: Invocation) async throws -> ExitCode {
        let queue = call.operands[0]
        try await Workplace.withStore(call) { store in
            if !call.has(force) { try await requireQueue(queue, in: store, unless: "--force") }
            try await store.pause(queue: queue, by: Actor.name(call))
        }
        Console.print("queue \(queue) is paused: nothing more is claimed from it, and what runs goes on")
        return .ok
    }

    /// - Throws: `Refusal` with the list of queues.
    static func requireQueue(_ queue: String, in store: Store, unless remedy: String? = nil) async throws {
        let names = try await store.queueNames()
        guard !names.contains(queue) else { return }
        let list = names.isEmpty ? "none yet" : names.joined(separator: ", ")
        throw Refusal(
            "no queue is called “\(queue)”; the queues are \(list)\(remedy.map { "; \($0) does it all the same" } ?? "")"
        )
    }
}
