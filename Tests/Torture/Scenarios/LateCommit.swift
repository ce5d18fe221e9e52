import Jobs
import Platform
import Postgres
import Store

/// A transaction draws its job's place in line early and commits late, when claims have long gone past it.
struct LateCommit: Scenario {
    static let name = "late-commit"
    static let promise = "a job that commits behind the watermark under full claims starts within 2 s"

    /// A claim never wants more; with so many in line each one comes back full.
    private static let fullMin = 1000
    private static let startMax = Duration.seconds(2)

    func play(_ theatre: Theatre) async throws -> Verdict {
        try await theatre.withStage("late_commit", policies: ["noop": "queue = trial\nlanes = 2"]) { stage in
            let backlog = Backlog(stage)
            return try await withThrowingTaskGroup(of: Void.self) { group in
                let (job, past) = try await drawEarlyCommitLate(stage) {
                    try await backlog.fill(to: 30_000)
                    for _ in 0..<2 { group.addTask { try await backlog.keepFull() } }
                    group.addTask { try await backlog.watch() }
                }
                let waited = try await wait(for: job, on: stage)
                group.cancelAll()
                return Verdict(
                    "\(past) later ones were done before its commit, it started \(waited.text) after it, at least \(backlog.least) others in line",
                    [
                        (
                            "at most \(theatre.bound(LateCommit.startMax).text)",
                            waited <= theatre.bound(LateCommit.startMax)
                        ),
                        ("claims full to the end", backlog.least >= LateCommit.fullMin),
                        ("the watermark past its place", past >= LateCommit.fullMin),
                    ])
            }
        }
    }

    /// Draws a place in line before everybody else, and commits when claims have gone past it.
    /// - Returns: the job, and how many later ones had been done by then.
    private func drawEarlyCommitLate(
        _ stage: Stage, fill: () async throws -> Void
    ) async throws -> (job: JobID, past: Int) {
        try await stage.store.database.transaction(within: .seconds(60)) { tx in
            let row = try await tx.run("SELECT motorpool.enqueue('noop', ring => false)").first
            guard let row else { throw TortureError("enqueue gave no answer") }
            let job = JobID(try row.get(0))
            try await fill()
            try await stage.waitUntilWorking([try stage.start("late-1")])
            // Sweeps go by meanwhile, and find nothing yet.
            try await Task.sleep(for: .milliseconds(1500))
            return (job, try await stage.count("SELECT count(*) FROM motorpool.history"))
        }
    }

    /// - Returns: from the commit, which was a moment ago, to the job's start.
    private func wait(for job: JobID, on stage: Stage) async throws -> Duration {
        let committed = try await now(stage)
        var started: PostgresTimestamp?
        try await eventually("the late job is done", within: .seconds(20)) {
            started = try await stage.store.job(job)?.startedAt
            return started != nil
        }
        let microseconds = (started?.microseconds ?? .max) - committed.microseconds
        return .microseconds(max(0, microseconds))
    }

    private func now(_ stage: Stage) async throws -> PostgresTimestamp {
        guard let row = try await stage.store.database.run("SELECT clock_timestamp()").first else {
            throw TortureError("the clock gave no answer")
        }
        return try row.get(0)
    }
}

/// The jobs in line behind which the late one comes.
private final class Backlog: Sendable {
    private let stage: Stage
    private let seen = Lock((least: Int.max, last: 0))

    init(_ stage: Stage) { self.stage = stage }

    /// The fewest that were seen.
    var least: Int { seen.withLock { $0.least } }

    /// Looks until cancelled.
    func watch() async throws {
        while !Task.isCancelled {
            let ready = try await stage.count("SELECT count(*) FROM motorpool.jobs WHERE state = 0")
            seen.withLock { $0 = (min($0.least, ready), ready) }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    func fill(to count: Int) async throws {
        for _ in 0..<(count / 1000) { try await add() }
    }

    private func add() async throws {
        _ = try await stage.store.enqueue((0..<1000).map { _ in NewJob("noop") })
    }

    /// Puts more in line while there are fewer than 60,000.
    func keepFull() async throws {
        while !Task.isCancelled {
            if seen.withLock({ $0.last }) < 60_000 {
                try await add()
            } else {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }
}
