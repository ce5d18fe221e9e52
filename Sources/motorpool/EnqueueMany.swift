internal import Jobs
internal import Store

/// Puts many jobs in line, a batch at a time.
enum EnqueueMany {
    /// Reads jobs from a file or standard input, as the flags say.
    static func run(_ call: Invocation) async throws -> ExitCode {
        guard !call.has(EnqueueCommand.wait) else { throw UsageError("--wait goes with one job only") }
        if call.text(EnqueueCommand.many) != nil, call.text(EnqueueCommand.args) != nil {
            throw UsageError("--many and --args don't go together: args stand in the lines of --many")
        }
        let path = call.text(EnqueueCommand.many) ?? "-"
        let source = try LineReader(path)
        let reader = JobLines(
            name: path == "-" ? "standard input" : path, kind: call.operands.first,
            isArgsOnly: call.text(EnqueueCommand.many) == nil)
        if reader.isArgsOnly, reader.kind == nil { throw UsageError("enqueue --args - expects KIND") }
        let template = try EnqueueCommand.template(reader.kind ?? "", call)
        return try await run(call, total: nil) { _ in
            while let line = try source.next() {
                if let job = try reader.job(line, from: template, number: source.number) { return job }
            }
            return nil
        }
    }

    /// Enqueues what `next` gives until that is `nil`.
    ///
    /// - Parameters:
    ///   - total: when it is known, for the progress bar.
    ///   - next: the job at an index.
    static func run(
        _ call: Invocation, total: Int?, next: @escaping (Int) throws -> NewJob?
    ) async throws -> ExitCode {
        var bar = ProgressBar(total: total)
        var tally = Tally(asJSON: call.has(.json))
        let result: Result<Void, any Error>
        do {
            try await Workplace.withDoor(call) { door in
                var isMore = true
                while isMore {
                    let batch: [NewJob]
                    (batch, isMore) = try Self.batch(from: tally.count, next)
                    let answers = try await door.enqueue(batch)
                    // Of the first batch alone: a warning, not an inventory.
                    if tally.count == 0, let job = batch.first, let answer = answers.first,
                        answer.verdict == .created
                    {
                        await EnqueueCommand.warnOfQueue(job, answer.job, door)
                    }
                    tally.add(answers)
                    bar.show(tally.count)
                }
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        bar.end()
        tally.tell()
        try result.get()
        return tally.refused == 0 ? .ok : .failed
    }

    /// The next jobs, as many as one round trip to the database carries.
    private static func batch(
        from index: Int, _ next: (Int) throws -> NewJob?
    ) throws -> (jobs: [NewJob], isMore: Bool) {
        var batch: [NewJob] = []
        var bytes = 0
        while batch.count < Bounds.batchJobsMax, bytes < Store.tripBytesMax {
            guard let job = try next(index + batch.count) else { return (batch, false) }
            batch.append(job)
            bytes += job.payloadBytes
        }
        return (batch, true)
    }

    /// What became of them.
    private struct Tally {
        let asJSON: Bool
        var verdicts: [Enqueued.Verdict: Int] = [:]
        var first: JobID?
        var last: JobID?
        var refused = 0
        var count = 0

        mutating func add(_ answers: [Enqueued]) {
            count += answers.count
            for answer in answers {
                verdicts[answer.verdict, default: 0] += 1
                if !answer.isAccepted { refused += 1 }
                if answer.verdict == .created {
                    first = first ?? answer.job
                    last = answer.job
                }
                if asJSON { Console.print(answer.json.text) }
            }
        }

        func tell() {
            guard !asJSON else { return }
            if let first, let last {
                Console.print("\(verdicts[.created] ?? 0) jobs wait, \(first) to \(last)")
            }
            for verdict in Enqueued.Verdict.allCases where verdict != .created {
                if let count = verdicts[verdict] { Console.print("\(count) \(verdict.rawValue)") }
            }
            if count == 0 { Console.print("no jobs") }
        }
    }
}
