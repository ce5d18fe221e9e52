internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// One run from its start to its verdict: looked up, performed, judged.
struct Attempt: Sendable {
    let kinds: [String: AnyKind]
    let definitions: LiveDefinitions
    let tally: Tally
    let shared: Run.Shared
    let tell: @Sendable (FarmEvent) -> Void

    /// From so many runs on, even the database's trouble is charged: something is wrong with this job.
    static let runsMax: Int32 = 100

    var work: Pool.Work {
        Pool.Work(
            timeLimit: { definitions.timeLimit(of: $0.kind) ?? .seconds(60) }, perform: perform, judge: judge,
            isStillClaimed: isStillClaimed)
    }

    /// A database that does not answer is no reason not to run: the fence stands behind the run as well.
    private func isStillClaimed(_ job: ClaimedJob) async -> Bool {
        (try? await shared.store.isClaimed(job.token)) ?? true
    }

    private func perform(_ job: ClaimedJob) async -> Outcome {
        guard let kind = kinds[job.kind] else { return .snooze(.seconds(10)) }
        tell(.runStarted(job.id, kind: job.kind, run: job.token.run, trace: job.trace))
        if job.isRecovered { await noteBegin(job) }
        shared.killPoint?.pass(.beforeStart)
        do {
            return try await kind.perform(Run(job: job, shared: shared))
        } catch StoreError.stale {
            tally.count { $0.stale += 1 }
            tell(.overtaken(job.id))
            return .committed
        } catch let error as PostgresError where error.isTrouble && job.token.run < Attempt.runsMax {
            // The database's trouble is not the job's failure; the fence decides what an unknown outcome was.
            tell(.trouble("job \(job.id) is tried again: \(String(reflecting: error))"))
            return .snooze(.seconds(Double.random(in: 1...3)))
        } catch {
            return .fail(error: sentence(of: error))
        }
    }

    /// From now on the death of this process counts against the job. A database that does not answer is no reason not
    /// to run: the death is not counted then.
    private func noteBegin(_ job: ClaimedJob) async {
        do {
            try await shared.store.begin(job.token)
        } catch  where !(error is CancellationError) {
            tell(.trouble("the begin of recovered job \(job.id) is not noted: \(String(reflecting: error))"))
        } catch {
            // The run is told to end, and learns it by itself.
        }
    }

    /// What people read in the list of errors. The database's own words belong to an engineer: a job's errors are read
    /// by operators only.
    private func sentence(of error: any Error) -> String {
        switch error {
        case is CancellationError: "it was ended"
        case let error as PostgresError: "\(error.sentence)"
        default: "\(error)"
        }
    }

    private func judge(_ job: ClaimedJob, _ outcome: Outcome, _ ending: Pool.Ending?, _ took: Duration)
        -> Pool.Verdict
    {
        let verdict = verdict(on: job, outcome, ending)
        tally.ran(job, took: took)
        let words = if case .handBack = verdict { "handed back" } else { outcome.words }
        tell(
            .runEnded(
                job.id, kind: job.kind, run: job.token.run, words: words, took: took, trace: job.trace))
        return verdict
    }

    private func verdict(on job: ClaimedJob, _ outcome: Outcome, _ ending: Pool.Ending?) -> Pool.Verdict {
        // Judged here, once: a batch of settlements never fails on it.
        let refusal: String? = if case .done(let result?, _) = outcome { result.refusalAsResult } else { nil }
        switch (ending, outcome) {
        case (_, .committed):
            tally.count {
                $0.done += 1
                $0.byQueue[job.queue, default: Tally.Ends()].done += 1
            }
            return .dropped
        case (.cancelled, _), (.leaseLost, _):
            return .dropped
        case (.drained, .fail):
            return .handBack
        case (.timeLimit, .fail):
            let limit = definitions[job.kind]?.timeLimit.text ?? "60s"
            return settle(job, .fail(error: "it ran longer than its time limit of \(limit)"))
        case (_, .done(let result, let followUps))
        where job.isPlain && followUps.isEmpty && refusal == nil:
            return .plain(PlainSettlement(token: job.token, isKept: job.isKept, result: result))
        default:
            if let refusal { tell(.refusedData(job.id, error: refusal)) }
            return settle(job, outcome)
        }
    }

    private func settle(_ job: ClaimedJob, _ outcome: Outcome) -> Pool.Verdict {
        var patience = definitions[job.kind]?.patience ?? Patience()
        if let own = job.attemptsMax { patience.attemptsMax = own }
        let settlement = patience.settlement(
            of: outcome, failures: job.failures, age: job.age, random: Double.random(in: 0...1))
        guard let settlement else { return .dropped }
        let newJobs: [NewJob] =
            switch (settlement, outcome) {
            case (.finish, .done(_, let followUps)): followUps
            case (.wait, .await(let children, _)): children
            default: []
            }
        return .other(Pool.Other(token: job.token, settlement: settlement, newJobs: newJobs))
    }
}

extension ClaimedJob {
    /// Where in which trace it was asked for.
    fileprivate var trace: String? {
        guard let meta else { return nil }
        return (try? meta.parts())?["traceparent"]?.string
    }
}

extension PostgresError {
    /// It passes by itself: lost connections, restarts, locks, deadlocks. Not a statement that takes too long.
    fileprivate var isTrouble: Bool {
        if case .timedOut = self { return false }
        return isTransient
    }
}

extension Outcome {
    /// For the log.
    var words: String {
        switch self {
        case .done, .committed: "done"
        case .snooze(let pause): "snoozes for \(pause.text)"
        case .cancel(let reason): "cancelled: \(reason)"
        case .fail(let error): "failed: \(error)"
        case .failForGood(let error): "failed for good: \(error)"
        case .await(let children, _): "waits for \(children.count) children"
        }
    }
}
