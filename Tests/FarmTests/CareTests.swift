import Farm
import FoundationEssentials
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing

@Suite("A farm's care")
struct CareTests {
    private func troubles(_ hand: House.Hand) -> [String] {
        hand.recorder.all { if case .trouble(let text) = $0 { text } else { nil as String? } }
    }

    /// A job of twenty days ago in the history, which retention removes.
    private func oldHistory(_ house: House) async throws {
        try await house.store.database.run(
            """
            INSERT INTO motorpool.history (slot, id, ending, created_at, ended_at, run, priority, failures, queue, kind, args)
            SELECT (motorpool.today() - 20) % 32, -1, 'done', now() - interval '20 days', now() - interval '20 days', 1, 2, 0,
                'default', 'note', '{}'
            """)
    }

    @Test("goes on beside a step that fails, and tells the failure once however often it is tried")
    func failingStep() async throws {
        try await withHouse { house in
            try await oldHistory(house)
            try await house.store.database.run("CREATE SEQUENCE tries")
            try await house.store.database.run(
                """
                CREATE OR REPLACE FUNCTION motorpool.lift(of_queue text, after double precision, batch integer) RETURNS integer
                LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('tries'); RAISE EXCEPTION 'no lift today'; END $$
                """)
            let hand = try await house.hire([.note { _ in .done() }])
            try await eventually("the old history is gone", within: .seconds(20)) {
                try await house.value("SELECT count(*) FROM motorpool.history") as Int == 0
            }
            try await eventually("three tries", within: .seconds(20)) {
                try await house.value("SELECT last_value FROM tries") as Int64 >= 3
            }
            #expect(troubles(hand).count { $0.hasPrefix("lifting jobs of the queue default") } == 1)
            #expect(troubles(hand).count == 1)
        }
    }

    @Test("admits held jobs although due ones can't be moved, and tells that once")
    func failingMover() async throws {
        try await withHouse([Definition { $0.limit = 5 }]) { house in
            try await house.store.database.run("CREATE SEQUENCE tries")
            try await house.store.database.run(
                """
                CREATE OR REPLACE FUNCTION motorpool.move_due(batch integer) RETURNS TABLE (queue text, moved integer, kinds text[])
                LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('tries'); RAISE EXCEPTION 'no move today'; END $$
                """)
            try await house.store.database.run(
                """
                INSERT INTO motorpool.jobs (id, seq, state, held, level, priority, keep, queue, kind, limit_key, args)
                VALUES (nextval('motorpool.seq'), 1, 3, 1, 5, 2, false, 'default', 'note', '', '{}')
                """)
            let hand = try await house.hire([.note { _ in .done() }])
            try await house.isEmptied()
            try await eventually("three tries", within: .seconds(20)) {
                try await house.value("SELECT last_value FROM tries") as Int64 >= 3
            }
            #expect(troubles(hand).count == 1 && troubles(hand)[0].hasPrefix("moving due jobs"))
        }
    }

    @Test("R7: ends a subject whose job was removed by hand, by itself")
    func lostSubject() async throws {
        try await withHouse { house in
            let job = try await house.store.enqueue(
                NewJob("note", subject: "purge", delay: .seconds(3600))
            ).job
            try await house.store.database.run("DELETE FROM motorpool.jobs WHERE id = \(job.number)")
            _ = try await house.hire([.note { _ in .done() }])
            try await eventually("the subject is free", within: .seconds(20)) {
                try await house.value("SELECT count(*) FROM motorpool.subjects WHERE live") as Int == 0
            }
            #expect(try await house.store.enqueue(NewJob("note", subject: "purge")).verdict == .created)
        }
    }

