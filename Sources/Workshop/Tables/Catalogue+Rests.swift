internal import Postgres

/// Who of those that we ask wants to be left alone, for the whole cluster.
extension Catalogue {
    /// How much longer a source rests, and why; `nil`: it may be asked.
    package func rest(of source: String) async throws -> (left: Duration, why: String)? {
        let row = try await database.run(
            """
            SELECT extract(epoch FROM until - now())::float8, why FROM workshop.rests
            WHERE source = \(source) AND until > now()
            """
        ).first
        guard let row else { return nil }
        return (.seconds(try row.get(0, as: Double.self)), try row.get(1))
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
