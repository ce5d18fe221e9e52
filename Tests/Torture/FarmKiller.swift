import Farm
import Glibc
import Platform
import Postgres
import Store
import TestSupport

/// Starts a farm, has a client ask it for mods, kills it, and begins anew.
final class FarmKiller: Sendable {
    static let lease = Duration.seconds(2)
    /// A line that is not reached in this time is not waited for.
    private static let placeMax = Duration.seconds(5)

    private struct State {
        var kills = 0
        /// Of these: at a named line.
        var atPlaces = 0
        /// Of these: while a download ran.
        var hits = 0
        /// Downloads that ran at a kill, by how far they were.
        var phases: [String: Int] = [:]
        var torn: [String] = []
        /// Files that no row named, of downloads that were killed between the file's move and the commit.
        var orphans: Set<String> = []
        var oddAnswers: [Int] = []
        var deathsUnasked: [String] = []
    }

    /// When the farm is killed.
    private enum Moment {
        /// So long after its start, whether it listens by then or not.
        case young(Duration)
        /// So long after it began a download.
        case atWork(Duration)
        /// When it comes to a line, for the first time or a later one.
        case place(KillPoint.Place, Int)
    }

    private let stage: ModStage
    private let mods: [Int64]
    private let moments: [Moment]
    private let slow: [Int64]
    private let state = Lock(State())

    init(_ stage: ModStage, mods: [Int64], kills: Int, seed: UInt64) {
        self.stage = stage
        self.mods = mods
        var dice = Dice(seed: seed, "farm killer")
        moments = (0..<kills).map { FarmKiller.moment($0, &dice) }
        // The others come so fast that kills find them at their packing, their commit, or not at all.
        slow = Array(mods.shuffled(using: &dice).prefix(min(kills / 2, mods.count * 3 / 4)))
    }

    /// The last one more often: there a ZIP lies in its place, and no row names it yet.
    private static let places: [KillPoint.Place] = [
        .afterClaim, .beforeStart, .beforeCommit, .afterCommit, .beforeFence, .beforeFence,
    ]

    private static func moment(_ number: Int, _ dice: inout Dice) -> Moment {
        switch number % 5 {
        case 1: .young(dice.milliseconds(0...600))
        case 3: .place(dice.pick(FarmKiller.places), dice.int(1...3))
        default: .atWork(dice.milliseconds(20...1500))
        }
    }

    /// Makes some mods slow to come, and has every rescue of a download noted.
    func prepare() async throws {
        for mod in slow {
            try await stage.sandbox.turnOn("steamcmd:slow", for: mod)
            try await stage.sandbox.turnOn("file:slow", for: mod)
        }
        let database = stage.stage.store.database
        try await database.run("CREATE SCHEMA torture")
        try await database.run("CREATE TABLE torture.rescued (mod text NOT NULL)")
        try await database.run(
            """
            CREATE FUNCTION torture.note_rescue() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN INSERT INTO torture.rescued VALUES (NEW.subject); RETURN NEW; END $$
            """)
        try await database.run(
            """
            CREATE TRIGGER rescued AFTER UPDATE ON motorpool.jobs FOR EACH ROW
            WHEN (NEW.kind = 'steam-download' AND OLD.state = 1 AND NEW.state = 0
                  AND NEW.deaths IS DISTINCT FROM OLD.deaths)
            EXECUTE FUNCTION torture.note_rescue()
            """)
    }

    /// What clients want by a life: a few more in each, so that the last kill still finds some under way.
    private func wanted(_ number: Int) -> [Int64] {
        Array(mods.prefix(3 + mods.count * (number + 1) / moments.count))
    }

