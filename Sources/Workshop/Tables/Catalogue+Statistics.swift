package import Postgres

/// What was asked and what happened in one span of time.
package struct Tally: Sendable {
    package var counts: [StatisticsType: Int64] = [:]
    /// Files that were sent, by mod.
    package var sent: [Int64: Int64] = [:]
    /// Mods that were asked for.
    package var asked: Set<Int64> = []
    /// How long answers with a file took, in milliseconds; the last ones.
    package var delays: [Int64] = []

    package init() {}

    package var isEmpty: Bool { counts.isEmpty && sent.isEmpty && asked.isEmpty && delays.isEmpty }

    /// Both together, `earlier` before this.
    package mutating func add(_ earlier: Tally) {
        counts.merge(earlier.counts, uniquingKeysWith: +)
        sent.merge(earlier.sent, uniquingKeysWith: +)
        asked.formUnion(earlier.asked)
        delays = Array((earlier.delays + delays).suffix(Tally.delaysMax))
    }

    /// A mean is taken over so many.
    package static let delaysMax = 20
}

/// What is counted by the hour and by the day.
extension Catalogue {
    /// One more of a kind, at once. Routes count in memory instead.
    package func count(_ type: StatisticsType, in runner: (any SQLRunner)? = nil) async throws {
        try await (runner ?? database as any SQLRunner).run(all: Catalogue.counting([type: 1]))
    }

    /// Writes a tally down, whole or not at all.
    package func add(_ tally: Tally) async throws {
        guard !tally.isEmpty else { return }
        var statements: [SQL] = []
        let asked = tally.asked.union(tally.sent.keys).sorted()
        if !asked.isEmpty {
            let sent = asked.map { tally.sent[$0] ?? 0 }
            // Rows are locked in one order, so that two processes can't block each other.
            statements += [
                """
                WITH held AS MATERIALIZED (
                    SELECT m.id, a.sent FROM unnest(\(asked), \(sent)) a(id, sent) JOIN workshop.mods m ON m.id = a.id
                    ORDER BY m.id FOR UPDATE OF m
                )
                UPDATE workshop.mods m SET date_request = now(), downloads = m.downloads + h.sent
                FROM held h WHERE m.id = h.id
                """,
                """
                WITH held AS MATERIALIZED (
                    SELECT g.id FROM workshop.games g WHERE g.id IN (
                        SELECT l.game FROM workshop.mods_games l WHERE l.mod = ANY (\(asked)))
                    ORDER BY g.id FOR UPDATE OF g
                )
                UPDATE workshop.games g SET mods_downloads = g.mods_downloads + (
                    SELECT coalesce(sum(a.sent), 0)::bigint FROM unnest(\(asked), \(sent)) a(id, sent)
                    JOIN workshop.mods_games l ON l.mod = a.id WHERE l.game = g.id)
                FROM held h WHERE g.id = h.id
                """,
            ]
        }
        if !tally.delays.isEmpty {
            statements.append(
                """
                INSERT INTO workshop.delays (type, milliseconds)
                SELECT 'fast', d FROM unnest(\(tally.delays)) WITH ORDINALITY a(d, place) ORDER BY place
                """)
        }
        // Mods before counts, as in a publication.
        if !tally.counts.isEmpty { statements += Catalogue.counting(tally.counts) }
        try await database.run(all: statements)
    }

    /// The mean of the last delays in milliseconds, rounded down: of a file that was here, and of one that was fetched.
    /// 0: none is known.
    package func delays() async throws -> (fast: Int64, full: Int64) {
        func mean(_ type: String) -> SQL {
            """
            SELECT coalesce(floor(avg(milliseconds)), 0)::bigint FROM (SELECT milliseconds FROM workshop.delays
            WHERE type = \(type) ORDER BY id DESC LIMIT \(Tally.delaysMax)) last
            """
        }
        let rows = try await read(all: [mean("fast"), mean("full")])
        return (try rows[0][0].get(0), try rows[1][0].get(0))
    }

    /// Counts of hours of today, in UTC, by time.
    package func hours(_ range: ClosedRange<Int>) async throws -> [(
        at: PostgresTimestamp, type: String, count: Int64
    )] {
        try await read(
            """
            SELECT date_time, type, count FROM workshop.hours
            WHERE date_time BETWEEN date_trunc('day', now(), 'UTC') + make_interval(hours => \(Int32(range.lowerBound)))
                AND date_trunc('day', now(), 'UTC') + make_interval(hours => \(Int32(range.upperBound)))
            ORDER BY date_time, type
            """
        ).map { (try $0.get(0), try $0.get(1), try $0.get(2)) }
    }

    /// Counts of days, both ends included, by date. A date is `YYYY-MM-DD`; no end: today in UTC, no start: six days
    /// before the end.
    /// - Returns: `nil` when the start lies behind the end.
    package func days(from start: String?, to end: String?) async throws
        -> [(date: String, type: String, count: Int64)]?
    {
        let bounds: SQL = """
            SELECT coalesce(\(start)::date, e.date - 6) AS first, e.date AS last
            FROM (SELECT coalesce(\(end)::date, (now() AT TIME ZONE 'UTC')::date) AS date) e
            """
        let rows = try await read(all: [
            "SELECT first <= last FROM (\(bounds)) b",
            """
            SELECT d.date::text, d.type, d.count FROM (\(bounds)) b JOIN workshop.days d
            ON d.date BETWEEN b.first AND b.last ORDER BY d.date, d.type
            """,
        ])
        guard try rows[0][0].get(0, as: Bool.self) else { return nil }
        return try rows[1].map { (try $0.get(0), try $0.get(1), try $0.get(2)) }
    }

    static func counting(_ counts: [StatisticsType: Int64]) -> [SQL] {
        // In one order, so that two processes can't block each other.
        let sorted = counts.sorted { $0.key.rawValue < $1.key.rawValue }
        let types = sorted.map(\.key.rawValue)
        let numbers = sorted.map(\.value)
        return [
            """
            INSERT INTO workshop.hours AS h (date_time, type, count)
            SELECT date_trunc('hour', now(), 'UTC'), t, n FROM unnest(\(types), \(numbers)) a(t, n)
            ON CONFLICT (date_time, type) DO UPDATE SET count = h.count + excluded.count
            """,
            """
            INSERT INTO workshop.days AS d (date, type, count)
            SELECT (now() AT TIME ZONE 'UTC')::date, t, n FROM unnest(\(types), \(numbers)) a(t, n)
            ON CONFLICT (date, type) DO UPDATE SET count = d.count + excluded.count
            """,
        ]
    }
}
