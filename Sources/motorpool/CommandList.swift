/// Every command there is.
enum CommandList {
    static let all: [any Command.Type] = [
        UpCommand.self, WorkCommand.self, ServeCommand.self, TokenCommand.self, MigrateCommand.self,
        CheckCommand.self, EnqueueCommand.self,
        JobCommand.self,
        JobsCommand.self, CancelCommand.self, RetryCommand.self, ReleaseCommand.self, PauseCommand.self,
        ResumeCommand.self,
        ScheduleListCommand.self, ScheduleExplainCommand.self, ScheduleRunCommand.self,
        SchedulePauseCommand.self, ScheduleResumeCommand.self, ScheduleServeCommand.self,
        DoctorCommand.self, BenchCommand.self, DemoCommand.self, SandboxCommand.self,
        SandboxSteamcmdCommand.self, UnpackCommand.self, HelpCommand.self, VersionCommand.self,
    ]

    /// Those that people call.
    static let listed = all.filter { !$0.isInternal }

    static func named(_ name: String) -> (any Command.Type)? { all.first { $0.name == name } }

    /// The command that the words begin with, and the words behind its name. A name may be two words.
    static func find(_ words: [String]) -> (command: any Command.Type, rest: [String])? {
        for count in [2, 1] where words.count >= count {
            if let command = named(words.prefix(count).joined(separator: " ")) {
                return (command, Array(words.dropFirst(count)))
            }
        }
        return nil
    }

    /// Of those that begin with `word`, when it stands for several; otherwise of all.
    static func names(near word: String) -> String {
        let family = listed.map { $0.name }.filter { $0.hasPrefix(word + " ") }
        return family.isEmpty ? names : family.joined(separator: ", ")
    }

    static var names: String { listed.map { $0.name }.joined(separator: ", ") }
}
