import Jobs
import Platform
import Postgres
import Store

/// Days pass while runs are settled, and the history of the oldest is emptied meanwhile.
struct Midnight: Scenario {
    static let name = "midnight"
    static let promise = "midnight and retention make no settlement fail or wait for more than 100 ms"

    private static let settlementMax = Duration.milliseconds(100)
    private static let days = 40
    private static let batch = 20

    func play(_ theatre: Theatre) async throws -> Verdict {
        try await theatre.withStage("midnight") { stage in
            try await takeCalendar(stage)
            // The same without any midnight: what this machine and its disk need anyhow.
            let quiet = try await settling(stage) {
                try await Task.sleep(for: .seconds(4))
                return 0
            }
            let passing = try await settling(stage) { try await passDays(stage) }
            let settled = try await stage.count("SELECT count(*) FROM motorpool.history")
            let bound = max(theatre.bound(Midnight.settlementMax), quiet.slowest)
            return Verdict(
                "\(passing.count) settlements over \(Midnight.days) midnights, slowest \(passing.slowest.text), p99 \(passing.p99.text) (without midnights: slowest \(quiet.slowest.text), p99 \(quiet.p99.text)), \(passing.emptied) days emptied, \(settled) jobs in the history",
                [
                    ("none over \(bound.text)", passing.slowest <= bound),
                    ("days emptied", passing.emptied > 0),
                ])
        }
    }

    private struct Settling: Sendable {
        let count: Int
        let slowest: Duration
        let p99: Duration
        let emptied: Int
    }

    /// Two settlers at work for as long as `body` takes, which says how many days it emptied.
    private func settling(_ stage: Stage, _ body: () async throws -> Int) async throws -> Settling {
        let times = Lock<[Duration]>([])
        let isOver = Lock(false)
        let emptied = try await withThrowingTaskGroup(of: Void.self) { settlers in
            for number in 1...2 {
                settlers.addTask { try await settle(stage, number, times) { isOver.withLock { $0 } } }
            }
            let emptied = try await body()
            isOver.withLock { $0 = true }
            try await settlers.waitForAll()
            return emptied
        }
        let sorted = times.withLock { $0.sorted() }
        guard let slowest = sorted.last else { throw TortureError("nothing was settled") }
        return Settling(
            count: sorted.count, slowest: slowest, p99: sorted[sorted.count * 99 / 100], emptied: emptied)
    }

    /// The day comes from a table instead of the clock.
    private func takeCalendar(_ stage: Stage) async throws {
        try await stage.store.database.run("CREATE TABLE trial.calendar (day integer NOT NULL)")
        try await stage.store.database.run("INSERT INTO trial.calendar VALUES (20000)")
        try await stage.store.database.run(
            """
            CREATE OR REPLACE FUNCTION motorpool.today() RETURNS integer LANGUAGE sql STABLE AS
            $$ SELECT day FROM trial.calendar $$
            """)
    }

    /// - Returns: how many days of history were emptied.
    private func passDays(_ stage: Stage) async throws -> Int {
        var emptied = 0
        for _ in 0..<Midnight.days {
            try await Task.sleep(for: .milliseconds(150))
            try await stage.store.database.run("UPDATE trial.calendar SET day = day + 1")
            emptied += try await stage.store.retain(historyDays: 3, keyHours: 24, deadDays: 1)
                .partitionsEmptied
        }
        return emptied
    }

    /// Claims and settles as a worker does, and takes the time of each settlement.
    private func settle(
        _ stage: Stage, _ number: Int, _ times: Lock<[Duration]>, until isOver: @Sendable () -> Bool
    ) async throws {
        let row = try await stage.store.database.run(
            Lease.register(name: "midnight-\(number)", queues: ["trial"], kinds: ["noop"], seconds: 600)
        ).first
        guard let row else { throw TortureError("a worker could not register") }
        let worker = WorkerID(try row.get(0))
        var done: [PlainSettlement] = []
        while !isOver() {
            _ = try await stage.store.enqueue((0..<Midnight.batch).map { _ in NewJob("noop") })
            let claim = Claim(
                queue: "trial", kinds: ["noop"], worker: worker, limit: Midnight.batch,
                watermarks: Watermarks())
            let began = ContinuousClock.now
            let claimed = try await stage.store.settle(plain: done, andClaim: claim)
            let took = ContinuousClock.now - began
            guard claimed.stale == 0 else { throw TortureError("\(claimed.stale) settlements were refused") }
            if !done.isEmpty { times.withLock { $0.append(took) } }
            done = claimed.jobs.map { PlainSettlement(token: $0.token, isKept: $0.isKept, result: nil) }
        }
        _ = try await stage.store.settle(plain: done, andClaim: nil)
    }
}
