/// Every command there is.
enum CommandList {
    static let all: [any Command.Type] = [
        WorkCommand.self, MigrateCommand.self, EnqueueCommand.self, JobCommand.self, HelpCommand.self,
    ]

    static func named(_ name: String) -> (any Command.Type)? { all.first { $0.name == name } }

    static var names: String { all.map { $0.name }.joined(separator: ", ") }
}
