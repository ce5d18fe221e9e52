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
    /// Queues that stand still are listed up to so many.
    private static let stalledMax = 20

    let store: Store
    let settings: Settings

    func findings() async -> [Finding] {
        var findings: [Finding] = []
        let isReadOnly: Bool
        do {
            let seen = try await facts()
            findings += server(seen)
            guard seen.facts.isUTF8 else { return findings }
            isReadOnly = seen.facts.isReadOnly
        } catch {
            let trouble = Trouble(error, settings)
            return [Finding(.bad, Self.unreachable, trouble.lines.joined(separator: "; "))]
        }
        findings += await looked("pooler", pooler)
        let schema = await looked("schema", schema)
        findings += schema
        findings += isReadOnly ? [] : await looked("bell", bell)
        findings += await looked("vacuum", vacuum)
        // Without its tables there is nothing more to ask.
        guard !schema.contains(where: { $0.level == .bad }) else { return findings }
        findings += await looked("workers", workers)
        findings += await looked("homeless", unworked)
        findings += await looked("queues", pausedQueues)
        findings += await looked("stalled", stalled)
        findings += await looked("stuck", stuck)
        findings += await looked("table", table)
        findings += await looked("dead", dead)
        findings += await looked("rests", rests)
        findings += await looked("orphans", orphans)
        findings += await looked("lost", lostReferences)
        findings += await looked("grants", privileges)
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
            encoding(facts), writes(facts), durability(facts), autovacuum(facts), connections(facts),
            clock(drift), protection(facts),
        ]
    }

    private func encoding(_ facts: ServerFacts) -> Finding {
        facts.isUTF8
            ? Finding(.fine, "encoding", "the database is in UTF8")
            : Finding(
                .bad, "encoding",
                "the database has the encoding \(facts.encoding), and Motorpool needs UTF8: create one with CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'"
            )
    }

    private func writes(_ facts: ServerFacts) -> Finding {
        if facts.isInRecovery {
            return Finding(
                .bad, "recovery",
                "the server is a standby and takes no writes: workers and fronts wait until the address leads to the primary"
            )
        }
        return facts.isReadOnly
            ? Finding(
                .bad, "recovery",
                "the database takes no writes: default_transaction_read_only is on for the server, the database or the role"
            ) : Finding(.fine, "recovery", "the server takes writes")
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

    private func protection(_ facts: ServerFacts) -> Finding {
        // An address that can't be read has led to no server.
        let elsewhere = (try? settings.connection.placesElsewhere()) ?? []
        guard let place = elsewhere.first else {
            return Finding(
                .fine, "protection",
                "the server is on this machine"
                    + (facts.tls.map { "; the connection is encrypted: \($0)" } ?? ""))
        }
        guard let tls = facts.tls else {
            return Finding(
                .warning, "protection",
                "the connection goes in plain text to another machine, \(place.place): write sslmode=verify-full and sslrootcert=FILE into the database's address"
            )
        }
        let isVerified = elsewhere.allSatisfy { $0.sslmode == "verify-full" }
        return Finding(
            .fine, "protection",
            "the connection to another machine is encrypted: \(tls); "
                + (isVerified
                    ? "the server proves its name (sslmode=verify-full)"
                    : "sslmode is \(place.sslmode ?? "set elsewhere"), and only verify-full makes the server prove its name")
        )
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
        switch try await BellTrip(settings: settings.connection, database: store.database).end() {
        case .came(let took):
            return [
                Finding(
                    took > .milliseconds(250) ? .warning : .fine, "bell",
                    "a notification takes \(took.text) to come back")
            ]
        case .lost:
            return [
                Finding(
                    .bad, "bell",
                    "a notification did not come back: is a pooler in between? Then set MOTORPOOL_POOLED=1")
            ]
        case .deaf(let why):
            return [Finding(.bad, "bell", "no connection could listen for notifications: \(why)")]
        }
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
        for (name, migrator) in Workplace.migrators(settings) {
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

    private func stalled() async throws -> [Finding] {
        let stalled = try await store.stalledQueues()
        guard !stalled.isEmpty else {
            return [Finding(.fine, "stalled", "every queue with jobs in line and free lanes is claimed from")]
        }
        let more = stalled.count - Self.stalledMax
        return stalled.prefix(Self.stalledMax).map { Finding(.bad, "stalled", $0.sentence) }
            + (more > 0 ? [Finding(.bad, "stalled", "\(more) more queues stand still in the same way")] : [])
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
                .bad, "orphans",
                "held for something that will not come: jobs \(list)\(more); retention lets parents go, or cancel them"
            )
        ]
    }
}
