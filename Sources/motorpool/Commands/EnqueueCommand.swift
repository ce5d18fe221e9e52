internal import Jobs
internal import Store

/// Puts jobs in line.
enum EnqueueCommand: Command {
    static let name = "enqueue"
    static let summary = "Put a job in line, or many"
    static let operands = [Operand("KIND", isRequired: false)]
    static let settings: Set<Setting.Group> = [.database, .remote]

    static let args = Flag(
        "--args", "JSON", "Its arguments; - reads one job's arguments a line from standard input")
    static let many = Flag(
        "--many", "FILE", "Whole jobs, one JSON object a line, from FILE; - is standard input")
    static let subject = Flag(
        "--subject", "S", "Who or what it is about: at most one live job a kind and subject")
    static let key = Flag("--key", "K", "The same key twice is one job, for at least a day")
    static let delay = Flag("--delay", "TIME", "Not before this long from now, like 10s")
    static let runAt = Flag(
        "--run-at", "INSTANT", "Not before this instant, like 2027-03-28T01:30:00Z")
    static let priority = Flag("--priority", "P", "urgent, high, normal or low")
    static let queue = Flag("--queue", "Q", "Another queue than the kind's")
    static let limitKey = Flag("--limit-key", "K", "What the kind's limits a key count by")
    static let attempts = Flag("--attempts", "N", "How many attempts it has")
    static let count = Flag("--count", "N", "So many of the same")
    static let wait = Flag("--wait", "Wait until it has ended, and print its result")
    static let timeout = Flag("--timeout", "TIME", "How long to wait; default 60s")
    static let flags = [
        args, many, subject, key, delay, runAt, priority, queue, limitKey, attempts, count, wait, timeout,
        .json,
    ]
    static let notes = """
        A line of --many is an object: {"kind": "noop", "args": {}, "subject": "s", "key": "k",
        "delay": "10s", "priority": "high", "queue": "q", "limit_key": "l", "attempts": 3}; only kind is
        needed, and with KIND not even that. run_at stands in the place of delay. Lines are sent 1,000
        at a time, each batch whole or not at all.
        """

    static func run(_ call: Invocation) async throws -> ExitCode {
        if call.text(many) != nil || call.text(args) == "-" {
            return try await EnqueueMany.run(call)
        }
        let job = try job(call)
        let copies = try call.whole(count, in: 1...100_000_000)
        guard let copies, copies > 1 else { return try await enqueue(job, call) }
        guard job.key == nil, !call.has(wait) else {
            throw UsageError("--count goes with neither --key nor --wait")
        }
        return try await EnqueueMany.run(call, total: copies) { $0 < copies ? job : nil }
    }

    /// The job that the flags describe.
    static func job(_ call: Invocation) throws -> NewJob {
        guard let kind = call.operands.first else { throw UsageError("enqueue expects KIND, or --many") }
        var job = try template(kind, call)
        if let text = call.text(args) { job.args = try Self.json(text, called: "--args") }
        if let fault = job.fault { throw UsageError(fault.message) }
        return job
    }

    /// The job that the flags describe, but for its arguments.
    static func template(_ kind: String, _ call: Invocation) throws -> NewJob {
        guard call.text(delay) == nil || call.text(runAt) == nil else {
            throw UsageError("expected --run-at or --delay, found both")
        }
        return NewJob(
            kind, subject: call.text(subject), key: call.text(key), delay: try call.time(delay),
            runAt: try call.value(runAt, expected: "an instant like 2027-03-28T01:30:00Z") {
                Timestamp(rfc3339: $0)
            },
            priority: try call.value(priority, expected: "urgent, high, normal or low") {
                Priority(text: $0)
            },
            queue: call.text(queue), limitKey: call.text(limitKey),
            attemptsMax: try call.whole(attempts, in: 1...1000))
    }

    /// - Throws: `UsageError` that says where `text` stops being JSON.
    static func json(_ text: String, called name: String) throws -> JSON {
        let json = JSON(text: text)
        do throws(JSONFault) {
            return try json.parts().json
        } catch {
            throw UsageError("\(name) is no JSON: \(error)")
        }
    }

    /// Says on standard error that no live worker takes from the queue that was named. The job is enqueued in any case:
    /// its worker may come later.
    static func warnOfQueue(_ job: NewJob, _ id: JobID, _ door: any Door) async {
        guard let queue = job.queue, job.delay == nil else { return }
        // A warning only: when it can't be had, the enqueue has succeeded all the same.
        guard let report = try? await door.job(id), report.state == .waiting, let reason = report.reason,
            reason.hasPrefix("no live worker")
        else { return }
        Console.complain("queue \(queue): \(reason)")
    }

    private static func enqueue(_ job: NewJob, _ call: Invocation) async throws -> ExitCode {
        let timeout = try call.time(timeout) ?? .seconds(60)
        var job = job
        // What is waited for must leave a trace.
        if call.has(wait) { job.keep = true }
        return try await Workplace.withDoor(call) { door in
            let answer = try await door.enqueue([job])[0]
            if answer.verdict == .created { await warnOfQueue(job, answer.job, door) }
            guard call.has(wait), answer.isAccepted else {
                Console.print(call.has(.json) ? answer.json.text : answer.words(of: job))
                return answer.isAccepted ? .ok : .failed
            }
            if !call.has(.json) { Console.print(answer.words(of: job)) }
            return try await Wait(door: door, job: answer.job, asJSON: call.has(.json)).until(timeout)
        }
    }
}

extension Enqueued {
    func words(of asked: NewJob) -> String {
        switch verdict {
        case .created:
            if let delay = asked.delay {
                "job \(job) waits, due in \(delay.text)"
            } else if let instant = asked.runAt {
                "job \(job) waits, due at \(instant.text)"
            } else {
                "job \(job) waits"
            }
        case .duplicate: "job \(job) answers: the same key came before"
        case .joined: "job \(job) answers: the subject was joined"
        case .again: "job \(job) answers: it is running, and runs once more after that"
        case .refused: "refused: job \(job) is alive and has the subject"
        case .cooling:
            "refused: job \(job) of the same subject ended lately; ask again in \((coolsFor ?? .zero).text)"
        case .mismatch: "refused: the key came before with another body, as job \(job)"
        }
    }

    var json: JSONText {
        .object([
            ("id", JSONText(job)), ("verdict", .string(verdict.rawValue)), ("accepted", .bool(isAccepted)),
            ("cools_for_seconds", JSONText(coolsFor)),
        ])
    }
}
