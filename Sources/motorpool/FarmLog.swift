internal import Farm
internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// Tells the log what a farm does: what an operator should know always, single runs only when asked.
final class FarmLog: Sendable {
    static let verbose = Flag("--verbose", "Log every claim and every run")

    private struct State {
        var failuresTold = 0
        var troubles: [String: Trouble] = [:]
    }

    private struct Trouble {
        var toldAt: Duration
        var unsaid = 0
    }

    private static let troubleInterval = Duration.seconds(5)
    private static let summaryInterval = Duration.seconds(10)
    /// So many lines about failed runs between two summaries; the summary counts the rest.
    private static let failuresToldMax = 20

    private let log: Log
    private let isVerbose: Bool
    private let state = Lock(State())

    init(_ log: Log, isVerbose: Bool) {
        self.log = log
        self.isVerbose = isVerbose
    }

    func tell(_ event: FarmEvent) {
        switch event {
        case .started(let worker):
            log.say(.info, "started", "worker \(worker) works", [("worker", .int(worker.number))])
        case .bellConnected: log.say(.info, "bell_connected", "the bell is connected")
        case .bellLost(let why): trouble("the bell is lost, every queue looks by itself meanwhile: \(why)")
        case .rescued(let worker, let recovered, let setAside): rescued(worker, recovered, setAside)
        case .orphansRescued(let count):
            log.say(
                .warning, "orphans_rescued", "\(count) jobs of no worker are back in line",
                [("count", JSONText(count))])
        case .leaseLost(let worker, let why):
            log.say(
                .error, "lease_lost", "worker \(worker) lost its lease: \(why)",
                [("worker", .int(worker.number))])
        case .refusedData(let job, let error):
            log.say(.error, "refused_data", "job \(job): \(error)", [("job", .int(job.number))])
        case .slots(let slots): decided(slots)
        case .trouble(let sentence): trouble(sentence)
        case .handedBack(let count):
            log.say(
                .info, "handed_back", "\(count) jobs are back in line, uncharged",
                [("count", JSONText(count))])
        case .runBlocks(let job, let kind, let seconds):
            stuck(
                .warning, "run_blocks", job, kind, seconds,
                "has run for \(seconds.text) without letting go of its thread; it costs one lane")
        case .runStuck(let job, let kind, let seconds):
            stuck(
                .error, "run_stuck", job, kind, seconds,
                "still runs after \(seconds.text), although it was told to end; it is given up, and its lane is lost"
            )
        case .leftRunning(let jobs):
            log.say(
                .warning, "left_running",
                "\(jobs.count) jobs still block their threads, and end with this process; a rescue puts them back in line",
                [("jobs", .array(jobs.prefix(100).map { .int($0.number) })), ("count", JSONText(jobs.count))])
        case .wornOut(let why):
            log.say(.error, "worn_out", "this process drains and ends, to be started anew: \(why)")
        case .draining: log.say(.info, "draining", "draining: no new claims, running jobs may end")
        case .stopped: log.say(.info, "stopped", "stopped")
        case .runEnded(let job, let kind, let run, let words, let took, let trace):
            runEnded(job, kind, run, words, took, trace)
        case .claimed, .runStarted, .stale, .overtaken, .cancelled: routine(event)
        }
    }

    /// Logs a summary every ten seconds in which something happened, for as long as `body` takes.
    func following(_ counts: @escaping @Sendable () -> Tally.Counts, while body: () async throws -> Void)
        async throws
    {
        let summaries = Task {
            var last = counts()
            while !Task.isCancelled {
                try await Task.sleep(for: Self.summaryInterval)
                let now = counts()
                summary(from: last, to: now)
                last = now
            }
        }
        defer { summaries.cancel() }
        try await body()
    }

    private func summary(from last: Tally.Counts, to now: Tally.Counts) {
        let (done, failed) = (now.done - last.done, now.failed - last.failed)
        let unsaid = state.withLock { state in
            state.failuresTold = 0
            let end = BootClock.now - Self.troubleInterval
            defer { state.troubles = state.troubles.filter { $0.value.toldAt > end } }
            return state.troubles.filter { $0.value.toldAt <= end && $0.value.unsaid > 0 }.map {
                ($0.key, $0.value.unsaid)
            }
        }
        for (sentence, count) in unsaid { tellTrouble(sentence, count) }
        guard done > 0 || failed > 0 || now.claimed > last.claimed else { return }
        let rate = Double(done * 10) / Self.summaryInterval.inSeconds
        log.say(
            .info, "summary", "\(done) done (\((rate.rounded()) / 10) a second), \(failed) failed",
            [
                ("done", JSONText(done)), ("failed", JSONText(failed)),
                ("claimed", JSONText(now.claimed - last.claimed)),
                ("snoozed", JSONText(now.snoozed - last.snoozed)),
                ("stale", JSONText(now.stale - last.stale)),
            ])
    }

