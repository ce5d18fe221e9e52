package import Jobs
internal import Postgres

/// A queue with work and free lanes from which no process has claimed anything for a minute.
package struct StalledQueue: Sendable {
    package let name: String
    /// How long the first in line has been ready.
    package let headAge: Duration
    /// The job that has been ready for so long.
    package let head: JobID
    /// A worker that has free lanes for it.
    package let worker: String

    /// In one sentence.
    package var sentence: String {
        """
        nothing has been claimed from the queue \(name) for a minute, although job \(head) has been ready for \
        \(headAge.inMinutes) and the worker \(worker) has free lanes: look into the log for “claiming”
        """
    }
}

extension Duration {
    /// Rounded down, for what is told of minutes.
    fileprivate var inMinutes: String {
        let minutes = Int(inSeconds / 60)
        return minutes == 1 ? "1 minute" : "\(minutes) minutes"
    }
}

extension Store {
    /// Every queue that stands still although it has work and free lanes; of the first 500 queues with jobs in line, by
    /// name. A queue that was resumed, or whose workers were started, less than a minute ago is not among them.
    package func stalledQueues() async throws -> [StalledQueue] {
        try await looking([
            """
            WITH RECURSIVE names AS (
                (SELECT j.queue, 1 AS turn FROM motorpool.jobs j WHERE j.state = 0 ORDER BY j.queue LIMIT 1)
                UNION ALL
                SELECT (SELECT j.queue FROM motorpool.jobs j WHERE j.state = 0 AND j.queue > n.queue
                        ORDER BY j.queue LIMIT 1), n.turn + 1
                FROM names n WHERE n.queue IS NOT NULL AND n.turn < 500
            ), heads AS (
                SELECT n.queue, h.id, h.kind, h.since FROM names n CROSS JOIN generate_series(0, 7) l
                CROSS JOIN LATERAL (
                    SELECT j.id, j.kind, greatest(j.created_at, j.run_at) AS since FROM motorpool.jobs j
                    WHERE j.queue = n.queue AND j.state = 0 AND j.level = l ORDER BY j.seq LIMIT 20) h
                WHERE n.queue IS NOT NULL AND h.since < now() - interval '1 minute'
            )
            SELECT DISTINCT ON (h.queue) h.queue, h.id, extract(epoch FROM now() - h.since)::double precision, w.name
            FROM heads h JOIN motorpool.workers w ON h.queue = ANY (w.queues) AND h.kind = ANY (w.kinds)
            WHERE w.lease_until > now() AND NOT w.draining AND w.started_at < now() - interval '1 minute'
                AND (w.stats #>> ARRAY['pools', h.queue, 'busy'])::bigint < (w.stats #>> ARRAY['pools', h.queue, 'lanes'])::bigint
                AND NOT EXISTS (SELECT FROM motorpool.queues q WHERE q.name = h.queue AND q.paused_at IS NOT NULL)
                AND NOT EXISTS (SELECT FROM motorpool.workers v WHERE v.lease_until > now()
                    AND h.queue = ANY (v.queues) AND (v.stats #>> ARRAY['pools', h.queue, 'claimed_ago'])::bigint < 60)
                AND NOT EXISTS (SELECT FROM motorpool.workers v JOIN motorpool.jobs r ON r.worker = v.id AND r.state = 1
                    WHERE r.queue = h.queue AND r.started_at > now() - interval '1 minute')
                AND NOT EXISTS (SELECT FROM (SELECT a.target, a.action, a.at FROM motorpool.audit a ORDER BY a.id DESC LIMIT 200) a
                    WHERE a.action = 'resume' AND a.target = 'queue ' || h.queue AND a.at > now() - interval '1 minute')
            ORDER BY h.queue, h.since, h.id
            """
        ])[0].map { row in
            StalledQueue(
                name: try row.get(0), headAge: .seconds(try row.get(2, as: Double.self)),
                head: JobID(try row.get(1)), worker: try row.get(3))
        }
    }
}
