/// One promise put to the test by itself, on a stage of its own.
protocol Scenario: Sendable {
    static var name: String { get }
    /// The promise, in a few words.
    static var promise: String { get }
    init()
    func play(_ theatre: Theatre) async throws -> Verdict
}

/// Where scenarios get their stages.
struct Theatre: Sendable {
    let server: TortureServer
    let scratch: Scratch
    let seed: UInt64
    /// How long what has a length of its own goes on.
    let seconds: Int
    /// How often a scenario of kills kills; nil leaves it to the scenario.
    let kills: Int?
    /// What a promise allows is allowed so many times: for a machine that does other work.
    let tolerance: Double

    /// How long something may take here that may take `limit` on a quiet machine.
    func bound(_ limit: Duration) -> Duration { limit * tolerance }

    func stage(_ name: String, policies: [String: String] = [:]) async throws -> Stage {
        try await Stage.open(name, on: server, in: scratch, policies: policies)
    }

    /// A stage for as long as `body` takes.
    func withStage<T: Sendable>(
        _ name: String, policies: [String: String] = [:], _ body: (Stage) async throws -> T
    ) async throws -> T {
        let stage = try await stage(name, policies: policies)
        do {
            let value = try await body(stage)
            await stage.close()
            return value
        } catch {
            await stage.close()
            throw error
        }
    }
}

/// Whether a promise was kept, with the numbers.
struct Verdict: Sendable {
    let isKept: Bool
    let numbers: String

    /// Kept when each of the conditions holds; those that don't are named.
    init(_ numbers: String, _ conditions: [(String, Bool)]) {
        let broken = conditions.filter { !$0.1 }.map(\.0)
        isKept = broken.isEmpty
        self.numbers = numbers + (broken.isEmpty ? "" : "; expected: \(broken.joined(separator: ", "))")
    }
}

/// The list that help and dispatch are made from.
enum Scenarios {
    static let all: [any Scenario.Type] = [
        LateCommit.self, Poison.self, Recovery.self, BlockedLanes.self, BlockedRuns.self, StoppedWorker.self,
        PerKeyLimit.self,
        HostBudget.self,
        Keys.self, CancelWaiting.self, Midnight.self, Drain.self, CommitTruth.self, SlotRace.self,
        Downtime.self, Downloads.self, OneDownload.self, SlowWay.self,
    ]

    static var names: String { all.map { $0.name }.joined(separator: ", ") }
}
