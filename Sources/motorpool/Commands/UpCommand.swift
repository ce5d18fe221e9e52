internal import HTTPServer
internal import Jobs
internal import Postgres

/// Starts everything: a private server when there is no database, the tables, the farm.
enum UpCommand: Command {
    static let name = "up"
    static let summary =
        "Start a farm and its front, with a PostgreSQL server of its own unless there is a DATABASE_URL"
    static let settings: Set<Setting.Group> = [.database, .policies, .farm, .front, .log]
    static let flags = [FarmLog.verbose]
    static let drainsOnSignals = true
    static let notes = """
        The first SIGTERM or SIGINT drains the front, then the farm, and then stops the private server.
        The second one ends the process at once; the private server keeps running then, and the next
        start adopts it.
        """

    static func run(_ call: Invocation) async throws -> ExitCode {
        let policies = try Workplace.policies(call.settings)
        let log = try Log(isText: call.settings.logsText)
        let result: Result<Void, any Error>
        do { result = .success(try await start(call, policies, log)) } catch { result = .failure(error) }
        await log.close()
        try result.get()
        return .ok
    }

    private static func start(_ call: Invocation, _ policies: Policies, _ log: Log) async throws {
        guard call.settings.database == nil else { return try await work(call, policies, log) }
        let server = try await PrivateServer.start(in: call.settings.state) { log.say(.info, "server", $0) }
        let result: Result<Void, any Error>
        do { result = .success(try await work(call, policies, log)) } catch { result = .failure(error) }
        // Last, and in every case: nothing of ours stays behind.
        try await server.stop()
        log.say(.info, "server", "the private server has stopped")
        try result.get()
    }

    private static func work(_ call: Invocation, _ policies: Policies, _ log: Log) async throws {
        for (name, migrator) in Workplace.migrators {
            let applied = try await migrator.migrate(call.settings.connection)
            guard !applied.isEmpty else { continue }
            log.say(
                .info, "migrated", "\(applied.count) migrations of \(name) applied",
                [("schema", .string(name)), ("applied", .array(applied.map { JSONText($0) }))])
        }
        let reception = Reception(call.settings, log)
        let address = try reception.open()
        if !call.shutdown.isAsked { Console.complain(greeting(call.settings, address)) }
        let result: Result<Void, any Error>
        do {
            let work: Void = try await WorkCommand.work(
                call, policies, log, beforeDraining: { await reception.close() })
            result = .success(work)
        } catch {
            result = .failure(error)
        }
        await reception.close()
        try result.get()
    }

    private static func greeting(_ settings: Settings, _ address: BoundAddress) -> String {
        // Whoever has a database of his own calls the program; the others came through ./run.
        let program = settings.database == nil ? "./run" : "motorpool"
        return """
            The farm works on \(settings.databaseWords), and its front listens at \(address).
            Try in another terminal:
              curl -s -XPOST '\(address)/jobs?wait=30' -d '{"kind":"sleep","args":{"seconds":2}}'
              \(program) enqueue noop
              \(program) enqueue sleep --args '{"seconds":5}' --wait
              \(program) jobs
              \(program) doctor
            Ctrl-C drains and stops everything.
            """
    }
}
