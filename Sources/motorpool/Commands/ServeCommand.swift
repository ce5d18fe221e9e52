internal import Front
internal import HTTPServer
internal import Jobs
internal import Postgres

/// Answers HTTP until it is asked to end.
enum ServeCommand: Command {
    static let name = "serve"
    static let summary = "Answer HTTP for the queue of a database, until SIGTERM"
    static let settings: Set<Setting.Group> = [
        .database, .policies, .trial, .front, .log, .workshop,
    ]
    static let drainsOnSignals = true
    static let reloadsOnHangUp = true
    static let notes = """
        Runs no jobs: motorpool work does, in other processes on any number of machines. The first
        SIGTERM or SIGINT lets go who waits and answers what was asked; the second one ends the process
        at once. SIGHUP reads the file of tokens again, and never ends it. Without any token, callers on this machine may ask for jobs; others may not.
        """

    static func run(_ call: Invocation) async throws -> ExitCode {
        let log = try Log(isText: call.settings.logsText)
        let result: Result<Void, any Error>
        do { result = .success(try await serve(call, log)) } catch { result = .failure(error) }
        await log.close()
        try result.get()
        return .ok
    }

    /// What may follow the answers in flight.
    private static let farewellMax = Duration.seconds(5)

    private static func serve(_ call: Invocation, _ log: Log) async throws {
        do {
            try await WorkCommand.checkSchema(call.settings)
        } catch let error as PostgresError where error.isTransient {
            // The front outlives its database: /health/ready says so, and requests get 503 until it is back.
            log.say(
                .warning, error.isReadOnly ? "database_read_only" : "database_away",
                "the front starts without its database: \(error.explanation)")
        }
        // Outlives no more than this function: it is cancelled below, and ends by itself when it has published.
        let publishing = Task { await KindPublisher(settings: call.settings).publish(telling: log) }
        defer { publishing.cancel() }
        let reception = Reception(call.settings, log)
        call.shutdown.whenOverdue(after: Reception.grace + ServeCommand.farewellMax) {
            LastResort.end(log, why: "answers in flight have not ended in time")
        }
        let address = try reception.open()
        Reload.atHangUp(call, log) { news in
            try reception.reload(news.settings.front.tokens)
            return []
        }
        if log.isText { Console.complain("The front listens at \(address). Ctrl-C ends it.") }
        await withCheckedContinuation { continuation in
            call.shutdown.whenAsked { continuation.resume() }
        }
        log.say(.info, "draining", "draining: answers in flight may end")
        await reception.close()
        log.say(.info, "stopped", "stopped")
    }
}
