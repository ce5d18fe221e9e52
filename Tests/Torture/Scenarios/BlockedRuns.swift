import Glibc
import Jobs
import Platform
import Postgres
import Store
import World

/// Runs block their threads: a few, more than there are processors, past their limits, and every thread of a process.
struct BlockedRuns: Scenario {
    static let name = "blocked-runs"
    static let promise =
        "runs that block cost their own lanes: others go on as before, they are named, SIGTERM works, and they end set aside"

    private static let blocking = JSON(text: "{\"seconds\":3000,\"block\":true}")
    private static let lanes = 20
    /// How far the slowest hundredth of the other jobs may move.
    private static let latencyMax = 2.0

    func play(_ theatre: Theatre) async throws -> Verdict {
        let within = try await withinLimit(theatre)
        let beyond = try await beyondLimit(theatre)
        let frozen = try await frozen(theatre)
        return Verdict(
            [within.numbers, beyond.numbers, frozen.numbers].joined(separator: "; "),
            within.conditions + beyond.conditions + frozen.conditions)
    }

    private typealias Part = (numbers: String, conditions: [(String, Bool)])

    // MARK: Within their time limit

    private func withinLimit(_ theatre: Theatre) async throws -> Part {
        let policies = ["sleep": "queue = sleepers\nlanes = \(BlockedRuns.lanes)\ntime_limit = 1h"]
        return try await theatre.withStage("blocked_within", policies: policies) { stage in
            var settings = stage.workerSettings()
            settings.lease = .seconds(5)
            settings.command = ["up"]
            settings.variables = ["MOTORPOOL_STATE": stage.folder + "/state", "MOTORPOOL_PORT": "0"]
            let worker = try stage.start("blocked", settings)
            try await stage.waitUntilWorking([worker])
            _ = try await latency(stage, jobs: 100)
            let before = try await latency(stage, jobs: 1000)
            var after: [Double] = []
            for blocked in [2, BlockedRuns.lanes] {
                try await block(stage, until: blocked)
                after.append(try await latency(stage, jobs: 1000))
            }
            let named = try await named(stage, worker)
            let asked = ContinuousClock.now
            worker.signal(SIGTERM)
            let end = try await worker.waitForEnd(within: settings.grace + .seconds(20))
            let took = ContinuousClock.now - asked
            let allowed = settings.grace + theatre.bound(.seconds(5))
            try await stage.store.database.run(
                """
                DELETE FROM motorpool.jobs WHERE kind = 'sleep'
                    AND id > (SELECT id FROM motorpool.jobs WHERE kind = 'sleep' ORDER BY id OFFSET 1 LIMIT 1)
                """
            )
            let lives = try await restart(stage, settings)
            let aside = try await stage.count(
                "SELECT count(*) FROM motorpool.dead WHERE kind = 'sleep' AND reason = 'poison'")
            let moved = (after.max() ?? 0) - before
            return (
                "p99 of others \(BlockedRuns.told(before)) ms, with 2 blocked \(BlockedRuns.told(after[0])), with \(BlockedRuns.lanes) \(BlockedRuns.told(after[1])); named by doctor and readiness in \(named.text), SIGTERM ends it in \(took.text), 2 set aside after \(lives) restarts",
                [
                    ("latency as before", moved <= BlockedRuns.latencyMax * theatre.tolerance),
                    ("named within 15 s", named <= .seconds(15)),
                    ("SIGTERM within \(allowed.text)", end == .exited(0) && took <= allowed),
                    ("both set aside", aside == 2),
                ]
            )
        }
    }

    /// The slowest hundredth of so many jobs that do nothing, from their enqueue to their settlement, in milliseconds.
    private func latency(_ stage: Stage, jobs: Int) async throws -> Double {
        try await stage.store.database.run("TRUNCATE motorpool.history")
        for _ in 0..<jobs {
            _ = try await stage.store.enqueue(NewJob("noop"))
            try await Task.sleep(for: .milliseconds(5))
        }
        try await eventually("they are done", within: .seconds(20)) {
            try await stage.count("SELECT count(*) FROM motorpool.jobs WHERE kind = 'noop'") == 0
        }
        let rows = try await stage.store.database.run(
            """
            SELECT 1000 * percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - created_at))
            FROM motorpool.history WHERE kind = 'noop'
            """)
        return try rows.first?.get(0, as: Double.self) ?? .infinity
    }

    private func block(_ stage: Stage, until count: Int) async throws {
        let running: SQL = "SELECT count(*) FROM motorpool.jobs WHERE kind = 'sleep' AND state = 1"
        let missing = count - (try await stage.count(running))
        _ = try await stage.store.enqueue(
            [NewJob](repeating: NewJob("sleep", args: BlockedRuns.blocking), count: missing))
        try await eventually("\(count) runs block", within: .seconds(10)) {
            try await stage.count(running) == count
        }
    }

