internal import Jobs
internal import Platform
internal import Postgres
internal import Store
internal import Workshop

/// What the doctor looks at, one thing after the other. A thing that can't be looked at spoils no other.
struct Examination {
    /// The topic of the one finding after which nothing else can be looked at.
    static let unreachable = "unreachable"
    private static let versionMin = 150_000
    private static let holdMax = Duration.seconds(60)

    let store: Store
    let settings: Settings

    func findings() async -> [Finding] {
        var findings: [Finding] = []
        do {
            findings += server(try await facts())
        } catch {
            let trouble = Trouble(error, settings)
            return [Finding(.bad, Self.unreachable, trouble.lines.joined(separator: "; "))]
        }
        findings += await looked("pooler", pooler)
        let schema = await looked("schema", schema)
        findings += schema
        findings += await looked("bell", bell)
        findings += await looked("vacuum", vacuum)
        // Without its tables there is nothing more to ask.
        guard !schema.contains(where: { $0.level == .bad }) else { return findings }
        findings += await looked("workers", workers)
        findings += await looked("stuck", stuck)
        findings += await looked("homeless", homeless)
        findings += await looked("queues", queues)
        findings += await looked("table", table)
        findings += await looked("dead", dead)
        findings += await looked("rests", rests)
        findings += await looked("orphans", orphans)
        return findings
    }

    private func looked(_ topic: String, _ look: () async throws -> [Finding]) async -> [Finding] {
        do {
            return try await look()
        } catch {
            let why = Trouble(error, settings).lines.joined(separator: "; ")
            return [Finding(.warning, topic, "could not look at this: \(why)")]
        }
    }

    // MARK: The server

    private func facts() async throws -> (facts: ServerFacts, drift: Duration) {
        let before = WallClock.microseconds
        let facts = try await store.serverFacts()
        let middle = (before + WallClock.microseconds) / 2
        return (facts, .microseconds(facts.clock.microseconds - middle))
    }

    private func server(_ seen: (facts: ServerFacts, drift: Duration)) -> [Finding] {
        let (facts, drift) = seen
        let isOld = facts.versionNumber < Self.versionMin
        return [
            Finding(
                isOld ? .bad : .fine, "version",
                "the database answers: PostgreSQL \(facts.version)" + (isOld ? "; 15 or later is needed" : "")
            ),
            facts.isInRecovery
                ? Finding(.bad, "recovery", "the server is a standby: it takes no writes")
                : Finding(.fine, "recovery", "the server takes writes"),
            durability(facts), autovacuum(facts), connections(facts), clock(drift),
        ]
    }

    private func durability(_ facts: ServerFacts) -> Finding {
        let settings =
            "fsync \(facts.fsync), synchronous_commit \(facts.synchronousCommit), full_page_writes \(facts.fullPageWrites)"
        if facts.fsync != "on" || facts.fullPageWrites != "on" {
            return Finding(.bad, "durability", "a power cut may destroy the database: \(settings)")
        }
        if facts.synchronousCommit == "off" {
            return Finding(
                .bad, "durability", "a crash of the server may lose what was acknowledged: \(settings)")
        }
        return Finding(.fine, "durability", "commits are durable: \(settings)")
    }

    private func autovacuum(_ facts: ServerFacts) -> Finding {
        facts.autovacuum == "on"
            ? Finding(.fine, "autovacuum", "autovacuum is on")
            : Finding(.bad, "autovacuum", "autovacuum is off: the queue becomes slower and slower")
    }

    private func connections(_ facts: ServerFacts) -> Finding {
        let isFull = facts.connections * 10 >= facts.connectionsMax * 9
        return Finding(
            isFull ? .warning : .fine, "connections",
            "\(facts.connections) of \(facts.connectionsMax) connections of the server are in use")
    }

    private func clock(_ drift: Duration) -> Finding {
        let words = "the clocks of this host and the server differ by \(max(drift, .zero - drift).text)"
        return Finding(
            max(drift, .zero - drift) > .seconds(5) ? .warning : .fine, "clock",
            words + "; times in the queue are the server's")
    }

    private func pooler() async throws -> [Finding] {
        switch (try await PoolerProbe(database: store.database).mode(), settings.isPooled) {
        case (.none, false): [Finding(.fine, "pooler", "nothing stands between us and the server")]
        case (.session, false):
            [Finding(.fine, "pooler", "a pooler in session mode stands between us and the server")]
        case (.transaction, false):
            [
                Finding(
                    .bad, "pooler",
                    "a pooler in transaction mode stands between us and the server: set MOTORPOOL_POOLED=1")
            ]
        case (.transaction, true):
            [
                Finding(
                    .fine, "pooler",
                    "a pooler in transaction mode, as MOTORPOOL_POOLED says; there is no bell through it")
            ]
        case (_, true):
            [
                Finding(
                    .warning, "pooler",
                    "MOTORPOOL_POOLED is set, and there is no such pooler: the farm does without its bell for nothing"
                )
            ]
        }
    }

