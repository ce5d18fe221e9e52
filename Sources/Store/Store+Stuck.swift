package import Jobs
internal import Postgres

/// A run that does not end, as its worker reports it.
package struct StuckReport: Sendable, CustomStringConvertible {
    package let worker: String
    package let job: JobID
    package let kind: String
    package let queue: String
    /// Since its start, when the worker last reported.
    package let seconds: Int
    /// It was told to end and given up: its lane is lost until it ends by itself.
    package let isLost: Bool

    /// For operators.
    package var description: String {
        let run = "job \(job) (\(kind)) on worker \(worker)"
        return isLost
            ? "\(run) still runs after \(seconds) s although it was given up: one lane of \(queue) is lost"
            : "\(run) has not let go of its thread: it has run for \(seconds) s and blocks one lane of \(queue)"
    }
}

extension Store {
    /// Runs that don't end, as live workers report them with each renewal of their lease; at most 100, the longest first.
    package func stuckRuns() async throws -> [StuckReport] {
        let rows = try await database.run(
            """
            SELECT w.name, (s ->> 'job')::bigint, s ->> 'kind', s ->> 'queue', (s ->> 'seconds')::bigint,
                (s ->> 'lost')::boolean
            FROM motorpool.workers w
            CROSS JOIN LATERAL jsonb_array_elements(
                CASE WHEN jsonb_typeof(w.stats -> 'stuck') = 'array' THEN w.stats -> 'stuck' ELSE '[]' END) s
            WHERE w.lease_until > now() ORDER BY 5 DESC, 2 LIMIT 100
            """)
        return try rows.map { row in
            StuckReport(
                worker: try row.get(0), job: JobID(try row.get(1)), kind: try row.get(2),
                queue: try row.get(3), seconds: Int(try row.get(4, as: Int64.self)), isLost: try row.get(5))
        }
    }
}
