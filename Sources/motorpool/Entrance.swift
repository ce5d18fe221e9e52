internal import Glibc
internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// From the words of the command line to the exit code.
enum Entrance {
    /// Runs one command and ends the process.
    ///
    /// The main thread only waits: Swift's own asynchronous main would hand it to libdispatch, which waits with every
    /// signal unblocked, and the first SIGTERM would end the process without a word.
    static func enter() -> Never {
        Signals.ignoreBrokenPipes()
        let words = CommandWords()
        // What we make is our account's alone.
        umask(0o077)
        ProcessList.hideValues(of: Set(Setting.all.filter(\.isSecret).compactMap(\.flag?.name)))
        let shutdown = Shutdown()
        let code: ExitCode
        do {
            var call = try invocation(words.checked(), shutdown)
            if call.command.drainsOnSignals { shutdown.listen(reloads: call.command.reloadsOnHangUp) }
            try call.readSettings()
            try refuseRoot(call)
            try call.command.prepare(call)
            // The process is this task: it ends when the task does.
            Task { [call] in exit(await perform(call).rawValue) }
            while true { pause() }
        } catch {
            code = report(error)
        }
        exit(code.rawValue)
    }

    /// What goes on for long holds files and starts programs: as root it would leave root's files in the account's state
    /// folder, and give what it starts root's rights.
    private static func refuseRoot(_ call: Invocation) throws {
        guard call.command.drainsOnSignals, geteuid() == 0 else { return }
        throw Refusal(
            "\(call.command.name) does not run as root: ./run \(call.command.name) changes to an account without rights",
            .configuration)
    }

    private static func invocation(_ words: [String], _ shutdown: Shutdown) throws -> Invocation {
        guard let first = words.first else {
            Console.complain(Help.overview)
            throw UsageError("expected a command")
        }
        let name = ["-h": "help", "--help": "help", "--version": "version"][first] ?? first
        guard let (command, rest) = CommandList.find([name] + words.dropFirst()) else {
            throw UsageError(
                "no command is called “\(first)”; the commands are \(CommandList.names(near: first))")
        }
        let ownWords = rest.prefix { $0 != "--" }
        if ownWords.contains("--help") || ownWords.contains("-h") {
            return try Invocation(
                HelpCommand.self, words: command.name.split(separator: " ").map(String.init),
                shutdown: shutdown)
        }
        return try Invocation(command, words: rest, shutdown: shutdown)
    }

    private static func perform(_ call: Invocation) async -> ExitCode {
        do {
            return try await call.command.run(call)
        } catch {
            return report(error, call.settings)
        }
    }

    /// Says what went wrong, and which code that is.
    private static func report(_ error: any Error, _ settings: Settings? = nil) -> ExitCode {
        let told = Trouble(error, settings)
        for line in told.lines { Console.complain("motorpool: \(line)") }
        if told.code == .usage { Console.complain("Try: motorpool help") }
        return told.code
    }
}