    private func stuck(
        _ level: Log.Level, _ event: String, _ job: JobID, _ kind: String, _ seconds: Duration,
        _ words: String
    ) {
        log.say(
            level, event, "job \(job) (\(kind)) \(words)",
            [("job", .int(job.number)), ("kind", .string(kind)), ("seconds", JSONText(seconds))])
    }

    private func rescued(_ worker: String, _ recovered: Int, _ setAside: Int) {
        let aside = setAside > 0 ? ", \(setAside) set aside as dead" : ""
        log.say(
            .warning, "rescued",
            "worker \(worker) is gone: \(recovered) of its jobs wait again\(aside)",
            [
                ("worker", .string(worker)), ("recovered", JSONText(recovered)),
                ("set_aside", JSONText(setAside)),
            ])
    }

    private func runEnded(
        _ job: JobID, _ kind: String, _ run: Int32, _ words: String, _ took: Duration, _ trace: String?
    ) {
        let hasFailed = words.hasPrefix("failed")
        guard hasFailed || isVerbose else { return }
        if hasFailed, !isVerbose {
            let isRoom = state.withLock { state in
                state.failuresTold += 1
                return state.failuresTold <= Self.failuresToldMax
            }
            guard isRoom else { return }
        }
        log.say(
            hasFailed ? .warning : .info, hasFailed ? "run_failed" : "run_ended",
            "job \(job) (\(kind)), run \(run) of \(took.text): \(words)",
            [
                ("job", .int(job.number)), ("kind", .string(kind)), ("run", .int(Int64(run))),
                ("words", .string(words)), ("seconds", JSONText(took)),
            ] + FarmLog.fields(trace: trace))
    }

    private static func fields(trace: String?) -> [(String, JSONText)] {
        trace.map { [("traceparent", .string($0))] } ?? []
    }

    /// Skipped slots in one line a schedule: after a long absence there are many.
    private func decided(_ slots: [DecidedSlot]) {
        for (schedule, slots) in Dictionary(grouping: slots, by: \.schedule).sorted(by: { $0.key < $1.key }) {
            let skipped = slots.filter { $0.outcome == .skipped }
            if let last = skipped.last {
                let others = skipped.count > 1 ? " and \(skipped.count - 1) before it" : ""
                log.say(
                    .warning, "slot_skipped",
                    "\(schedule): the slot of \(last.slot.iso8601)\(others) was skipped: \(last.why ?? "")",
                    [("schedule", .string(schedule)), ("count", JSONText(skipped.count))])
            }
            for slot in slots where slot.outcome != .skipped && isVerbose {
                log.say(
                    .info, "slot_\(slot.outcome.rawValue)",
                    "\(schedule): the slot of \(slot.slot.iso8601)\(slot.job.map { " fired job \($0)" } ?? " waits")",
                    [
                        ("schedule", .string(schedule)), ("slot", .string(slot.slot.iso8601)),
                        ("job", JSONText(slot.job)),
                    ])
            }
        }
    }

    private func routine(_ event: FarmEvent) {
        guard isVerbose else { return }
        switch event {
        case .claimed(let queue, let jobs):
            let ids = jobs.map { JSONText.int($0.number) }
            log.say(
                .info, "claimed", "\(jobs.count) jobs of \(queue) claimed",
                [("queue", .string(queue)), ("jobs", .array(ids))])
        case .runStarted(let job, let kind, let run, let trace):
            log.say(
                .info, "run_started", "job \(job) (\(kind)), run \(run) starts",
                [("job", .int(job.number)), ("kind", .string(kind)), ("run", .int(Int64(run)))]
                    + FarmLog.fields(trace: trace))
        case .stale(let count):
            log.say(
                .info, "stale", "\(count) settlements came too late and changed nothing",
                [("count", JSONText(count))])
        case .overtaken(let job):
            log.say(.info, "overtaken", "job \(job) was overtaken", [("job", .int(job.number))])
        case .cancelled(let job):
            log.say(.info, "cancelled", "job \(job) was cancelled", [("job", .int(job.number))])
        default: break
        }
    }

    /// The same sentence at most once in five seconds, with how often it came meanwhile.
    private func trouble(_ sentence: String) {
        let now = BootClock.now
        let count = state.withLock { state -> Int? in
            // Sentences that never repeat must not pile up.
            if state.troubles.count > 1000 { state.troubles = [:] }
            if let last = state.troubles[sentence], now - last.toldAt < Self.troubleInterval {
                state.troubles[sentence]?.unsaid += 1
                return nil
            }
            defer { state.troubles[sentence] = Trouble(toldAt: now) }
            return state.troubles[sentence]?.unsaid ?? 0
        }
        if let count { tellTrouble(sentence, count + 1) }
    }

    private func tellTrouble(_ sentence: String, _ count: Int) {
        let times = count > 1 ? " (\(count) times)" : ""
        log.say(.warning, "trouble", sentence + times, [("count", JSONText(count))])
    }
}
