/// Every command there is.
enum CommandList {
    static let all: [any Command.Type] = [
        UpCommand.self, WorkCommand.self, ServeCommand.self, TokenCommand.self, MigrateCommand.self,
        CheckCommand.self, EnqueueCommand.self,
        JobCommand.self,
        JobsCommand.self, CancelCommand.self, RetryCommand.self, PauseCommand.self, ResumeCommand.self,
        DoctorCommand.self, BenchCommand.self, HelpCommand.self, VersionCommand.self,
    ]

    static func named(_ name: String) -> (any Command.Type)? { all.first { $0.name == name } }

    static var names: String { all.map { $0.name }.joined(separator: ", ") }
}
