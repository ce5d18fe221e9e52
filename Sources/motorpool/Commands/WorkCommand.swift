internal import Farm
internal import Jobs
internal import Platform
internal import Postgres
internal import Store
internal import Trial
internal import Workshop

/// Works the queue until it is asked to end.
enum WorkCommand: Command {
    static let name = "work"
    static let summary = "Work the queue of a database, until SIGTERM"
    static let settings: Set<Setting.Group> = [.database, .policies, .trial, .farm, .log, .workshop]
    static let flags = [FarmLog.verbose]
    static let drainsOnSignals = true
    static let reloadsOnHangUp = true
    static let notes = """
        The first SIGTERM or SIGINT drains: no new claims, running jobs may end within the grace time,
        the rest goes back in line and costs no attempt. The second one ends the process at once; its
        jobs are rescued when its lease has ended. SIGHUP reads policies and schedule again; with a fault in
        them everything goes on as before. When too many runs don't end, the process ends with 70.
        """

    static func run(_ call: Invocation) async throws -> ExitCode {
        let policies = try Workplace.policies(call.settings)
        try ConfinementCheck.require(call.settings)
        try await checkSchema(call.settings)
        let log = try Log(isText: call.settings.logsText)
        let result: Result<Void, any Error>
        do { result = .success(try await work(call, policies, log)) } catch { result = .failure(error) }
        await log.close()
        try result.get()
        return .ok
    }

    /// Runs a farm to its end.
    /// - Parameters:
    ///   - beforeDraining: what has to end first when the process is asked to end.
    ///   - beforeReloading: what else takes what was read anew; when it throws, nothing is reloaded.
    static func work(
        _ call: Invocation, _ policies: Policies, _ log: Log,
        beforeDraining: (@Sendable () async -> Void)? = nil,
        beforeReloading: @escaping @Sendable (Reload.News) throws -> Void = { _ in }
    ) async throws {
        var settings = call.settings.farm
        settings.definitions = policies.definitions
        settings.schedule = call.settings.firesSchedule ? policies.schedule : nil
        settings.lastResort = { LastResort.end(log, why: $0) }
        try checkQueues(settings)
        var steam = call.settings.steam
        steam.unpacker = try OwnProgram.path()
        steam.means = call.settings.confinement.means(of: .shared)
        // The stand-in for steamcmd is this program.
        if steam.isSandbox { steam.steamcmdReads = [try OwnProgram.path()] + loadedLibraries() }
        let store = Store(call.settings.connection, connectionsMax: call.settings.connectionsMax)
        if !call.settings.hasTrialKinds { try await store.withdraw(kinds: TrialKinds.names) }
        let farmLog = FarmLog(log, isVerbose: call.has(FarmLog.verbose))
        let known = Workplace.kinds(call.settings)
        let workshop = WorkshopKinds(store.database, steam)
        let trial = TrialKinds.all(ledger: call.settings.trialLedger)
        let kinds = (trial + workshop.all).filter { known.contains($0.name) }
        let farm = Farm(store: store, settings: settings, kinds: kinds) { event in
            farmLog.tell(event)
            // What the process holds beside the farm ends with it.
            if case .wornOut = event { call.shutdown.ask() }
        }
        let grace = settings.grace
        call.shutdown.whenOverdue(after: grace + farewellMax) {
            LastResort.end(log, why: "it has not ended within its grace time of \(grace.text)")
        }
        call.shutdown.whenAsked { end(farm, after: beforeDraining, within: grace) }
        let (worked, fires) = (settings, call.settings.firesSchedule)
        Reload.atHangUp(call, log) { news in
            guard let policies = news.policies else { return [] }
            var settings = worked
            settings.definitions = policies.definitions
            try checkQueues(settings)
            try beforeReloading(news)
            return try await farm.reload(policies.definitions, schedule: fires ? policies.schedule : [])
        }
        if fetchesMods(settings) { ConfinementCheck.tell(call.settings, log) }
        let lookout = Task {
            guard fetchesMods(settings) else { return }
            await Lookout.tell(call.settings.steam, log)
        }
        defer { lookout.cancel() }
        let result: Result<Void, any Error>
        do {
            result = .success(try await farmLog.following({ farm.counts }, while: { try await farm.run() }))
        } catch {
            result = .failure(error)
        }
        await workshop.close()
        await store.close()
        try result.get()
    }

    /// What may follow the grace time: runs that are told to end, the last settlements, closing.
    private static let farewellMax = Duration.seconds(12)

    /// Ends the farm, when `first` has ended or its time is over, from a thread of its own: a signal's action must not
    /// wait, and a task might never run.
    private static func end(
        _ farm: Farm, after first: (@Sendable () async -> Void)?, within grace: Duration
    ) {
        guard let first else { return farm.stop() }
        let asked = ContinuousClock.now
        _ = BlockingThread.start("ending") {
            let isOver = Monitor(false)
            // Ends on its own; it is only not waited for any longer.
            Task {
                await first()
                isOver.withLock { $0 = true }
                isOver.broadcast()
            }
            _ = isOver.wait(atMost: min(grace, Reception.grace)) { $0 ? true : nil }
            farm.stop(asked: asked)
        }
    }

    private static func fetchesMods(_ settings: FarmSettings) -> Bool {
        guard let definition = settings.definitions[WorkshopKinds.download] else { return false }
        return settings.lanes.keys.contains(definition.queue)
    }

    private static func checkQueues(_ settings: FarmSettings) throws {
        let unknown = (settings.queues ?? []).subtracting(settings.definitions.lanes.keys).sorted()
        let known = settings.definitions.lanes.keys.sorted().joined(separator: ", ")
        let faults = unknown.map {
            Fault(file: "MOTORPOOL_QUEUES", message: "no kind has the queue “\($0)”; the queues are \(known)")
        }
        guard faults.isEmpty else { throw ConfigurationFaults(faults: faults) }
    }

    static func checkSchema(_ settings: Settings) async throws {
        for (name, migrator) in Workplace.neededMigrators(settings) {
            switch try await migrator.check(settings.connection) {
            // A newer program's schema is fine while a roll-out is under way.
            case .current, .newer: continue
            case .behind:
                throw Refusal(
                    "the schema \(name) is behind this program: run motorpool migrate", .configuration)
            case .drifted(let differences): throw MigrationDrift(differences: differences)
            }
        }
    }
}
