package import Postgres

/// That somebody whom we ask wants to be left alone.
package struct SteamRest: Hashable, Sendable {
    /// At the moment of the answer, by the database's clock.
    package let left: Duration
    package let end: PostgresTimestamp
    /// What was said when it began.
    package let why: String

    /// To the second: all who meet the same rest say the same.
    var endText: String {
        PostgresTimestamp(microseconds: end.microseconds / 1_000_000 * 1_000_000).iso8601
    }
}

/// Who of those that we ask wants to be left alone, for the whole cluster.
extension Catalogue {
    /// How much longer a source rests, and why; `nil`: it may be asked.
    package func rest(of source: String) async throws -> SteamRest? { try await rests()[source] }

    /// Everybody who rests now, by name.
    package func rests() async throws -> [String: SteamRest] {
        try await database.run(
            "SELECT source, extract(epoch FROM until - now())::float8, until, why FROM workshop.rests WHERE until > now()"
        ).reduce(into: [:]) { rests, row in
            rests[try row.get(0)] = SteamRest(
                left: .seconds(try row.get(1, as: Double.self)), end: try row.get(2), why: try row.get(3))
        }
    }

    /// Nobody asks the source for `span`; for twice as long as last time, up to `max`, when its last rest ended less
    /// than that long ago. While it rests already, nothing changes.
    package func rest(_ source: String, for span: Duration, max: Duration, why: String) async throws {
        let (first, longest) = (Double(span.components.seconds), Double(max.components.seconds))
        try await database.run(
            """
            INSERT INTO workshop.rests AS r (source, until, seconds, why)
            VALUES (\(source), now() + make_interval(secs => \(first)), \(first), \(Catalogue.clean(why)))
            ON CONFLICT (source) DO UPDATE SET (until, seconds, why) = (
                SELECT now() + make_interval(secs => s), s, excluded.why
                FROM (SELECT CASE WHEN now() < r.until + make_interval(secs => r.seconds * 2)
                    THEN least(r.seconds * 2, \(longest)) ELSE \(first) END) a(s))
            WHERE r.until <= now()
            """)
    }
}
