import Glibc
import Jobs
import Postgres
import Store

/// Five processes fire one line that fires each second; one stands still for a while, one is killed.
struct SlotRace: Scenario {
    static let name = "slot-race"
    static let promise =
        "five schedulers, one stopped, one killed: each slot of a one-second line is exactly one job"

    private static let schedulers = 5

    func play(_ theatre: Theatre) async throws -> Verdict {
        try await theatre.withStage("slot_race") { stage in
            try stage.writeSchedule("[tick]\nwhen = * * * * * *\nkind = noop\noverlap = allow\n")
            let processes = try await stage.startSchedulers(SlotRace.schedulers)
            let start = try await stage.databaseSecond()
            let quarter = Duration.seconds(Double(theatre.seconds) / 4)
            try await Task.sleep(for: quarter)
            processes[1].signal(SIGSTOP)
            try await Task.sleep(for: quarter)
            processes[0].signal(SIGKILL)
            try await Task.sleep(for: quarter)
            processes[1].signal(SIGCONT)
            try await Task.sleep(for: quarter)
            let end = try await stage.databaseSecond()
            try await eventually("the last slot is decided", within: .seconds(20)) {
                try await stage.count(
                    "SELECT count(*) FROM motorpool.slots WHERE slot >= to_timestamp(\(end))") > 0
            }
            for process in processes.dropFirst() { process.signal(SIGTERM) }
            for process in processes.dropFirst()
            where try await process.waitForEnd(within: .seconds(10)) == nil {
                throw TortureError("\(process.name) does not end")
            }
            return try await judge(stage, start + 1...end)
        }
    }

    private func judge(_ stage: Stage, _ seconds: ClosedRange<Int64>) async throws -> Verdict {
        let rows = try await stage.store.database.run(
            """
            SELECT g, count(s.slot), count(s.slot) FILTER (WHERE s.outcome = 'fired'),
                (SELECT count(*) FROM motorpool.jobs j WHERE j.meta->>'slot' = motorpool.told(to_timestamp(g))),
                max(extract(epoch FROM s.decided_at - s.slot))::double precision
            FROM generate_series(\(seconds.lowerBound), \(seconds.upperBound)) g
            LEFT JOIN motorpool.slots s ON s.slot = to_timestamp(g) GROUP BY g ORDER BY g
            """)
        var (fired, jobs, missing, doubled): (Int64, Int64, Int, Int) = (0, 0, 0, 0)
        var lateness: [Double] = []
        for row in rows {
            fired += try row.get(2, as: Int64.self)
            let ofSlot: Int64 = try row.get(3)
            jobs += ofSlot
            if ofSlot == 0 { missing += 1 }
            if ofSlot > 1 { doubled += 1 }
            lateness.append(try row.get(4, as: Double?.self) ?? .infinity)
        }
        lateness.sort()
        let strays = try await stage.count(
            "SELECT count(*) FROM motorpool.jobs WHERE meta->>'schedule' IS DISTINCT FROM 'tick'")
        let milliseconds = [lateness[lateness.count / 2], lateness[lateness.count - 1]].map {
            $0.isFinite ? String(Int(($0 * 1000).rounded())) : "-"
        }
        return Verdict(
            "\(rows.count) slots, \(fired) fired, \(jobs) jobs, \(missing) missing, \(doubled) doubled; late by \(milliseconds[0]) ms at the median, \(milliseconds[1]) ms at most",
            [
                ("each slot fired", fired == Int64(rows.count)), ("none missing", missing == 0),
                ("none doubled", doubled == 0), ("no stray job", strays == 0),
            ])
    }
}

extension Stage {
    /// The schedule beside the policies, where every process finds it.
    func writeSchedule(_ text: String) throws { try TextFile.write(text, to: "\(folder)/scheduler.conf") }

    /// Starts processes that fire the schedule and work nothing, and returns when each of them does.
    func startSchedulers(_ count: Int) async throws -> [WorkerProcess] {
        var settings = workerSettings()
        settings.command = ["schedule", "serve"]
        let processes = try (1...count).map { try start("scheduler-\($0)", settings) }
        for process in processes {
            try await eventually("\(process.name) fires", within: .seconds(20)) {
                if let ended = process.ended {
                    throw TortureError(
                        "\(process.name) \(ended): \(process.lines.suffix(5).joined(separator: "\n"))")
                }
                return process.hasLogged("scheduling")
            }
        }
        return processes
    }

    /// The second that the database's clock shows.
    func databaseSecond() async throws -> Int64 {
        let rows = try await store.database.run("SELECT floor(extract(epoch FROM clock_timestamp()))::bigint")
        return try rows.first?.get(0) ?? 0
    }
}
