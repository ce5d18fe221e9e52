/// Tells what there is.
enum HelpCommand: Command {
    static let name = "help"
    static let summary = "Tell about the commands, or about one"
    static let operands = [Operand("COMMAND", isRequired: false), Operand("WORD", isRequired: false)]

    static func run(_ call: Invocation) async throws -> ExitCode {
        guard let first = call.operands.first else {
            Console.print(Help.overview)
            return .ok
        }
        guard let (command, rest) = CommandList.find(call.operands), rest.isEmpty else {
            throw UsageError(
                "no command is called “\(call.operands.joined(separator: " "))”; the commands are \(CommandList.names(near: first))"
            )
        }
        Console.print(Help.page(of: command))
        return .ok
    }
}
