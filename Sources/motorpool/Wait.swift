internal import Jobs
internal import Store

/// Waits for the end of one job.
struct Wait {
    let door: any Door
    let job: JobID
    let asJSON: Bool
    /// Thrown when the job is not there, and was not seen before; `nil`: it was there for certain.
    var absence: Refusal?

    /// - Returns: 0 done, 1 dead or cancelled, 75 when the time ran out.
    func until(_ limit: Duration) async throws -> ExitCode {
        let deadline = ContinuousClock.now + limit
        var looks = 0
        var misses = 0
        var wasSeen = false
        while true {
            let left = max(.zero, ContinuousClock.now.duration(to: deadline))
            let report = try await door.job(job, turn: looks, within: left)
            if let report, report.state != .waiting, report.state != .running { return told(report) }
            // A job may move from one place to another while we look at the places one by one.
            misses = report == nil ? misses + 1 : 0
            if let absence, report == nil, !wasSeen { throw absence }
            wasSeen = true
            if misses == 3 { return gone() }
            guard ContinuousClock.now < deadline else { return late(report, limit) }
            if let report { Console.update(JobText.line(report).cut(to: Console.widthMax - 1)) }
            looks += 1
        }
    }

    private func told(_ report: JobReport) -> ExitCode {
        Console.update("")
        if asJSON {
            Console.print(report.json.text)
        } else {
            Console.print(JobText.ending(report))
        }
        return report.state == .done ? .ok : .failed
    }

    private func gone() -> ExitCode {
        Console.update("")
        if asJSON { Console.print(JSONText.object([("id", JSONText(job)), ("state", .null)]).text) }
        Console.complain("job \(job) has left, and its kind keeps no history: nobody knows how it ended")
        return .failed
    }

    private func late(_ report: JobReport?, _ limit: Duration) -> ExitCode {
        Console.update("")
        if asJSON, let report { Console.print(report.json.text) }
        let words = report.map { JobText.line($0) } ?? "job \(job)"
        Console.complain("\(words); it has not ended within \(limit.text), and goes on")
        return .temporary
    }
}
