internal import Postgres

extension Schema {
    /// Queues that no worker takes from, admission by turns, bounded depths, repairs, and change data capture.
    static let queues = Migration(
        number: 13, name: "queues",
        sql: depthsSQL + reasonSQL + admissionSQL + repairSQL + replicationSQL)

    private static let depthsSQL = #"""
        -- How many jobs wait in each queue and why, for the `most` queues with the most jobs, or for the one called `named`.
        -- Exact up to 10,000, then `more`; past 200 queues with ready jobs the bound of each is lower, so that two million
        -- index entries are counted at most. `queues`: how many queues have jobs, of at most 10,000 looked at.
        DROP FUNCTION motorpool.depths();
        CREATE FUNCTION motorpool.depths(most integer DEFAULT 200, named text DEFAULT NULL)
        RETURNS TABLE (queue text, state text, n integer, more boolean, oldest double precision, queues integer)
        LANGUAGE sql STABLE
        SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
        SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
            WITH RECURSIVE in_line AS (
                (SELECT j.queue, 1 AS turn FROM motorpool.jobs j WHERE j.state = 0 ORDER BY j.queue LIMIT 1)
                UNION ALL
                SELECT (SELECT j.queue FROM motorpool.jobs j WHERE j.state = 0 AND j.queue > i.queue
                        ORDER BY j.queue LIMIT 1), i.turn + 1
                FROM in_line i WHERE i.queue IS NOT NULL AND i.turn < 10000
            ), parents AS (
                (SELECT j.parent, 1 AS turn FROM motorpool.jobs j WHERE j.parent IS NOT NULL ORDER BY j.parent LIMIT 1)
                UNION ALL
                SELECT (SELECT j.parent FROM motorpool.jobs j WHERE j.parent > p.parent ORDER BY j.parent LIMIT 1),
                    p.turn + 1
                FROM parents p WHERE p.parent IS NOT NULL AND p.turn <= 1000
            ), bounds AS MATERIALIZED (
                SELECT greatest(100, least(10000, 2000000 / greatest(1, (SELECT count(*) FROM in_line)))) AS ready,
                    greatest(100, least(10000, 2000000 / greatest(1, (SELECT count(*) FROM motorpool.kinds)))) AS held
            ), ready AS MATERIALIZED (
                SELECT i.queue, c.n FROM in_line i CROSS JOIN LATERAL (SELECT count(*) AS n FROM (
                    SELECT 1 FROM motorpool.jobs j WHERE j.queue = i.queue AND j.state = 0
                    LIMIT (SELECT b.ready + 1 FROM bounds b)) x) c
                WHERE i.queue IS NOT NULL
            ), running AS MATERIALIZED (
                SELECT j.queue, j.started_at FROM motorpool.jobs j WHERE j.state = 1 LIMIT 10001
            ), scheduled AS MATERIALIZED (
                SELECT j.queue FROM motorpool.jobs j WHERE j.state = 2 ORDER BY j.run_at LIMIT 10001
            ), held AS MATERIALIZED (
                SELECT h.queue, h.created_at FROM motorpool.kinds k CROSS JOIN LATERAL (
                    SELECT j.queue, j.created_at FROM motorpool.jobs j WHERE j.kind = k.kind AND j.held = 1
                    LIMIT (SELECT b.held + 1 FROM bounds b)) h
            ), families AS MATERIALIZED (
                SELECT j.queue, p.turn FROM parents p JOIN motorpool.jobs j ON j.id = p.parent
                WHERE j.state = 3 AND j.held = 3
            ), counted AS MATERIALIZED (
                SELECT r.queue, 'ready' AS state, least(r.n, b.ready) AS n, r.n > b.ready AS more, NULL::double precision AS oldest
                FROM ready r CROSS JOIN bounds b
                UNION ALL
                SELECT r.queue, 'running', least(count(*), 10000), (SELECT count(*) FROM running) > 10000,
                    extract(epoch FROM now() - min(r.started_at))::double precision FROM running r GROUP BY r.queue
                UNION ALL
                SELECT s.queue, 'scheduled', least(count(*), 10000), (SELECT count(*) FROM scheduled) > 10000, NULL
                FROM scheduled s GROUP BY s.queue
                UNION ALL
                SELECT h.queue, 'held', least(count(*), b.held), count(*) > b.held,
                    extract(epoch FROM now() - min(h.created_at))::double precision
                FROM held h CROSS JOIN bounds b GROUP BY h.queue, b.held
                UNION ALL
                SELECT f.queue, 'children', count(*), bool_or(f.turn > 1000), NULL FROM families f GROUP BY f.queue
            ), ranked AS MATERIALIZED (
                SELECT t.*, dense_rank() OVER (ORDER BY t.total DESC, t.queue) AS place
                FROM (SELECT c.*, sum(c.n) OVER (PARTITION BY c.queue) AS total FROM counted c) t
            )
            SELECT r.queue, r.state, r.n::integer, r.more,
                CASE r.state WHEN 'ready' THEN (
                    SELECT extract(epoch FROM now() - min(h.since))::double precision
                    FROM generate_series(-2, 7) l CROSS JOIN LATERAL (
                        SELECT greatest(j.created_at, j.run_at) AS since FROM motorpool.jobs j
                        WHERE j.queue = r.queue AND j.state = 0 AND j.level = l ORDER BY j.seq LIMIT 1) h)
                ELSE r.oldest END,
                (SELECT count(DISTINCT c.queue)::integer FROM counted c)
            FROM ranked r WHERE CASE WHEN named IS NULL THEN r.place <= most ELSE r.queue = named END
            ORDER BY r.place, r.state
        $$;

