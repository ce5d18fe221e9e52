import Jobs
import Platform
import Postgres
import Store

/// A farm that is killed again and again while twenty mods are fetched.
struct Downloads: Scenario {
    static let name = "downloads"
    static let promise =
        "a farm killed at random while 20 mods are fetched: in the end all are ready and whole, nothing is left over, and nothing was fetched without need"

    /// Kills, unless others were asked for.
    static let killsUsual = 10
    private static let modsMax = 20

    func play(_ theatre: Theatre) async throws -> Verdict {
        try await theatre.withModStage("downloads") { stage in
            let mods = try await choose(stage)
            let began = ContinuousClock.now
            let kills = theatre.kills ?? Downloads.killsUsual
            let killer = FarmKiller(stage, mods: mods.map(\.id), kills: kills, seed: theatre.seed)
            try await killer.prepare()
            try await killer.play()
            let leftovers = try await Leftovers(stage, farms: [])
            let farm = try await bringToRest(stage, mods)
            let took = ContinuousClock.now - began
            let delivery = try await Delivery(of: mods, by: try await stage.client(of: farm), stage)
            try await tidy(stage)
            let remains = try await Leftovers(stage, farms: [farm])
            let ledger = try await DownloadLedger(stage, mods.map(\.id))
            let isSame = try await askAgain(stage, mods, delivery, after: farm)
            let later = try await DownloadLedger(stage, mods.map(\.id))
            return Verdict(
                "\(killer.words), \(ledger.words), \(delivery.whole) ZIPs whole, left over by the last kill: \(leftovers.words), in the end: \(remains.words); all ready after \(took.text)",
                [
                    // A few may all come at moments without one.
                    ("a kill that interrupts a download", ledger.interrupted > 0 || kills < 10),
                    ("no farm that ends by itself: \(killer.deathsUnasked)", killer.deathsUnasked.isEmpty),
                    ("\(mods.count) ready and whole", delivery.whole == mods.count),
                    ("no row that names what is not there", killer.torn.isEmpty),
                    ("no answer but 200, 202 and 503", killer.oddAnswers.isEmpty),
                    ("each fetched to its end once", ledger.done == mods.count),
                    ("nothing fetched without need", ledger.needless == 0),
                    (
                        "no process that outlives its farm: \(leftovers.processes)",
                        leftovers.processes.isEmpty
                    ),
                    ("nothing left over: \(remains.list)", remains.isNone),
                    ("the same bytes after another start", isSame),
                    ("and nothing fetched for them", later.fetched == ledger.fetched),
                ])
        }
    }

    /// The large one, which takes a while to pack, those that come by plain HTTP, and the first of the others.
    private func choose(_ stage: ModStage) async throws -> [SandboxProcess.Mod] {
        let all = try await stage.sandbox.mods()
        let odd = all.suffix(3)
        return Array(all.dropLast(3).prefix(Downloads.modsMax - odd.count)) + odd
    }

    /// A farm that nobody kills, until every mod is ready and no job is left.
    private func bringToRest(_ stage: ModStage, _ mods: [SandboxProcess.Mod]) async throws -> WorkerProcess {
        let farm = try stage.startFarm("downloads-last", lease: FarmKiller.lease)
        let client = try await stage.client(of: farm)
        let ids = mods.map(\.id)
        var conditions: [Int64: Int] = [:]
        do {
            try await eventually("all are ready", within: .seconds(180), every: .milliseconds(100)) {
                _ = try await client.askForMissing(ids)
                conditions = try await client.conditions(of: ids)
                return ids.allSatisfy { conditions[$0] == 0 }
            }
        } catch let error as TortureError {
            throw TortureError(
                "\(error): \(conditions), \(farm.messages(of: "trouble").suffix(3))\n\(try await stage.stage.whatIsLeft())"
            )
        }
        try await stage.stage.drain(within: .seconds(60))
        return farm
    }

    private func tidy(_ stage: ModStage) async throws {
        _ = try await stage.stage.store.enqueue(NewJob("workshop-upkeep", subject: "torture"))
        try await stage.stage.drain(within: .seconds(60))
    }

    /// Whether a farm that starts now has the same bytes for everybody.
    private func askAgain(
        _ stage: ModStage, _ mods: [SandboxProcess.Mod], _ delivery: Delivery, after farm: WorkerProcess
    ) async throws -> Bool {
        try await stage.end(farm)
        let client = try await stage.client(
            of: try stage.startFarm("downloads-again", lease: FarmKiller.lease))
        for mod in mods {
            let answer = try await client.ask(for: mod.id)
            guard answer.status == 200, answer.body == delivery.bodies[mod.id] else { return false }
        }
        return true
    }
}

