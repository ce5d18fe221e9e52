package import Jobs
internal import Postgres

/// What can be seen of a live job without reading all of it: two that are equal have nothing new to tell.
package struct JobPulse: Hashable, Sendable {
    package let state: JobState
    package let run: Int
    package let failures: Int
    package let phase: String?
    package let done: Int64?
    package let total: Int64?
}

extension Store {
    /// The live ones among these jobs, in one statement by primary key. Whatever is missing has ended, or was never there.
    package func pulses(of jobs: [JobID]) async throws -> [JobID: JobPulse] {
        guard !jobs.isEmpty else { return [:] }
        let rows = try await database.run(
            """
            SELECT j.id, j.state, j.run, j.failures::integer, motorpool.readable(p.phase), p.done, p.total
            FROM motorpool.jobs j LEFT JOIN motorpool.progress p ON p.job = j.id AND p.run = j.run
            WHERE j.id = ANY (\(jobs.map(\.number)))
            """, within: .seconds(5))
        var pulses: [JobID: JobPulse] = [:]
        for row in rows {
            let pulse = JobPulse(
                state: JobState(rawValue: try row.get(1)) ?? .ready, run: Int(try row.get(2, as: Int32.self)),
                failures: Int(try row.get(3, as: Int32.self)), phase: try row.get(4), done: try row.get(5),
                total: try row.get(6))
            pulses[JobID(try row.get(0))] = pulse
        }
        return pulses
    }

    /// The highest number that was ever given to a job. Some below it were never a job's: a job that comes back to its
    /// line draws a new place from the same sequence.
    package func lastNumber() async throws -> JobID {
        let row = try await database.run(
            "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM motorpool.seq"
        ).first
        return JobID(try row?.get(0) ?? 0)
    }
}
