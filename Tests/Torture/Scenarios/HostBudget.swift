import Jobs
import Postgres
import Store

/// Five requests a second to a host, over three processes.
struct HostBudget: Scenario {
    static let name = "host-budget"
    static let promise = "a host's budget of 5/s holds in the whole cluster"

    private static let rate = 5

    func play(_ theatre: Theatre) async throws -> Verdict {
        let policies = ["effect": "queue = effects\nlanes = 8\nhost = trial.invalid 5/s"]
        return try await theatre.withStage("host_budget", policies: policies) { stage in
            let workers = try (1...3).map { try stage.start("host-\($0)") }
            try await stage.waitUntilWorking(workers)
            let args = JSON(text: "{\"host\":\"trial.invalid\",\"outside\":true}")
            let began = ContinuousClock.now
            let metronome = Metronome()
            try await metronome.during {
                _ = try await stage.store.enqueue((0..<40).map { _ in NewJob("effect", args: args) })
                try await stage.drain(within: .seconds(60))
            }
            let took = ContinuousClock.now - began
            let begins = OutsideLedger(file: stage.effectsFile).begins
            let most =
                begins.map { first in begins.count { $0.at >= first.at && $0.at < first.at + 1 } }.max() ?? 0
            let processes = Set(begins.map(\.process)).count
            // One at the border of a window is forgiven, and what a machine that stood still let go too late.
            let forgiven = 1 + Int(metronome.lateness.inSeconds * Double(HostBudget.rate))
            return Verdict(
                "\(begins.count) requests of \(processes) processes in \(took.text), at most \(most) in a second, the machine up to \(metronome.lateness.text) late",
                [
                    (
                        "at most \(HostBudget.rate) + \(forgiven) in a second",
                        most <= HostBudget.rate + forgiven
                    ),
                    ("40 requests", begins.count == 40),
                    (
                        "not idle either: at most \(theatre.bound(.seconds(16)).text)",
                        took <= theatre.bound(.seconds(16))
                    ),
                ])
        }
    }
}