    /// How long until both name a run that blocks.
    private func named(_ stage: Stage, _ worker: WorkerProcess) async throws -> Duration {
        let began = ContinuousClock.now
        let caller = Caller()
        let front = worker.told("address", at: "listening").first ?? ""
        try await eventually("the doctor and the front name them", within: .seconds(20)) {
            let ready = try await caller.ask("\(front)/health/ready")
            guard String(decoding: ready.body, as: UTF8.self).contains("has not let go of its thread") else {
                return false
            }
            let doctor = try await ChildProcess.run(
                [stage.binary, "doctor"],
                environment: [
                    "DATABASE_URL": stage.server.url(stage.name), "MOTORPOOL_JOBS": "\(stage.folder)/jobs",
                    "PATH": "/usr/bin:/bin",
                ],
                deadline: .seconds(10), outputMax: 1 << 20)
            return doctor.text.contains("has not let go of its")
        }
        await caller.close()
        return .now - began
    }

    /// Starts the farm again and ends it while they block, until they are set aside.
    /// - Returns: how often.
    private func restart(_ stage: Stage, _ settings: WorkerProcess.Settings) async throws -> Int {
        let left: SQL = "SELECT count(*) FROM motorpool.jobs WHERE kind = 'sleep'"
        var lives = 0
        while try await stage.count(left) > 0, lives < 12 {
            lives += 1
            var settings = settings
            settings.grace = .milliseconds(500)
            let worker = try stage.start("again-\(lives)", settings)
            try await eventually("they block again, or are set aside", within: .seconds(20)) {
                let blocked: SQL = "SELECT count(*) FROM motorpool.jobs WHERE kind = 'sleep' AND state = 1"
                if try await stage.count(blocked) > 0 { return true }
                return try await stage.count(left) == 0
            }
            // It works meanwhile.
            let job = try await stage.store.enqueue(NewJob("noop")).job
            try await eventually("others are done", within: .seconds(10)) {
                try await stage.store.job(job)?.state == .done
            }
            worker.signal(SIGTERM)
            _ = try await worker.waitForEnd(within: .seconds(20))
        }
        return lives
    }

    private static func told(_ milliseconds: Double) -> String {
        "\((milliseconds * 100).rounded() / 100)"
    }

    // MARK: Beyond it

    private func beyondLimit(_ theatre: Theatre) async throws -> Part {
        let policies = [
            "sleep":
                "queue = sleepers\nlanes = \(BlockedRuns.lanes)\ntime_limit = 2s\nattempts = 2\nbackoff = 50ms to 100ms",
            "effect": "queue = effects\nlanes = 8\ntime_limit = 1h",
        ]
        return try await theatre.withStage("blocked_beyond", policies: policies) { stage in
            let guilty = try await stage.store.enqueue(
                [NewJob](repeating: NewJob("sleep", args: BlockedRuns.blocking), count: BlockedRuns.lanes))
            let innocent = try await stage.store.enqueue(NewJob("effect", args: "{\"seconds\":40}")).job
            var lives: [WorkerProcess] = []
            let dead: SQL = "SELECT count(*) FROM motorpool.dead WHERE kind = 'sleep'"
            while try await stage.count(dead) < guilty.count, lives.count < 6 {
                let worker = try stage.start("life-\(lives.count)")
                lives.append(worker)
                while worker.ended == nil, try await stage.count(dead) < guilty.count {
                    try await Task.sleep(for: .milliseconds(50))
                }
                guard worker.ended == nil else { continue }
            }
            let last = try await lives.last?.waitForEnd(within: .seconds(20))
            let ends = lives.map(\.ended)
            let words = lives.flatMap { $0.messages(of: "worn_out") }
            let stuck = lives.reduce(0) { $0 + $1.messages(of: "run_stuck").count }
            let after = try stage.start("after")
            try await stage.drain(within: .seconds(80))
            let report = try await stage.store.job(innocent)
            after.signal(SIGTERM)
            return (
                "past their limit \(stuck) runs were given up in \(lives.count) lives, which ended with \(ends.map { "\($0.map { "\($0)" } ?? "none")" }.joined(separator: ", "))",
                [
                    ("all dead", try await stage.count(dead) == guilty.count),
                    ("code 70 and the reason", last == .exited(70) && words.count == ends.count),
                    ("each run told", stuck == guilty.count * 2),
                    ("the innocent done, uncharged", report?.state == .done && report?.failures == 0),
                ]
            )
        }
    }

    // MARK: Every thread

    private func frozen(_ theatre: Theatre) async throws -> Part {
        try await theatre.withStage("blocked_everywhere") { stage in
            var settings = stage.workerSettings()
            settings.queues = ["sleepers"]
            let frozen = try stage.start("frozen", settings)
            settings.queues = ["trial"]
            let other = try stage.start("other", settings)
            try await stage.waitUntilWorking([frozen, other])
            let began = ContinuousClock.now
            let args = JSON(text: "{\"seconds\":3000,\"block\":true,\"everywhere\":true}")
            let job = try await stage.store.enqueue(NewJob("sleep", args: args)).job
            try await eventually("its job is rescued", within: .seconds(30)) { other.hasLogged("rescued") }
            let rescued = ContinuousClock.now - began
            let end = try await frozen.waitForEnd(within: .seconds(30))
            let took = ContinuousClock.now - began
            let state = try await stage.store.job(job)?.state
            return (
                "a process with every thread blocked lost its job after \(rescued.text) and ended after \(took.text)",
                [
                    (
                        "rescued within three leases",
                        rescued <= settings.lease * 3 + theatre.bound(.seconds(2))
                    ),
                    ("it ends with 70", end == .exited(70)), ("its job waits", state == .waiting),
                ]
            )
        }
    }
}
