import Farm
import Jobs
import Platform
import Postgres
import Store
import Trial

/// Nobody was there for ten minutes, by the stored state; then a process starts.
struct Downtime: Scenario {
    static let name = "downtime"
    static let promise = "after ten minutes of nobody, each missed policy does what explain had said"

    private static let policies = ["skip": "skip", "last": "last", "some": "all up to 7"]

    func play(_ theatre: Theatre) async throws -> Verdict {
        try await theatre.withStage("downtime") { stage in
            let now = try await stage.databaseSecond()
            // The last slot lies 45 seconds back and the next one 15 ahead, so that the start of a process, however slow,
            // changes no answer.
            let when = "\((now + 15) % 60) * * * * *"
            try stage.writeSchedule(
                Downtime.policies.map { name, policy in
                    "[\(name)]\nwhen = \(when)\nkind = noop\noverlap = allow\nmissed = \(policy)\n"
                }.joined())
            try await stage.store.publish(
                try Downtime.policies.keys.map { name in
                    ScheduleLine(name: name, expression: try CronExpression(when), kind: "noop")
                })
            let from = now - 600
            try await stage.store.database.run(
                "UPDATE motorpool.schedules SET decided_to = to_timestamp(\(from))")
            var told: [String: [String]] = [:]
            for (name, policy) in Downtime.policies {
                told[name] = try await explained(stage, name, policy, from, now)
            }
            _ = try await stage.startSchedulers(2)
            try await eventually("the slots are decided", within: .seconds(10)) {
                try await stage.count("SELECT count(*) FROM motorpool.slots") >= 30
            }
            return try await judge(stage, told, until: now)
        }
    }

    /// What the command line says would fire.
    private func explained(
        _ stage: Stage, _ name: String, _ policy: String, _ from: Int64, _ to: Int64
    ) async throws -> [String] {
        let span = "\(Moment(from).text)..\(Moment(to).text)"
        let output = try await ChildProcess.run(
            [stage.binary, "schedule", "explain", name, "--down", span, "--json"],
            environment: [
                "PATH": "/usr/bin:/bin", "MOTORPOOL_JOBS": "\(stage.folder)/jobs",
                "MOTORPOOL_TRIAL": "1", "MOTORPOOL_KINDS": TrialKinds.names.joined(separator: ","),
            ],
            deadline: .seconds(20))
        guard case .array(let answers)? = try JSON(text: output.text).parts()["down"]?.value,
            let answer = answers.first(where: { $0["missed"]?.string == policy }),
            case .array(let slots)? = answer["fire"]?.value
        else { throw TortureError("explain said: \(output.text)") }
        return slots.compactMap(\.string)
    }

    private func judge(_ stage: Stage, _ told: [String: [String]], until now: Int64) async throws -> Verdict {
        var words: [String] = []
        var conditions: [(String, Bool)] = []
        for (name, policy) in Downtime.policies.sorted(by: { $0.key < $1.key }) {
            let rows = try await stage.store.database.run(
                """
                SELECT motorpool.told(slot), outcome = 'fired',
                    (SELECT count(*) FROM motorpool.jobs j WHERE j.meta->>'schedule' = schedule
                     AND j.meta->>'slot' = motorpool.told(slot))
                FROM motorpool.slots WHERE schedule = \(name) AND slot <= to_timestamp(\(now)) ORDER BY slot
                """)
            let fired = try rows.filter { try $0.get(1) }.map { try $0.get(0, as: String.self) }
            let jobs = try rows.reduce(0) { $0 + (try $1.get(2, as: Int64.self)) }
            words.append(
                "\(policy): \(rows.count) slots, \(fired.count) fired, \(jobs) jobs, \(told[name]?.count ?? -1) told"
            )
            conditions.append(("\(policy) as explain said", fired == told[name]))
            conditions.append(("\(policy): a job each", jobs == Int64(fired.count)))
            conditions.append(("\(policy): ten slots in the ledger", rows.count == 10))
        }
        return Verdict(words.joined(separator: "; "), conditions)
    }
}
