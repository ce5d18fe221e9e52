import Farm
import Glibc
import Jobs
import Platform
import Trial

/// One worker process under torture: `motorpool work`, its log, and the signals we send it.
final class WorkerProcess: Sendable {
    /// How a worker is started.
    struct Settings: Sendable {
        let binary: String
        /// Of the database, by way of the proxy.
        let url: String
        let jobs: String
        let logs: String
        var lease = Duration.seconds(2)
        var grace = Duration.seconds(2)
        var kinds = TrialKinds.names
        var queues: [String] = []
        /// Told besides.
        var variables: [String: String] = [:]
        /// Without its flags.
        var command = ["work"]
    }

    let name: String
    let startedAt = ContinuousClock.now
    private let child: ChildProcess
    private let log: String

    /// - Parameter killPoint: `place:count` or `place:count:stop`.
    static func start(_ name: String, _ settings: Settings, killPoint: String? = nil) throws -> WorkerProcess
    {
        var environment = [
            "MOTORPOOL_TRIAL": "1", "MOTORPOOL_KINDS": settings.kinds.joined(separator: ","),
            "DATABASE_URL": settings.url, "MOTORPOOL_JOBS": settings.jobs, "MOTORPOOL_NAME": name,
            "MOTORPOOL_LEASE": settings.lease.text, "MOTORPOOL_GRACE": settings.grace.text,
            "PATH": "/usr/bin:/bin", "HOME": settings.logs, "TMPDIR": settings.logs,
        ]
        environment["MOTORPOOL_KILLPOINT"] = killPoint
        if !settings.queues.isEmpty {
            environment["MOTORPOOL_QUEUES"] = settings.queues.joined(separator: ",")
        }
        environment.merge(settings.variables) { $1 }
        let log = "\(settings.logs)/\(name).log"
        let child = try ChildProcess.start(
            [settings.binary] + settings.command + ["--verbose"], environment: environment, directory: "/",
            output: .file(log))
        return WorkerProcess(name: name, child: child, log: log)
    }

    private init(name: String, child: ChildProcess, log: String) {
        self.name = name
        self.child = child
        self.log = log
    }

    var pid: Int32 { child.pid }

    /// How it ended; nil while it lives.
    var ended: ChildProcess.ExitStatus? { child.wait(deadline: .zero) }

    /// Whether it stands still under SIGSTOP.
    var isStopped: Bool {
        let stat = TextFile.read("/proc/\(pid)/stat")
        // The name may hold anything, parentheses too; the state follows the last one.
        guard let end = stat.lastIndex(of: ")") else { return false }
        return stat[end...].dropFirst(2).first == "T"
    }

    func signal(_ number: Int32) { child.signalGroup(number) }

    /// How it ended, when that happens within `limit`.
    func waitForEnd(within limit: Duration) async throws -> ChildProcess.ExitStatus? {
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            if let ended { return ended }
            try await Task.sleep(for: .milliseconds(5))
        }
        return ended
    }

    /// SIGKILL to its group, and its end.
    func kill() { child.kill() }

    /// What it has logged.
    var lines: [Substring] { TextFile.read(log).split(separator: "\n") }

    /// Whether it has logged such an event.
    func hasLogged(_ event: String) -> Bool {
        lines.contains { WorkerProcess.event(of: $0).map(String.init) == event }
    }

    /// What it said at such events.
    func messages(of event: String) -> [String] { told("message", at: event) }

    /// A field of each of its lines about such events.
    func told(_ name: String, at event: String) -> [String] {
        lines.filter { WorkerProcess.event(of: $0).map(String.init) == event }
            .compactMap { WorkerProcess.field(name, of: $0).map(String.init) }
    }

    /// Writes that came too late and were refused, as it logged them.
    var staleLogged: Int {
        lines.reduce(0) { sum, line in
            switch WorkerProcess.event(of: line).map(String.init) {
            case "overtaken": sum + 1
            case "stale": sum + (WorkerProcess.field("count", of: line).flatMap { Int($0) } ?? 1)
            default: sum
            }
        }
    }

    private static func event(of line: Substring) -> Substring? { field("event", of: line) }

    /// A field of a log line: flat JSON, as the worker writes it.
    static func field(_ name: String, of line: Substring) -> Substring? {
        guard let start = line.firstRange(of: "\"\(name)\":")?.upperBound else { return nil }
        let value = line[start...]
        return value.first == "\""
            ? value.dropFirst().prefix { $0 != "\"" } : value.prefix { $0 != "," && $0 != "}" }
    }
}
