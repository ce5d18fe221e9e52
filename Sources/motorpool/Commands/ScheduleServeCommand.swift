internal import Farm
internal import Jobs
internal import Store

/// Fires the schedule, and works nothing.
enum ScheduleServeCommand: Command {
    static let name = "schedule serve"
    static let summary = "Fire the schedule and nothing else, until SIGTERM"
    static let settings: Set<Setting.Group> = [.database, .policies, .trial, .farm]
    static let flags = [FarmLog.verbose]
    static let drainsOnSignals = true
    static let reloadsOnHangUp = true
    static let notes = """
        Any number of processes may fire one schedule: each slot is decided once. work and up fire it too, unless they
        are told not to. SIGHUP reads policies and schedule again; with a fault in them it goes on as before.
        """

    static func run(_ call: Invocation) async throws -> ExitCode {
        let policies = try Workplace.policies(call.settings)
        guard !policies.schedule.isEmpty else {
            throw Refusal(
                "there is no schedule to fire: no scheduler.conf, or none with a line", .configuration)
        }
        try await WorkCommand.checkSchema(call.settings)
        let log = try Log(isText: call.settings.logsText)
        let result: Result<Void, any Error>
        do { result = .success(try await serve(call, policies, log)) } catch { result = .failure(error) }
        await log.close()
        try result.get()
        return .ok
    }

    private static let farewellMax = Duration.seconds(10)

    private static func serve(_ call: Invocation, _ policies: Policies, _ log: Log) async throws {
        let store = Store(call.settings.connection, connectionsMax: 2, claimConnectionsMax: 1)
        let farmLog = FarmLog(log, isVerbose: call.has(FarmLog.verbose))
        do {
            try await store.publish(policies.definitions)
        } catch {
            await store.close()
            throw error
        }
        let scheduler = Scheduler(
            store: store, lines: policies.schedule, ledgerDays: call.settings.farm.historyDays
        ) { farmLog.tell($0) }
        log.say(
            .info, "scheduling", "\(policies.schedule.count) lines of the schedule are fired",
            [("lines", .array(policies.schedule.map { .string($0.name) }))])
        // Outlives no more than this function: cancelled by the signal, and awaited below.
        let firing = Task { await scheduler.run() }
        call.shutdown.whenAsked { firing.cancel() }
        call.shutdown.whenOverdue(after: farewellMax) {
            LastResort.end(log, why: "the schedule has not ended in time")
        }
        Reload.atHangUp(call, log) { news in
            guard let policies = news.policies else { return [] }
            try await store.publish(policies.definitions)
            scheduler.replace(with: policies.schedule)
            return []
        }
        await firing.value
        await store.bell.settled()
        await store.close()
        log.say(.info, "stopped", "stopped")
    }
}