        -- Queues with jobs that no live worker takes from (`kind` is null), and kinds in line that no live worker of their
        -- queue knows. Looks at 10,000 queues with ready jobs and at two million of those jobs at most, and at the next
        -- 10,000 that are due. `total`: how many there are; `most` of them are told.
        CREATE FUNCTION motorpool.unworked(most integer) RETURNS TABLE (queue text, kind text, n bigint, total bigint)
        LANGUAGE sql STABLE
        SET enable_seqscan = off SET enable_bitmapscan = off SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
            WITH RECURSIVE in_line AS (
                (SELECT j.queue, 1 AS turn FROM motorpool.jobs j WHERE j.state = 0 ORDER BY j.queue LIMIT 1)
                UNION ALL
                SELECT (SELECT j.queue FROM motorpool.jobs j WHERE j.state = 0 AND j.queue > i.queue
                        ORDER BY j.queue LIMIT 1), i.turn + 1
                FROM in_line i WHERE i.queue IS NOT NULL AND i.turn < 10000
            ), bound AS MATERIALIZED (
                SELECT greatest(100, least(10000, 2000000 / greatest(1, (SELECT count(*) FROM in_line)))) AS n
            ), hands AS MATERIALIZED (
                SELECT q.queue, w.kinds FROM motorpool.workers w CROSS JOIN LATERAL unnest(w.queues) q(queue)
                WHERE w.lease_until > now() AND NOT w.draining
            ), taken AS MATERIALIZED (
                SELECT DISTINCT h.queue FROM hands h
            ), waiting AS (
                SELECT i.queue, c.kind, c.n FROM in_line i CROSS JOIN LATERAL (
                    SELECT x.kind, count(*) AS n FROM (SELECT j.kind FROM motorpool.jobs j
                        WHERE j.queue = i.queue AND j.state = 0 LIMIT (SELECT b.n FROM bound b)) x GROUP BY x.kind) c
                WHERE i.queue IS NOT NULL
                UNION ALL
                SELECT s.queue, s.kind, count(*) FROM (SELECT j.queue, j.kind FROM motorpool.jobs j WHERE j.state = 2
                    ORDER BY j.run_at LIMIT 10000) s GROUP BY s.queue, s.kind
            ), alone AS (
                SELECT w.queue, NULL::text AS kind, sum(w.n)::bigint AS n FROM waiting w
                WHERE w.queue NOT IN (SELECT t.queue FROM taken t) GROUP BY w.queue
                UNION ALL
                SELECT w.queue, w.kind, sum(w.n)::bigint FROM waiting w WHERE w.queue IN (SELECT t.queue FROM taken t)
                    AND NOT EXISTS (SELECT 1 FROM hands h WHERE h.queue = w.queue AND w.kind = ANY (h.kinds))
                GROUP BY w.queue, w.kind
            )
            SELECT a.queue, a.kind, a.n, count(*) OVER () FROM alone a ORDER BY a.n DESC, a.queue, a.kind LIMIT most
        $$;