    private func bell() async throws -> [Finding] {
        guard !settings.isPooled else { return [] }
        guard let took = try await BellTrip(settings: settings.connection, database: store.database).time()
        else {
            return [
                Finding(
                    .bad, "bell",
                    "a notification did not come back: is a pooler in between? Then set MOTORPOOL_POOLED=1")
            ]
        }
        return [
            Finding(
                took > .milliseconds(250) ? .warning : .fine, "bell",
                "a notification takes \(took.text) to come back")
        ]
    }

    private func vacuum() async throws -> [Finding] {
        let holders = try await store.vacuumHolders()
        let findings = holders.compactMap { holder -> Finding? in
            guard let since = holder.since, let age = holder.age else {
                return Finding(
                    .warning, "vacuum",
                    "\(holder.words) keeps the vacuum from cleaning up; since when nobody knows")
            }
            guard age > Self.holdMax else { return nil }
            return Finding(
                .warning, "vacuum",
                "\(holder.words) keeps the vacuum from cleaning up since \(since.iso8601), for \(age.roughly)"
            )
        }
        guard findings.isEmpty else { return findings }
        return [
            Finding(
                .fine, "vacuum",
                "nobody has kept the vacuum from cleaning up for longer than \(Self.holdMax.text)")
        ]
    }

    // MARK: The queue

    private func schema() async throws -> [Finding] {
        var findings: [Finding] = []
        for (name, migrator) in Workplace.migrators {
            switch try await migrator.check(settings.connection) {
            case .current: findings.append(Finding(.fine, "schema", "the schema \(name) is current"))
            case .newer(let numbers):
                let list = numbers.map(String.init).joined(separator: ", ")
                findings.append(
                    Finding(.fine, "schema", "the schema \(name) is newer than this program, by \(list)"))
            case .behind(let numbers):
                let list = numbers.map(String.init).joined(separator: ", ")
                findings.append(
                    Finding(.bad, "schema", "the schema \(name) lacks \(list): run motorpool migrate"))
            case .drifted(let differences):
                findings += differences.map { Finding(.bad, "schema", "the schema \(name): \($0)") }
            }
        }
        return findings
    }

    private func workers() async throws -> [Finding] {
        let workers = try await store.liveWorkers()
        guard !workers.isEmpty else {
            return [Finding(.warning, "workers", "no worker lives: jobs wait until one is started")]
        }
        return workers.map { worker in
            let state = worker.isDraining ? "drains" : "works on \(worker.queues.joined(separator: ", "))"
            return Finding(
                .fine, "workers",
                "worker \(worker.id) (\(worker.name)) \(state), for \(worker.age.roughly); its lease lives \(worker.leaseLeft.roughly) more"
            )
        }
    }

    private func homeless() async throws -> [Finding] {
        let homeless = try await store.homelessKinds()
        guard !homeless.isEmpty else {
            return [Finding(.fine, "homeless", "every kind with jobs in line has a live worker")]
        }
        return homeless.map {
            Finding(
                .warning, "homeless",
                "jobs of the kind \($0.kind) stand in the queue \($0.queue), and no live worker would take them"
            )
        }
    }

    private func queues() async throws -> [Finding] {
        let paused = try await store.pausedQueues()
        guard !paused.isEmpty else { return [Finding(.fine, "queues", "no queue is paused")] }
        return paused.map { queue, by, since in
            Finding(
                .warning, "queues",
                "the queue \(queue) is paused by \(by ?? "an operator") since \(since.iso8601)")
        }
    }

    private func table() async throws -> [Finding] {
        let facts = try await store.hotTableFacts()
        let isBloated = facts.dead > 100_000 && facts.dead > facts.live
        let vacuumed = facts.lastVacuum.map { "vacuumed last at \($0.iso8601)" } ?? "never vacuumed so far"
        return [
            Finding(
                isBloated ? .warning : .fine, "table",
                "about \(facts.live) live and \(facts.dead) dead rows in the table of jobs, \(vacuumed)")
        ]
    }

    private func dead() async throws -> [Finding] {
        let count = try await store.deadCount()
        guard count > 0 else { return [Finding(.fine, "dead", "no job is dead")] }
        let words =
            count > 10_000 ? "more than 10,000 jobs are" : count == 1 ? "1 job is" : "\(count) jobs are"
        return [Finding(.warning, "dead", "\(words) dead: motorpool jobs --state dead")]
    }

    private func rests() async throws -> [Finding] {
        let rests = try await Catalogue(store.database).rests().sorted { $0.key < $1.key }
        guard !rests.isEmpty else {
            return [Finding(.fine, "rests", "nobody whom we ask wants to be left alone")]
        }
        return rests.map { source, rest in
            Finding(
                .warning, "rests",
                "\(source) is not asked until \(rest.end.iso8601), for \(rest.left.roughly), and what needs it fails meanwhile: \(rest.why)"
            )
        }
    }

    private func orphans() async throws -> [Finding] {
        let orphans = try await store.orphans()
        guard !orphans.isEmpty else {
            return [Finding(.fine, "orphans", "no job is held for something that will not come")]
        }
        let list = orphans.prefix(5).map(\.description).joined(separator: ", ")
        let more = orphans.count > 5 ? " and more" : ""
        return [
            Finding(
                .bad, "orphans", "held for something that will not come: jobs \(list)\(more); cancel them")
        ]
    }
}
