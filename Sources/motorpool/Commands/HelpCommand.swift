/// Tells what there is.
enum HelpCommand: Command {
    static let name = "help"
    static let summary = "Tell about the commands, or about one"
    static let operands = [Operand("COMMAND", isRequired: false)]

    static func run(_ call: Invocation) async throws -> ExitCode {
        guard let name = call.operands.first else {
            Console.print(Help.overview)
            return .ok
        }
        guard let command = CommandList.named(name) else {
            throw UsageError("no command is called “\(name)”; the commands are \(CommandList.names)")
        }
        Console.print(Help.page(of: command))
        return .ok
    }
}