    func play() async throws {
        for (number, moment) in moments.enumerated() {
            let name = "downloads-\(number + 1)"
            let farm: WorkerProcess
            switch moment {
            case .young(let age):
                farm = try stage.startFarm(name, lease: FarmKiller.lease)
                try await Task.sleep(for: age)
                farm.kill()
            case .atWork(let age):
                farm = try stage.startFarm(name, lease: FarmKiller.lease)
                try await whileClientsAsk(farm, wanted(number)) {
                    try await waitForDownload(farm)
                    try await Task.sleep(for: age)
                    try await stage.stage.spareTheTwiceStruck()
                }
            case .place(let place, let pass):
                farm = try stage.startFarm(
                    name, lease: FarmKiller.lease, killPoint: "\(place.rawValue):\(pass)")
                try await whileClientsAsk(farm, wanted(number)) {
                    let ended = try await farm.waitForEnd(within: FarmKiller.placeMax)
                    state.withLock { $0.atPlaces += ended == nil ? 0 : 1 }
                }
            }
            try await lookAtTheDead(farm)
        }
    }

    /// Kills the farm after `body`, which a client that asks for what is missing does not delay.
    private func whileClientsAsk(
        _ farm: WorkerProcess, _ wanted: [Int64], _ body: () async throws -> Void
    ) async throws {
        async let asking: Void = askForMissing(wanted, farm)
        do { try await body() } catch {
            farm.kill()
            await asking
            throw error
        }
        farm.kill()
        await asking
    }

    /// What the kill cuts off is asked for in the next life.
    private func askForMissing(_ wanted: [Int64], _ farm: WorkerProcess) async {
        guard let client = try? await stage.client(of: farm),
            let statuses = try? await client.askForMissing(wanted)
        else { return }
        state.withLock { $0.oddAnswers += statuses.filter { ![200, 202, 503].contains($0) } }
    }

    /// Returns when the farm runs a download, or after a while without.
    private func waitForDownload(_ farm: WorkerProcess) async throws {
        let deadline = ContinuousClock.now + .seconds(5)
        while try await phases(of: farm).isEmpty, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(15))
        }
    }

    /// How far the downloads are that a farm has claimed.
    private func phases(of farm: WorkerProcess) async throws -> [String: Int] {
        let rows = try await stage.stage.store.database.run(
            """
            SELECT coalesce(p.phase, 'beginning'), count(*) FROM motorpool.jobs j
            LEFT JOIN motorpool.progress p ON p.job = j.id AND p.run = j.run
            WHERE j.kind = 'steam-download' AND j.state = 1
                AND j.worker IN (SELECT w.id FROM motorpool.workers w WHERE w.name = \(farm.name)) GROUP BY 1
            """)
        return try rows.reduce(into: [:]) { $0[try $1.get(0)] = Int(try $1.get(1, as: Int64.self)) }
    }

    private func lookAtTheDead(_ farm: WorkerProcess) async throws {
        let phases = try await phases(of: farm)
        let named = try await stage.filesNamed()
        let there = stage.filesThere()
        let last = farm.lines.last ?? "without a word"
        state.withLock { state in
            state.kills += 1
            if farm.ended != .signalled(SIGKILL) { state.deathsUnasked.append("\(farm.name) \(last)") }
            state.phases.merge(phases) { $0 + $1 }
            state.hits += phases.isEmpty ? 0 : 1
            state.torn += named.filter { there[$0.key] != $0.value }.map(\.key)
            state.orphans.formUnion(there.keys.filter { named[$0] == nil })
        }
    }

    // MARK: What was seen

    /// Rows that named a file that was not there, or not whole, right after a kill.
    var torn: [String] { state.withLock { $0.torn } }
    /// Statuses that no client should have got.
    var oddAnswers: [Int] { state.withLock { $0.oddAnswers } }
    /// Farms that ended by themselves, with what they said last.
    var deathsUnasked: [String] { state.withLock { $0.deathsUnasked } }

    var words: String {
        let state = state.withLock { $0 }
        let phases = state.phases.sorted { $0.value > $1.value }.map { "\($0.value) \($0.key)" }
        return
            "\(state.kills) kills, \(state.atPlaces) of them at named lines; \(state.hits) met downloads: \(phases.joined(separator: ", ")), \(state.orphans.count) between file and row"
    }
}
