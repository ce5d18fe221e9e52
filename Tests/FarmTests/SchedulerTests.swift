import Farm
import Jobs
import Postgres
import Store
import TestSupport
import Testing

@Suite("The scheduler")
struct SchedulerTests {
    private func line(_ name: String = "tick", _ when: String = "* * * * * *") throws -> ScheduleLine {
        var line = ScheduleLine(name: name, expression: try CronExpression(when), kind: "note")
        line.overlap = .allow
        return line
    }

    private func firings(_ recorder: Recorder) -> [DecidedSlot] {
        recorder.all { if case .slots(let slots) = $0 { slots } else { nil as [DecidedSlot]? } }.flatMap {
            $0
        }
    }

    @Test("a farm fires its schedule, and its jobs run")
    func farm() async throws {
        try await withHouse { house in
            let line = try line()
            let hand = try await house.hire([.note { _ in .done() }]) { $0.schedule = [line] }
            try await hand.recorder.hears("two slots", times: 2) { event in
                if case .slots = event { true } else { nil }
            }
            let job = try #require(firings(hand.recorder).first?.job)
            try await hand.hears(job: job, ending: "done")
        }
    }

    @Test("several at once fire each slot once, and one that is held back misses nothing for the others")
    func several() async throws {
        try await withHouse { house in
            let recorder = Recorder()
            let lines = [try line("a"), try line("b", "*/2 * * * * *")]
            let schedulers = try await house.store.withSchedulers(4, lines) { recorder.hear($0) }
            try await recorder.hears("slots", times: 8) { event in
                if case .slots = event { true } else { nil }
            }
            for scheduler in schedulers { scheduler.cancel() }
            for scheduler in schedulers { await scheduler.value }
            let told = firings(recorder)
            #expect(Set(told.map { "\($0.schedule) \($0.slot)" }).count == told.count)
            #expect(told.allSatisfy { $0.outcome == .fired })
            let rows = try await house.store.database.run(
                "SELECT count(*), count(DISTINCT meta::text) FROM motorpool.jobs")
            let jobs = try rows[0].get(0, as: Int64.self)
            #expect(jobs == Int64(told.count))
            #expect(try rows[0].get(1, as: Int64.self) == jobs)
            // No second lies between two slots of a that was not decided.
            let seconds = told.filter { $0.schedule == "a" }.map { $0.slot.microseconds / 1_000_000 }.sorted()
            #expect(zip(seconds, seconds.dropFirst()).allSatisfy { $1 - $0 == 1 })
        }
    }

    @Test("a line whose row is gone from the database is published again")
    func forgotten() async throws {
        try await withHouse { house in
            let recorder = Recorder()
            let schedulers = try await house.store.withSchedulers(1, [try line()]) { recorder.hear($0) }
            try await recorder.hears("a slot") { if case .slots = $0 { true } else { nil } }
            try await house.store.database.run("DELETE FROM motorpool.schedules")
            let before = recorder.events.count
            try await eventually("another slot", within: .seconds(10)) { recorder.events.count > before }
            for scheduler in schedulers { scheduler.cancel() }
            for scheduler in schedulers { await scheduler.value }
        }
    }

    @Test("a line that the database refuses is told, and keeps no other from firing")
    func trouble() async throws {
        try await withHouse { house in
            try await house.store.database.run(
                """
                CREATE FUNCTION motorpool.spoil() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF new.schedule = 'bad' THEN RAISE EXCEPTION 'spoilt'; END IF;
                    RETURN new;
                END $$
                """)
            try await house.store.database.run(
                "CREATE TRIGGER spoil BEFORE INSERT ON motorpool.slots FOR EACH ROW EXECUTE FUNCTION motorpool.spoil()"
            )
            let recorder = Recorder()
            let lines = [try line("bad"), try line("good")]
            let schedulers = try await house.store.withSchedulers(1, lines) { recorder.hear($0) }
            try await recorder.hears("slots of the good one", times: 2) { event in
                if case .slots(let slots) = event, slots.contains(where: { $0.schedule == "good" }) {
                    true
                } else {
                    nil
                }
            }
            try await recorder.hears("the trouble") { event in
                if case .trouble(let sentence) = event, sentence.contains("bad"), sentence.contains("spoilt")
                {
                    true
                } else {
                    nil
                }
            }
            for scheduler in schedulers { scheduler.cancel() }
            for scheduler in schedulers { await scheduler.value }
        }
    }

    @Test("R6: a line whose subject a stranger's transaction holds is told, and makes no other late")
    func locked() async throws {
        try await withHouse { house in
            var held = try line("held")
            held.subject = "S"
            let lines = [held] + (try (0..<5).map { try line("free\($0)") })
            try await house.store.publish(Definitions([Definition(kind: "note")]))
            let stranger = Database(house.store.database.settings, connectionsMax: 1)
            try await stranger.transaction(within: .seconds(60)) { tx in
                try await tx.run("SELECT motorpool.enqueue('note', subject => 'S')")
                let recorder = Recorder()
                let schedulers = try await house.store.withSchedulers(1, lines) { recorder.hear($0) }
                try await recorder.hears("slots of the free ones", times: 5) { event in
                    if case .slots = event { true } else { nil }
                }
                try await recorder.hears("the trouble") { event in
                    if case .trouble(let sentence) = event, sentence.contains("held"),
                        sentence.contains("lock")
                    {
                        true
                    } else {
                        nil
                    }
                }
                for scheduler in schedulers { scheduler.cancel() }
                for scheduler in schedulers { await scheduler.value }
            }
            await stranger.close()
            let late = try await house.store.database.run(
                """
                SELECT max(extract(epoch FROM decided_at - slot))::double precision, count(*) FROM motorpool.slots
                WHERE schedule LIKE 'free%'
                """)
            let seconds: Double = try late[0].get(0)
            print(
                "R6: \(try late[0].get(1, as: Int64.self)) slots beside a locked one, at most \(seconds) s late"
            )
            #expect(seconds < 1.5)
        }
    }
}

extension Store {
    /// Schedulers at work; whoever started them cancels and awaits them.
    fileprivate func withSchedulers(
        _ count: Int, _ lines: [ScheduleLine], _ tell: @escaping @Sendable (FarmEvent) -> Void
    ) async throws -> [Task<Void, Never>] {
        (0..<count).map { _ in
            let scheduler = Scheduler(store: self, lines: lines, ledgerDays: 14, tell: tell)
            return Task { await scheduler.run() }
        }
    }
}
