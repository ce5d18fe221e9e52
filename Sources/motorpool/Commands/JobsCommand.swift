internal import Jobs
internal import Platform
internal import Postgres
internal import Store

/// Lists jobs.
enum JobsCommand: Command {
    static let name = "jobs"
    static let summary = "List jobs, newest first, and how deep the queues are"
    static let settings: Set<Setting.Group> = [.database, .remote]
    static let state = Flag("--state", "STATE", "Only waiting, running, done, dead or cancelled ones")
    static let kind = Flag("--kind", "KIND", "Only of this kind")
    static let queue = Flag("--queue", "QUEUE", "Only of this queue")
    static let subject = Flag("--subject", "S", "Only about this subject")
    static let before = Flag("--before", "ID", "Only older ones: the last id of the page before")
    static let limit = Flag("--limit", "N", "At most so many; default \(JobFilter().limit)")
    static let notes = "The state folder is named by MOTORPOOL_STATE here: --state is the state of a job."
    static let flags = [state, kind, queue, subject, before, limit, Flag.json]

    static func run(_ call: Invocation) async throws -> ExitCode {
        let filter = try filter(call)
        let isWhole = flags.allSatisfy { $0.name == limit.name || call.text($0) == nil }
        try await Workplace.withDoor(call) { door in
            if isWhole, !call.has(.json), let (depths, more) = try await door.depths() {
                tell(depths: depths, more: more)
            }
            let jobs = try await door.jobs(filter)
            if call.has(.json) {
                for job in jobs { Console.print(job.json.text) }
            } else {
                tell(jobs)
            }
            if jobs.count == filter.limit, let last = jobs.last {
                Console.complain("more: --before \(last.id)")
            }
        }
        return .ok
    }

    private static func filter(_ call: Invocation) throws -> JobFilter {
        var filter = JobFilter()
        let states = ToldState.allCases.map(\.rawValue).joined(separator: ", ")
        filter.state = try call.value(state, expected: "one of \(states)") { ToldState(rawValue: $0) }
        filter.kind = call.text(kind)
        filter.queue = call.text(queue)
        filter.subject = call.text(subject)
        filter.before = try call.value(before, expected: "the number of a job") {
            Int64($0).map { JobID($0) }
        }
        filter.limit = try call.whole(limit, in: 1...1000) ?? filter.limit
        return filter
    }

    /// So many queues stand above the list of jobs.
    private static let queuesMax = 20

    private static func tell(depths all: [QueueDepth], more: Int) {
        guard !all.isEmpty else { return Console.print("the queues are empty\n") }
        let sizes = Dictionary(all.map { ($0.queue, $0.count) }, uniquingKeysWith: +)
        let largest = sizes.keys.sorted { (-(sizes[$0] ?? 0), $0) < (-(sizes[$1] ?? 0), $1) }
        let told = Set(largest.prefix(queuesMax))
        let depths = all.filter { told.contains($0.queue) }
        let left = more + largest.count - told.count
        var table = Table(columns: [.left("QUEUE"), .left("STATE"), .right("JOBS"), .right("OLDEST")])
        for depth in depths {
            table.add([
                depth.queue, depth.state, "\(depth.count)\(depth.isMore ? "+" : "")",
                depth.oldest.map { max($0, .zero).roughly } ?? "",
            ])
        }
        Console.print(
            table.text + (left == 0 ? "\n" : "and \(left) more queues, with fewer jobs than these\n"))
    }

    private static func tell(_ jobs: [JobReport]) {
        guard !jobs.isEmpty else { return Console.print("no jobs") }
        var table = Table(columns: [
            .right("ID"), .left("KIND"), .left("STATE"), .left("PRIORITY"), .right("AGE"), .left("REASON"),
        ])
        let now = WallClock.microseconds
        for job in jobs {
            let age = Duration.microseconds(max(0, now - job.createdAt.microseconds))
            table.add([
                job.id.description, job.kind, job.state.rawValue, job.priority.description, age.roughly,
                JobText.why(job),
            ]) { column, text in column == 2 ? JobText.colored(job.state, text) : text }
        }
        Console.print(table.text)
    }
}

extension Duration {
    /// In the largest fitting unit: `3s`, `12m`, `5h`, `2d`.
    var roughly: String {
        let seconds = Int(inSeconds)
        switch seconds {
        case ..<1: return "\(Int(inSeconds * 1000))ms"
        case ..<120: return "\(seconds)s"
        case ..<7200: return "\(seconds / 60)m"
        case ..<172_800: return "\(seconds / 3600)h"
        default: return "\(seconds / 86_400)d"
        }
    }
}
