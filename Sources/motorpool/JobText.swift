internal import Jobs
internal import Postgres
internal import Store

/// One job in words.
enum JobText {
    /// On one line: number, state, what keeps it, how far it is.
    static func line(_ job: JobReport) -> String {
        var line = "job \(job.id) \(job.state.rawValue)"
        if let reason = job.reason { line += ": \(Console.harmless(reason))" }
        if let progress = progress(job) { line += ", \(progress)" }
        return line
    }

    /// Why it stands where it stands, on one line: a dead one's last error with it.
    static func why(_ job: JobReport) -> String {
        guard job.state == .dead, let error = errors(job).last?.error.split(whereSeparator: \.isNewline).first
        else { return job.reason ?? progress(job) ?? "" }
        return [job.reason, String(error.prefix(200))].compactMap { $0 }.joined(separator: ": ")
    }

    /// What became of it.
    static func ending(_ job: JobReport) -> String {
        var lines = [line(job)]
        if let result = job.result { lines.append(Console.harmless(result.description)) }
        if job.state == .dead, let last = errors(job).last { lines.append(Console.harmless(last.error)) }
        return lines.joined(separator: "\n")
    }

    static func progress(_ job: JobReport) -> String? {
        let phase = job.phase.map { Console.harmless($0) + " " } ?? ""
        guard let done = job.done else { return job.phase == nil ? nil : phase }
        guard let total = job.total, total > 0 else { return "\(phase)\(done)" }
        return phase + ProgressBar.bar(Int(done), of: Int(total))
    }

    /// Everything about it.
    static func page(_ job: JobReport) -> String {
        var rows: [(String, String?)] = [
            ("state", colored(job.state)), ("reason", job.reason), ("kind", job.kind), ("queue", job.queue),
            ("priority", job.priority.description), ("subject", job.subject), ("limit key", job.limitKey),
            ("run", String(job.run)), ("failures", String(job.failures)),
            ("deaths", job.workerDeaths > 0 ? "\(job.workerDeaths) of its workers died" : nil),
            ("worker", job.worker),
            ("progress", progress(job)), ("parent", job.parent?.description),
            ("children", job.childrenLeft.map { "\($0) have not ended" }),
            ("created", job.createdAt.iso8601), ("due", job.dueAt?.iso8601),
            ("started", job.startedAt?.iso8601),
            ("ended", job.endedAt?.iso8601), ("args", job.args.description), ("meta", job.meta?.description),
            ("result", job.result?.description),
        ]
        rows += errors(job).map { ("error", "run \($0.run), \($0.at): \($0.error)") }
        let lines = rows.flatMap { name, value in
            value.map { Self.lines(name, name == "state" ? $0 : Console.harmless($0)) } ?? []
        }
        return (["job \(job.id)"] + lines).joined(separator: "\n")
    }

    private static func lines(_ name: String, _ value: String) -> [String] {
        "  \(name.padded(to: 10))\(value)".folded(to: Console.widthMax, indent: 12)
    }

    /// `text`, by default the state's name, in the colour of the state.
    static func colored(_ state: ToldState, _ text: String? = nil) -> String {
        let color: Color =
            switch state {
            case .waiting: .yellow
            case .running: .blue
            case .done: .green
            case .dead: .red
            case .cancelled: .grey
            }
        return color(text ?? state.rawValue)
    }

    /// Its failures, oldest first.
    static func errors(_ job: JobReport) -> [(run: String, at: String, error: String)] {
        guard let errors = job.errors, case .array(let parts)? = try? errors.parts().value else { return [] }
        return parts.map { part in
            (
                part["run"]?.json.description ?? "?", part["at"]?.string ?? "?",
                part["error"]?.string ?? part.json.description
            )
        }
    }
}
