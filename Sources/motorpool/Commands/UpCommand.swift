internal import Front
internal import Glibc
internal import HTTPServer
internal import Jobs
internal import Postgres
internal import Sandbox
internal import Workshop

/// Starts everything: a private server when there is no database, the tables, the farm.
enum UpCommand: Command {
    static let name = "up"
    static let summary =
        "Start a farm and its front, with a PostgreSQL server of its own unless there is a DATABASE_URL"
    static let settings: Set<Setting.Group> = [
        .database, .policies, .trial, .farm, .front, .log, .workshop,
    ]
    static let flags = [FarmLog.verbose]
    static let drainsOnSignals = true
    static let reloadsOnHangUp = true
    static let notes = """
        The first SIGTERM or SIGINT drains the front, then the farm, and then stops the private server.
        The second one ends the process at once; the private server keeps running then, and the next
        start adopts it. SIGHUP reads tokens, policies and schedule again; with a fault in them everything
        goes on as before.
        """

    static func run(_ call: Invocation) async throws -> ExitCode {
        let policies = try Workplace.policies(call.settings)
        try ConfinementCheck.require(call.settings)
        let log = try Log(isText: call.settings.logsText)
        let tokens = try tokens(call.settings, log)
        let call = call.changing { $0.front.tokens = tokens }
        let result: Result<Void, any Error>
        do {
            let work: Void = try await Playground.withSandbox(call, log) { call, _ in
                try await start(call, policies, log) { address in
                    if !call.shutdown.isAsked { Console.complain(greeting(call.settings, address)) }
                }
            }
            result = .success(work)
        } catch { result = .failure(error) }
        await log.close()
        try result.get()
        return .ok
    }

    /// The tokens of the settings and those of this machine, which the state folder keeps.
    private static func tokens(_ settings: Settings, _ log: Log) throws -> TokenBook {
        let state = settings.state
        guard access(state, W_OK) == 0 || mkdir(state, 0o700) == 0 else {
            log.say(
                .warning, "no_local_tokens",
                "the state folder \(state) can't be written: this machine has no tokens of its own (motorpool token show)"
            )
            return settings.front.tokens
        }
        let known = settings.front.tokens.tokens
        let names = Set(known.map(\.name))
        return TokenBook(known + (try LocalTokens(state: state).load()).filter { !names.contains($0.name) })
    }

    /// - Parameter whenOpen: told once where the front listens.
    static func start(
        _ call: Invocation, _ policies: Policies, _ log: Log, whenOpen: (BoundAddress) -> Void
    ) async throws {
        guard call.settings.database == nil else { return try await work(call, policies, log, whenOpen) }
        let server = try await PrivateServer.start(in: call.settings.state) { log.say(.info, "server", $0) }
        let result: Result<Void, any Error>
        do { result = .success(try await work(call, policies, log, whenOpen)) } catch {
            result = .failure(error)
        }
        // Last, and in every case: nothing of ours stays behind.
        try await server.stop()
        log.say(.info, "server", "the private server has stopped")
        try result.get()
    }

    private static func work(
        _ call: Invocation, _ policies: Policies, _ log: Log, _ whenOpen: (BoundAddress) -> Void
    ) async throws {
        for (name, migrator) in Workplace.migrators(call.settings) {
            let applied = try await migrator.migrate(call.settings.ownerConnection)
            guard !applied.isEmpty else { continue }
            log.say(
                .info, "migrated", "\(applied.count) migrations of \(name) applied",
                [("schema", .string(name)), ("applied", .array(applied.map { JSONText($0) }))])
        }
        let reception = Reception(call.settings, log)
        let address = try reception.open()
        whenOpen(address)
        let result: Result<Void, any Error>
        do {
            let work: Void = try await WorkCommand.work(
                call, policies, log, beforeDraining: { await reception.close() },
                beforeReloading: { try reception.reload(try tokens($0.settings, log)) })
            result = .success(work)
        } catch {
            result = .failure(error)
        }
        await reception.close()
        try result.get()
    }

    /// A mod to ask for.
    private static func example(_ settings: Settings) -> Int64 {
        settings.steam.isSandbox ? SandboxLibrary.firstID : 1_780_481_482
    }

    /// How to make something go wrong.
    private static func sandboxWords(_ settings: Settings) -> String {
        guard settings.startsSandbox else { return "" }
        let sandbox = settings.steam.api
        return """

            The sandbox stands in for Steam at \(sandbox). GET /sandbox/mods there tells what it has, and
              curl -X PUT \(sandbox)/sandbox/switches/\(SandboxLibrary.firstID + 6)/steamcmd:access-denied
            makes a mod fail that was not asked for before; motorpool help sandbox lists what can go wrong.
            """
    }

    /// What can be tried with the trial kinds, where they are known.
    private static func trialWords(_ settings: Settings, _ address: BoundAddress, _ program: String) -> String
    {
        guard settings.hasTrialKinds else { return "" }
        return """
              curl -s -XPOST '\(address)/jobs?wait=30' -H @<(\(program) token header producer) -d '{"kind":"sleep","args":{"seconds":2}}'
              \(program) enqueue noop
              \(program) enqueue sleep --args '{"seconds":5}' --wait

            """
    }

    private static func greeting(_ settings: Settings, _ address: BoundAddress) -> String {
        // Whoever has a database of his own calls the program; the others came through ./run.
        let program = settings.database == nil ? "./run" : "motorpool"
        return """
            The farm works on \(settings.databaseWords), and its front listens at \(address).
            Try in another terminal:
              curl -i \(address)/download/steam/\(example(settings))
            \(trialWords(settings, address, program))  \(program) jobs
              \(program) doctor
              \(program) token show operator     # opens \(address)/admin
            Ctrl-C drains and stops everything.\(sandboxWords(settings))
            """
    }
}
