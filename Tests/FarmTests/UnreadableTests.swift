import Farm
import Jobs
import Platform
import Postgres
import Store
import TestSupport
import Testing
import Trial

/// Rows that a program put into the table by SQL, past every bound, in the queue of a farm at work.
@Suite("A row that can't be read")
struct UnreadableTests {
    private func insert(_ args: String, _ count: Int = 1, into house: House) async throws -> [JobID] {
        try await house.store.database.run(
            """
            INSERT INTO motorpool.jobs (id, seq, state, level, priority, keep, queue, kind, args)
            SELECT s, s, 0, 5, 2, true, 'default', 'note', \(pasting: args)
            FROM (SELECT nextval('motorpool.seq') AS s FROM generate_series(1, \(count))) n RETURNING id
            """
        ).map { JobID(try $0.get(0)) }
    }

    private func array(of number: String, _ count: Int) -> String {
        "('[' || repeat('\(number),', \(count - 1)) || '\(number)]')::jsonb"
    }

    /// Puts rows between 60 honest jobs and waits until each has gone where it belongs.
    private func work(
        within limit: Duration = .seconds(10), _ house: House, _ bad: () async throws -> [JobID],
        beforeLooking: () async throws -> Void = {}
    ) async throws -> Hand {
        let before = try await house.store.enqueue([NewJob](repeating: NewJob("note"), count: 30)).map(\.job)
        let dead = try await bad()
        let after = try await house.store.enqueue([NewJob](repeating: NewJob("note"), count: 30)).map(\.job)
        let hand = try await house.hire([.note { _ in .done() }])
        try await house.isEmptied(within: limit)
        try await beforeLooking()
        #expect(
            try await house.value("SELECT count(*) FROM motorpool.history WHERE ending = 'done'") as Int
                == before.count + after.count)
        for job in dead {
            let report = try #require(try await house.job(job))
            #expect(report.state == .dead && report.reason == "for_good")
            #expect(report.errors?.description.contains("can't be read: ") == true)
        }
        #expect(try await house.value("SELECT count(*) FROM motorpool.dead") as Int == dead.count)
        return Hand(hand)
    }

    private struct Hand {
        let refused: Set<JobID>

        init(_ hand: House.Hand) {
            refused = Set(
                hand.recorder.all { if case .refusedData(let job, _) = $0 { job } else { nil as JobID? } })
        }
    }

    @Test("R1 is dead within ten seconds, with the reason, and all others are done")
    func bombs() async throws {
        try await withHouse([Definition { $0.lanes = 200 }]) { house in
            var bad: [JobID] = []
            let hand = try await work(house) {
                bad += try await insert(array(of: "1e131071", 8300), into: house)
                bad += try await insert(array(of: "1e131071", 1000), 40, into: house)
                return bad
            }
            #expect(hand.refused == Set(bad))
        }
    }

    @Test("is found by halving when nothing tells it from others: many small ones that become large together")
    func halved() async throws {
        try await withHouse([Definition { $0.lanes = 200 }]) { house in
            _ = try await work(within: .seconds(20), house) {
                try await insert(array(of: "1e131071", 14), 60, into: house)
                    + insert(array(of: "0e-16383", 200), 20, into: house)
            }
        }
    }

    @Test("even by a careful claim stands alone in the end, is claimed without its payload, and is dead")
    func alone() async throws {
        try await withHouse([Definition { $0.lanes = 50 }]) { house in
            // As a value that the server itself stumbles over: its judge fails as well.
            try await house.script(
                """
                ALTER FUNCTION motorpool.unreadable(jsonb) RENAME TO unreadable_at_rest;
                CREATE FUNCTION motorpool.unreadable(value jsonb) RETURNS text LANGUAGE plpgsql STABLE AS $$
                BEGIN
                    IF value @> '["stone"]' THEN RAISE EXCEPTION 'a stone' USING ERRCODE = '22021'; END IF;
                    RETURN motorpool.unreadable_at_rest(value);
                END $$;
                """)
            _ = try await work(within: .seconds(20), house) {
                try await insert("'[\"stone\"]'::jsonb || \(array(of: "1e50", 400))", 2, into: house)
            } beforeLooking: {
                try await house.script(
                    """
                    DROP FUNCTION motorpool.unreadable(jsonb);
                    ALTER FUNCTION motorpool.unreadable_at_rest(jsonb) RENAME TO unreadable;
                    """)
            }
        }
    }
}

extension House {
    /// Runs several statements.
    fileprivate func script(_ text: String) async throws {
        try await store.database.transaction { try await $0.runScript(text) }
    }
}
