package import Postgres

/// What is counted by the hour and by the day.
extension Catalogue {
    /// One more of a kind, at once. Routes count in memory instead.
    package func count(_ type: StatisticsType, in runner: (any SQLRunner)? = nil) async throws {
        try await (runner ?? database as any SQLRunner).run(all: Catalogue.counting([type: 1]))
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
