import Platform
import Postgres
import Store
import TestSupport

/// Makes the faults that no process is to blame for, spread evenly over the lives.
final class WeatherMaker: Sendable {
    struct Counts: Sendable {
        var terminations = 0
        var crashes = 0
    }

    private let stage: Stage
    private let proxy: FaultProxy
    private let weather: [FaultPlan.Weather]
    private let seed: UInt64
    private let tally = Lock(Counts())

    init(_ plan: FaultPlan, stage: Stage, proxy: FaultProxy, seed: UInt64) {
        weather = plan.weather
        self.stage = stage
        self.proxy = proxy
        self.seed = seed
    }

    var counts: Counts { tally.withLock { $0 } }

    /// Goes on until the weather is used up.
    /// - Parameter progress: how much of the lives has been played, 0…1.
    func run(progress: @Sendable () -> Double) async throws {
        var dice = Dice(seed: seed, "weather")
        for (number, item) in weather.enumerated() {
            let due = Double(number) / Double(weather.count)
            while progress() < due { try await Task.sleep(for: .milliseconds(20)) }
            try await Task.sleep(for: dice.milliseconds(0...200))
            try await make(item, &dice)
        }
    }

    private func make(_ item: FaultPlan.Weather, _ dice: inout Dice) async throws {
        switch item {
        case .cut(let cut, let deed): proxy.order(.cut(cut, on: deed))
        case .reset: proxy.order(.reset)
        case .silence(let span): proxy.order(.silence(span))
        case .terminateBackend: try await terminate(dice.int(0...1_000_000))
        case .crashServer:
            try await stage.spareTheTwiceStruck()
            try await stage.server.crashAndRestart()
            tally.withLock { $0.crashes += 1 }
        }
    }

    /// Ends one backend of the farm, whichever the number points at.
    private func terminate(_ number: Int) async throws {
        let ended = try await insisting {
            try await self.stage.store.database.run(
                """
                WITH theirs AS (
                    SELECT pid, row_number() OVER (ORDER BY pid) - 1 AS place, count(*) OVER () AS total
                    FROM pg_stat_activity WHERE datname = current_database() AND application_name NOT LIKE 'torture%'
                )
                SELECT pg_terminate_backend(pid) FROM theirs WHERE place = \(Int64(number)) % total
                """)
        }
        tally.withLock { $0.terminations += ended.count }
    }
}