/// The ZIPs as a client gets them.
private struct Delivery {
    let bodies: [Int64: [UInt8]]
    /// Those that Python reads through, with the files and the bytes that the sandbox tells of.
    let whole: Int

    init(of mods: [SandboxProcess.Mod], by client: ModClient, _ stage: ModStage) async throws {
        let folder = try stage.makeFolder("delivered")
        var bodies: [Int64: [UInt8]] = [:]
        for mod in mods {
            let answer = try await client.take(mod.id)
            guard answer.status == 200 else { continue }
            bodies[mod.id] = answer.body
            try TextFile.write(answer.body, to: "\(folder)/\(mod.id)")
        }
        let words = try await ZipWitness.read(folder).words
        self.bodies = bodies
        whole = mods.count { mod in
            guard let word = words["\(mod.id)"] else { return false }
            return word.isWhole && word.files == mod.files && word.bytes == mod.bytes
        }
    }
}

/// What a download leaves behind when its farm is killed.
private struct Leftovers {
    /// Files that no row names, or with another size.
    let files: [String]
    /// Rows that name a file that is not there.
    let rows: [String]
    let slots: [String]
    let processes: [String]
    let jobs: Int

    /// Looks for a while, because a process that was told to end takes its time.
    init(_ stage: ModStage, farms: [WorkerProcess]) async throws {
        var strays: [String] = []
        for _ in 0..<100 {
            strays = stage.strays(besides: farms)
            if strays.isEmpty { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        let (named, there) = (try await stage.filesNamed(), stage.filesThere())
        files = there.filter { named[$0.key] != $0.value }.map(\.key)
        rows = named.keys.filter { there[$0] == nil }
        slots = stage.slotsFilled()
        processes = strays
        jobs = try await stage.stage.count("SELECT count(*) FROM motorpool.jobs")
    }

    var isNone: Bool { list.isEmpty && jobs == 0 }
    var list: [String] { files + rows + slots + processes }
    var words: String {
        "files \(files.count), in slots \(slots.count), processes \(processes.count), jobs \(jobs)"
    }
}

/// How often each mod was fetched, and how often it had to be.
private struct DownloadLedger {
    /// By the sandbox's count.
    let fetched: Int
    /// Runs that were taken from a farm that died.
    let interrupted: Int
    /// Jobs that were taken for poison, because kills met them alone; the client asked again.
    let setAside: Int
    /// Jobs that gave up; the client asked again.
    let failed: Int
    let done: Int
    /// Fetched more often than once for the asking and once for each interruption and each failure.
    let needless: Int

    init(_ stage: ModStage, _ mods: [Int64]) async throws {
        let rescued = try await bySubject(stage, "SELECT mod, count(*) FROM torture.rescued GROUP BY mod")
        let poison = try await bySubject(stage, Self.dead("reason = 'poison'"))
        let failed = try await bySubject(stage, Self.dead("reason <> 'poison'"))
        let counts = try await stage.sandbox.counts()
        fetched = mods.reduce(0) { $0 + counts.downloads(of: $1) }
        interrupted = rescued.values.reduce(0, +) + poison.values.reduce(0, +)
        setAside = poison.values.reduce(0, +)
        self.failed = failed.values.reduce(0, +)
        needless = mods.reduce(0) { sum, mod in
            let again = [rescued, poison, failed].reduce(0) { $0 + ($1["\(mod)"] ?? 0) }
            return sum + max(0, counts.downloads(of: mod) - 1 - again)
        }
        done = try await stage.stage.count(
            """
            SELECT count(*) FROM motorpool.history WHERE kind = 'steam-download' AND ending = 'done'
            """)
    }

    private static func dead(_ condition: String) -> SQL {
        """
        SELECT subject, count(*) FROM motorpool.dead WHERE kind = 'steam-download' AND \(pasting: condition)
        GROUP BY subject
        """
    }

    var words: String {
        "\(fetched) downloads counted by the sandbox, \(interrupted) runs interrupted, \(setAside) set aside, \(failed) failed, \(needless) without need"
    }
}

private func bySubject(_ stage: ModStage, _ sql: SQL) async throws -> [String: Int] {
    try await stage.stage.store.database.run(sql).reduce(into: [:]) {
        $0[try $1.get(0)] = Int(try $1.get(1, as: Int64.self))
    }
}
