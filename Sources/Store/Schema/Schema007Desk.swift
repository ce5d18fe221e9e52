internal import Postgres

extension Schema {
    /// What operators look at and leave behind: the ledger of their actions, and samples of the queues for the charts.
    static let desk = Migration(
        number: 7, name: "desk",
        sql: #"""
            -- Who did what to the queue by hand. Rows are added and, a month later at the earliest, removed by age; never changed.
            CREATE TABLE motorpool.audit (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                at timestamptz NOT NULL DEFAULT now(),
                actor text NOT NULL,
                address text,                        -- where the request came from; null: not by HTTP
                action text COLLATE "C" NOT NULL,
                target text NOT NULL,
                count integer NOT NULL,              -- how many jobs, queues or schedules it changed
                detail jsonb
            );
            CREATE FUNCTION motorpool.audit_stands() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'DELETE' THEN
                    IF OLD.at < now() - interval '30 days' THEN RETURN OLD; END IF;
                END IF;
                RAISE EXCEPTION 'the audit ledger is append-only' USING ERRCODE = 'MP006';
            END $$;
            CREATE TRIGGER audit_rows_stand BEFORE UPDATE OR DELETE ON motorpool.audit
                FOR EACH ROW EXECUTE FUNCTION motorpool.audit_stands();
            CREATE TRIGGER audit_stands BEFORE TRUNCATE ON motorpool.audit
                FOR EACH STATEMENT EXECUTE FUNCTION motorpool.audit_stands();

            -- What this installation signs with; made when it is first needed.
            CREATE TABLE motorpool.secrets (
                name text COLLATE "C" PRIMARY KEY,
                value bytea NOT NULL
            );

            -- How many jobs wait in each queue and why: exact up to 10,000, then `more`. Only bounded walks over the partial
            -- indexes, whatever the statistics say; jobs that wait for children are counted up to 1,000.
            CREATE FUNCTION motorpool.depths()
            RETURNS TABLE (queue text, state text, n integer, more boolean, oldest double precision)
            LANGUAGE sql STABLE
            SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
            SET max_parallel_workers_per_gather = 0 SET jit = off AS $$
                WITH RECURSIVE in_line AS (
                    (SELECT j.queue FROM motorpool.jobs j WHERE j.state = 0 ORDER BY j.queue LIMIT 1)
                    UNION ALL
                    SELECT (SELECT j.queue FROM motorpool.jobs j WHERE j.state = 0 AND j.queue > i.queue
                            ORDER BY j.queue LIMIT 1)
                    FROM in_line i WHERE i.queue IS NOT NULL
                ), parents AS (
                    (SELECT j.parent, 1 AS turn FROM motorpool.jobs j WHERE j.parent IS NOT NULL ORDER BY j.parent LIMIT 1)
                    UNION ALL
                    SELECT (SELECT j.parent FROM motorpool.jobs j WHERE j.parent > p.parent ORDER BY j.parent LIMIT 1),
                        p.turn + 1
                    FROM parents p WHERE p.parent IS NOT NULL AND p.turn <= 1000
                ), running AS MATERIALIZED (
                    SELECT j.queue, j.started_at FROM motorpool.jobs j WHERE j.state = 1 LIMIT 10001
                ), scheduled AS MATERIALIZED (
                    SELECT j.queue FROM motorpool.jobs j WHERE j.state = 2 ORDER BY j.run_at LIMIT 10001
                ), held AS MATERIALIZED (
                    SELECT h.queue, h.created_at FROM motorpool.kinds k CROSS JOIN LATERAL (
                        SELECT j.queue, j.created_at FROM motorpool.jobs j WHERE j.kind = k.kind AND j.held = 1 LIMIT 10001) h
                ), families AS MATERIALIZED (
                    SELECT j.queue, p.turn FROM parents p JOIN motorpool.jobs j ON j.id = p.parent
                    WHERE j.state = 3 AND j.held = 3
                )
                SELECT i.queue, 'ready', least(c.n, 10000)::integer, c.n > 10000, o.oldest
                FROM in_line i
                CROSS JOIN LATERAL (SELECT count(*) AS n FROM (
                    SELECT 1 FROM motorpool.jobs j WHERE j.queue = i.queue AND j.state = 0 LIMIT 10001) x) c
                CROSS JOIN LATERAL (
                    SELECT extract(epoch FROM now() - min(h.since))::double precision AS oldest
                    FROM generate_series(-1, 7) l CROSS JOIN LATERAL (
                        SELECT greatest(j.created_at, j.run_at) AS since FROM motorpool.jobs j
                        WHERE j.queue = i.queue AND j.state = 0 AND j.level = l ORDER BY j.seq LIMIT 1) h) o
                WHERE i.queue IS NOT NULL
                UNION ALL
                SELECT r.queue, 'running', least(count(*), 10000)::integer, (SELECT count(*) FROM running) > 10000,
                    extract(epoch FROM now() - min(r.started_at))::double precision FROM running r GROUP BY r.queue
                UNION ALL
                SELECT s.queue, 'scheduled', least(count(*), 10000)::integer, (SELECT count(*) FROM scheduled) > 10000, NULL
                FROM scheduled s GROUP BY s.queue
                UNION ALL
                SELECT h.queue, 'held', least(count(*), 10000)::integer, count(*) > 10000,
                    extract(epoch FROM now() - min(h.created_at))::double precision FROM held h GROUP BY h.queue
                UNION ALL
                SELECT f.queue, 'children', count(*)::integer, bool_or(f.turn > 1000), NULL FROM families f GROUP BY f.queue
            $$;

            -- One row a queue and minute, kept for two hours.
            CREATE TABLE motorpool.samples (
                minute timestamptz NOT NULL,
                queue text COLLATE "C" NOT NULL,
                depth integer NOT NULL,              -- in line or held by a limit
                more boolean NOT NULL,               -- there were more than that
                running integer NOT NULL,
                oldest double precision,             -- seconds that the oldest in line has waited
                done bigint NOT NULL,                -- runs that ended since the sample before
                failed bigint NOT NULL,
                span double precision,               -- seconds since the sample before; null: there was none
                PRIMARY KEY (minute, queue)
            );
            -- What the workers had counted when the last sample was taken.
            CREATE TABLE motorpool.sampled (
                worker bigint NOT NULL,
                queue text COLLATE "C" NOT NULL,
                done bigint NOT NULL,
                failed bigint NOT NULL,
                PRIMARY KEY (worker, queue)
            );

            -- Takes the sample of this minute, unless somebody has. At most 200 queues. A worker that ended since the
            -- sample before has taken its last counts with it.
            CREATE FUNCTION motorpool.take_sample() RETURNS boolean LANGUAGE plpgsql AS $$
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
                WITH deep AS MATERIALIZED (SELECT * FROM motorpool.depths()),
                told AS MATERIALIZED (
                    SELECT w.id, w.started_at, l.key AS queue, coalesce((l.value ->> 'done')::bigint, 0) AS done,
                        coalesce((l.value ->> 'failed')::bigint, 0) AS failed
                    FROM motorpool.workers w CROSS JOIN LATERAL jsonb_each(w.stats -> 'pools') l
                ), ended AS (
                    SELECT t.queue, sum(t.done - coalesce(p.done, 0)) AS done, sum(t.failed - coalesce(p.failed, 0)) AS failed
                    FROM told t LEFT JOIN motorpool.sampled p ON p.worker = t.id AND p.queue = t.queue
                    -- What a worker did before anybody looked belongs to no minute.
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
                FROM (SELECT k.queue FROM motorpool.kinds k UNION SELECT q.name FROM motorpool.queues q
                      UNION SELECT d.queue FROM deep d ORDER BY 1 LIMIT 200) n
                LEFT JOIN ended e ON e.queue = n.queue;
                DELETE FROM motorpool.sampled;
                INSERT INTO motorpool.sampled (worker, queue, done, failed)
                SELECT w.id, l.key, coalesce((l.value ->> 'done')::bigint, 0), coalesce((l.value ->> 'failed')::bigint, 0)
                FROM motorpool.workers w CROSS JOIN LATERAL jsonb_each(w.stats -> 'pools') l;
                DELETE FROM motorpool.samples s WHERE s.minute < this - interval '2 hours';
                RETURN true;
            END $$;

            -- Retries each; a job whose subject has another live job stays where it is, told as `busy`.
            CREATE FUNCTION motorpool.retry_each(of_jobs bigint[]) RETURNS TABLE (job bigint, verdict text, ring text)
            LANGUAGE plpgsql AS $$
            BEGIN
                FOREACH job IN ARRAY of_jobs LOOP
                    BEGIN
                        SELECT r.verdict, r.ring INTO verdict, ring FROM motorpool.retry(job) r;
                    EXCEPTION WHEN SQLSTATE 'MP004' THEN
                        verdict := 'busy';
                        ring := NULL;
                    END;
                    RETURN NEXT;
                END LOOP;
            END $$;

            -- Takes dead jobs off the operators' hands: they stay askable by number as long as the history lasts.
            CREATE FUNCTION motorpool.discard(of_jobs bigint[], by text) RETURNS SETOF bigint LANGUAGE sql AS $$
                WITH gone AS (DELETE FROM motorpool.dead d WHERE d.id = ANY (of_jobs) RETURNING d.*)
                INSERT INTO motorpool.history (slot, id, ending, created_at, started_at, ended_at, worker, run, priority,
                    failures, attempts_max, queue, kind, subject, limit_key, args, meta, errors, reason)
                SELECT motorpool.today() % 32, g.id, 'dead', g.created_at, g.started_at, g.died_at, g.worker, g.run,
                    g.priority, g.failures, g.attempts_max, g.queue, g.kind, g.subject, g.limit_key, g.args, g.meta,
                    g.errors, format('%s; discarded by %s', g.reason, by)
                FROM gone g RETURNING id
            $$;
            """#)
}