    @Test("R8: needs no more than the grants that docs/operating.md lists, nor does a producer or a reader")
    func leastPrivilege() async throws {
        let definition = Definition {
            $0.keepsHistory = true
            $0.limitPerKey = 1
        }
        try await withHouse([definition]) { house in
            try await oldHistory(house)
            let suffix = "_\(house.database.name)"
            let roles = ["worker", "producer", "reader"].map { "motorpool_\($0)" }
            do {
                for role in roles {
                    try await house.store.database.run("CREATE ROLE \(pasting: role + suffix)")
                }
                for grant in try grants() {
                    let mine = roles.reduce(grant) { $0.replacing($1, with: $1 + suffix) }
                    try await house.store.database.run(SQL(mine))
                }
                try await work(house, as: roles[0] + suffix, producer: roles[1] + suffix)
                try await read(house, as: roles[2] + suffix)
            } catch {
                await drop(roles.map { $0 + suffix }, house)
                throw error
            }
            await drop(roles.map { $0 + suffix }, house)
        }
    }

    private func work(_ house: House, as worker: String, producer: String) async throws {
        let hand = try await house.hire(
            [
                .note { run in
                    if run.job.subject == "fails" { throw NeverHappened(description: "as asked") }
                    await run.report(phase: "half", done: 1, total: 2)
                    return .done()
                }
            ], role: worker)
        var settings = house.database.settings
        settings.sessionSetup.append("SET ROLE \(producer)")
        let sql = Database(settings, connectionsMax: 1)
        for arguments in [
            "", ", subject => 's'", ", key => 'k', subject => 's'", ", key => 'k', subject => 's'",
            ", limit_key => 'l'", ", limit_key => 'l'", ", delay => interval '0.2 s'",
            ", subject => 'fails', attempts_max => 1",
        ] {
            _ = try await sql.run("SELECT motorpool.enqueue('note'\(pasting: arguments))")
        }
        await sql.close()
        try await house.isEmptied()
        try await eventually("the old history is gone", within: .seconds(20)) {
            try await house.value("SELECT count(*) FROM motorpool.history WHERE id = -1") as Int == 0
        }
        try await eventually("the sample is taken", within: .seconds(20)) {
            try await house.value("SELECT count(*) > 0 FROM motorpool.samples") as Bool
        }
        #expect(try await hand.store.missingPrivileges().missing.map(\.objects) == [])
        let dead: Int64 = try await house.value("SELECT id FROM motorpool.dead")
        #expect(try await hand.store.retry(JobID(dead), by: Operator(name: "ann")) == .retried)
        try await house.becomes(.dead, JobID(dead))
        try await hand.stop()
        #expect(troubles(hand) == [])
    }

    private func read(_ house: House, as role: String) async throws {
        var settings = house.database.settings
        settings.sessionSetup.append("SET ROLE \(role)")
        let store = Store(settings)
        #expect(try await !store.jobs(JobFilter()).isEmpty)
        _ = try await store.depths()
        _ = try await store.queues()
        #expect(try await store.conditions(kind: "note", subjects: ["s"]).count == 1)
        _ = try await store.lastNumber()
        do {
            _ = try await store.database.run("SELECT * FROM motorpool.secrets")
            Issue.record("a reader reads secrets")
        } catch PostgresError.server(let error) {
            #expect(error.sqlstate == "42501")
        }
        await store.close()
    }

    private func drop(_ roles: [String], _ house: House) async {
        for role in roles {
            // Roles belong to the whole server; what can't be dropped here is not this test's finding.
            _ = try? await house.store.database.run("DROP OWNED BY \(pasting: role)")
            _ = try? await house.store.database.run("DROP ROLE \(pasting: role)")
        }
    }

    /// The statements of docs/operating.md, without the schema that this database does not have.
    private func grants() throws -> [String] {
        let text = try String(contentsOfFile: Checkout.path + "/docs/operating.md", encoding: .utf8)
        let section = try #require(text.split(separator: "## Roles with few privileges").last)
        let block = try #require(section.split(separator: "```sql\n").dropFirst().first)
        let script = block.split(separator: "```")[0].replacing(", workshop.migrations", with: "")
            .replacing(", workshop", with: "")
        let statements = script.split(separator: "\n").filter { !$0.hasPrefix("--") }.joined(separator: "\n")
            .split(separator: ";").map(String.init)
        return statements.filter { $0.contains(where: { !$0.isWhitespace }) }
    }
}