        -- Takes the sample of this minute, unless another process has. At most 200 queues, those with the most jobs first. A
        -- worker that ended since the sample before has taken its last counts with it.
        CREATE OR REPLACE FUNCTION motorpool.take_sample() RETURNS boolean LANGUAGE plpgsql AS $$
        DECLARE
            this constant timestamptz := date_trunc('minute', now());
            before timestamptz;
        BEGIN
            IF EXISTS (SELECT FROM motorpool.samples s WHERE s.minute = this)
                OR NOT pg_try_advisory_xact_lock(hashtextextended('motorpool.sample', 0))
                OR EXISTS (SELECT FROM motorpool.samples s WHERE s.minute = this) THEN
                RETURN false;
            END IF;
            SELECT max(s.minute) INTO before FROM motorpool.samples s;
            INSERT INTO motorpool.samples (minute, queue, depth, more, running, oldest, done, failed, span)
            WITH deep AS MATERIALIZED (SELECT * FROM motorpool.depths(200)),
            told AS MATERIALIZED (
                SELECT w.id, w.started_at, l.key AS queue, coalesce((l.value ->> 'done')::bigint, 0) AS done,
                    coalesce((l.value ->> 'failed')::bigint, 0) AS failed
                FROM motorpool.workers w CROSS JOIN LATERAL jsonb_each(w.stats -> 'pools') l
            ), ended AS (
                SELECT t.queue, sum(t.done - coalesce(p.done, 0)) AS done, sum(t.failed - coalesce(p.failed, 0)) AS failed
                FROM told t LEFT JOIN motorpool.sampled p ON p.worker = t.id AND p.queue = t.queue
                -- Runs that ended before the first sample belong to no minute.
                WHERE p.worker IS NOT NULL OR t.started_at >= coalesce(before, this - interval '1 minute')
                GROUP BY t.queue
            )
            SELECT this, n.queue,
                coalesce((SELECT sum(d.n) FROM deep d WHERE d.queue = n.queue AND d.state IN ('ready', 'held')), 0),
                coalesce((SELECT bool_or(d.more) FROM deep d WHERE d.queue = n.queue AND d.state IN ('ready', 'held')), false),
                coalesce((SELECT sum(d.n) FROM deep d WHERE d.queue = n.queue AND d.state = 'running'), 0),
                (SELECT d.oldest FROM deep d WHERE d.queue = n.queue AND d.state = 'ready'),
                greatest(coalesce(e.done, 0), 0), greatest(coalesce(e.failed, 0), 0),
                extract(epoch FROM now() - before)
            FROM (SELECT u.queue FROM (SELECT k.queue FROM motorpool.kinds k UNION SELECT q.name FROM motorpool.queues q
                      UNION SELECT d.queue FROM deep d) u
                  ORDER BY u.queue NOT IN (SELECT d.queue FROM deep d), u.queue LIMIT 200) n
            LEFT JOIN ended e ON e.queue = n.queue;
            DELETE FROM motorpool.sampled;
            INSERT INTO motorpool.sampled (worker, queue, done, failed)
            SELECT w.id, l.key, coalesce((l.value ->> 'done')::bigint, 0), coalesce((l.value ->> 'failed')::bigint, 0)
            FROM motorpool.workers w CROSS JOIN LATERAL jsonb_each(w.stats -> 'pools') l;
            DELETE FROM motorpool.samples s WHERE s.minute < this - interval '2 hours';
            RETURN true;
        END $$;

        """#
}
