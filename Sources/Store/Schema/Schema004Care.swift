internal import Postgres

extension Schema {
    /// What the farm and its operators do to jobs that are not being settled.
    static let care = Migration(
        number: 4, name: "care",
        sql: #"""
            -- Takes the jobs of workers whose lease has ended. They return as suspects, one at a time; only the one
            -- that was running alone when its worker died is charged, and after `recoveries_max` charges it is dead.
            CREATE FUNCTION motorpool.rescue(recoveries_max integer)
            RETURNS TABLE (worker bigint, name text, recovered integer, set_aside integer) LANGUAGE plpgsql AS $$
            DECLARE
                w record;
                j motorpool.jobs;
            BEGIN
                FOR w IN SELECT workers.id, workers.name FROM motorpool.workers WHERE lease_until < now()
                         ORDER BY workers.id LIMIT 10 FOR UPDATE SKIP LOCKED
                LOOP
                    DELETE FROM motorpool.workers WHERE workers.id = w.id;
                    set_aside := 0;
                    FOR j IN DELETE FROM motorpool.jobs d WHERE d.worker = w.id AND d.state = 1 AND d.level = -1
                             AND d.recoveries >= recoveries_max RETURNING d.*
                    LOOP
                        j.recoveries := j.recoveries + 1;
                        PERFORM motorpool.depart(j, 'dead', NULL,
                            format('its worker (%s) died while it was running alone, for the %s. time', w.name, j.recoveries),
                            'poison');
                        set_aside := set_aside + 1;
                    END LOOP;
                    UPDATE motorpool.jobs u SET state = 0, worker = NULL, level = -1, seq = nextval('motorpool.seq'),
                        recoveries = u.recoveries + (u.level = -1)::integer, run_at = now()
                    WHERE u.worker = w.id AND u.state = 1;
                    GET DIAGNOSTICS recovered = ROW_COUNT;
                    worker := w.id;
                    name := w.name;
                    PERFORM motorpool.admit_freed();
                    RETURN NEXT;
                END LOOP;
            END $$;

            -- Jobs in the name of a worker that no longer exists: claimed by a statement that committed after its
            -- worker had been rescued. Ten seconds outlast any such statement.
            CREATE FUNCTION motorpool.rescue_orphans() RETURNS integer LANGUAGE plpgsql AS $$
            DECLARE
                found integer;
            BEGIN
                UPDATE motorpool.jobs u SET state = 0, worker = NULL, level = -1, seq = nextval('motorpool.seq'), run_at = now()
                WHERE u.id = ANY (ARRAY(SELECT o.id FROM motorpool.jobs o WHERE o.state = 1
                    AND o.started_at < now() - interval '10 seconds'
                    AND NOT EXISTS (SELECT 1 FROM motorpool.workers w WHERE w.id = o.worker)
                    LIMIT 1000 FOR UPDATE SKIP LOCKED));
                GET DIAGNOSTICS found = ROW_COUNT;
                RETURN found;
            END $$;

            -- What was due moves into line; a limited job goes to wait for admission instead.
            CREATE FUNCTION motorpool.move_due(batch integer) RETURNS TABLE (queue text, moved integer, kinds text[])
            LANGUAGE sql AS $$
                WITH due AS MATERIALIZED (
                    SELECT j.id FROM motorpool.jobs j WHERE j.state = 2 AND j.run_at <= now()
                    ORDER BY j.run_at LIMIT batch FOR UPDATE SKIP LOCKED
                ), moved AS (
                    UPDATE motorpool.jobs u SET
                        state = CASE WHEN u.limit_key IS NOT NULL AND NOT u.admitted THEN 3 ELSE 0 END,
                        held = CASE WHEN u.limit_key IS NOT NULL AND NOT u.admitted THEN 1 END,
                        seq = nextval('motorpool.seq')
                    WHERE u.id = ANY (ARRAY(SELECT id FROM due)) RETURNING u.queue, u.kind, u.held
                )
                SELECT m.queue, count(*)::integer, array_agg(DISTINCT m.kind) FILTER (WHERE m.held IS NOT NULL)
                FROM moved m GROUP BY m.queue
            $$;

            -- Strict priority starves nobody: where something more urgent is in line, the oldest of each lower level
            -- that has waited `after` seconds a level moves up, `batch` at a time.
            CREATE FUNCTION motorpool.lift(of_queue text, after double precision, batch integer) RETURNS integer
            LANGUAGE plpgsql AS $$
            DECLARE
                lifted integer := 0;
                n integer;
            BEGIN
                FOR low IN 1..7 LOOP
                    CONTINUE WHEN NOT EXISTS (SELECT 1 FROM motorpool.jobs WHERE queue = of_queue AND state = 0
                                              AND level >= 0 AND level < low);
                    UPDATE motorpool.jobs u SET level = greatest(low - 2, 0) WHERE u.id = ANY (ARRAY(
                        SELECT j.id FROM (SELECT id, created_at, run_at, priority FROM motorpool.jobs
                            WHERE queue = of_queue AND state = 0 AND level = low ORDER BY seq LIMIT batch
                            FOR UPDATE SKIP LOCKED) j
                        WHERE greatest(j.created_at, j.run_at)
                              < now() - make_interval(secs => after * (1 + j.priority - low / 2))));
                    GET DIAGNOSTICS n = ROW_COUNT;
                    lifted := lifted + n;
                END LOOP;
                RETURN lifted;
            END $$;

            -- Ends a job that has not ended. The row is gone, so no token of it matches any more: a prefetched run
            -- never starts, and a running one can neither settle nor commit.
            CREATE FUNCTION motorpool.cancel(of_job bigint, why text)
            RETURNS TABLE (verdict text, may_have_started boolean) LANGUAGE plpgsql AS $$
            DECLARE
                j motorpool.jobs;
            BEGIN
                DELETE FROM motorpool.jobs d WHERE d.id = of_job RETURNING d.* INTO j;
                IF FOUND THEN
                    PERFORM motorpool.depart(j, 'cancelled', NULL, NULL, why);
                    PERFORM motorpool.admit_freed();
                    may_have_started := j.run > 0;
                    IF j.state = 1 THEN PERFORM pg_notify('motorpool_cancel', of_job::text); END IF;
                    verdict := 'cancelled';
                ELSIF EXISTS (SELECT 1 FROM motorpool.dead d WHERE d.id = of_job) THEN
                    verdict := 'dead';
                ELSE
                    SELECT h.ending INTO verdict FROM motorpool.history h WHERE h.id = of_job;
                    verdict := coalesce(verdict, 'unknown');
                END IF;
                RETURN NEXT;
            END $$;

            -- Puts a dead or cancelled job back in line under its own id, with a fresh count of attempts.
            CREATE FUNCTION motorpool.retry(of_job bigint) RETURNS TABLE (verdict text, ring text) LANGUAGE plpgsql AS $$
            DECLARE
                d motorpool.dead;
                limited_by text;
                taken bigint;
            BEGIN
                DELETE FROM motorpool.dead WHERE id = of_job RETURNING * INTO d;
                IF NOT FOUND THEN
                    DELETE FROM motorpool.history h WHERE h.id = of_job AND h.ending = 'cancelled'
                    RETURNING h.id, h.created_at, h.started_at, h.ended_at, h.worker, h.run, h.priority, h.failures, 0,
                        h.attempts_max, true, h.queue, h.kind, h.subject, h.limit_key, h.args, h.meta, h.errors, '' INTO d;
                END IF;
                IF NOT FOUND THEN
                    SELECT coalesce(
                        (SELECT CASE state WHEN 1 THEN 'running' ELSE 'waiting' END FROM motorpool.jobs WHERE id = of_job),
                        (SELECT h.ending FROM motorpool.history h WHERE h.id = of_job), 'unknown') INTO verdict;
                    RETURN NEXT;
                    RETURN;
                END IF;
                IF d.subject IS NOT NULL THEN
                    INSERT INTO motorpool.subjects AS u (kind, subject, job, live) VALUES (d.kind, d.subject, d.id, true)
                    ON CONFLICT (kind, subject) DO UPDATE SET job = d.id, live = true, ending = NULL, settled_at = NULL,
                        asked_at = now() WHERE NOT u.live
                    RETURNING u.job INTO taken;
                    IF taken IS NULL THEN
                        RAISE EXCEPTION USING ERRCODE = 'MP004', MESSAGE = format(
                            'job %s can''t return: “%s” has another live job', d.id, d.subject);
                    END IF;
                END IF;
                SELECT motorpool.limited_by(k, nullif(d.limit_key, '')) INTO limited_by FROM motorpool.kinds k
                WHERE k.kind = d.kind;
                INSERT INTO motorpool.jobs (id, seq, created_at, run_at, run, state, level, priority, held, attempts_max,
                    keep, queue, kind, subject, limit_key, args, meta, errors)
                VALUES (d.id, nextval('motorpool.seq'), d.created_at, now(), d.run, CASE WHEN limited_by IS NULL THEN 0 ELSE 3 END,
                    d.priority * 2, d.priority, CASE WHEN limited_by IS NOT NULL THEN 1 END, d.attempts_max, d.keep, d.queue, d.kind,
                    d.subject, limited_by, d.args, d.meta, d.errors);
                IF limited_by IS NOT NULL THEN PERFORM motorpool.admit(d.kind); END IF;
                verdict := 'retried';
                ring := d.queue;
                RETURN NEXT;
            END $$;

            -- What system tables may join: the condition of each subject that was ever asked for.
            CREATE VIEW motorpool.conditions AS
            SELECT s.kind, s.subject, s.job,
                c.condition,
                CASE c.condition WHEN 'queued' THEN 3 WHEN 'working' THEN CASE p.phase WHEN 'usable' THEN 1 ELSE 2 END
                                 WHEN 'ready' THEN 0 END AS number,
                p.phase, p.done, p.total, s.asked_at, s.settled_at, s.failures_in_a_row, s.last_error,
                s.again_args IS NOT NULL AS again
            FROM motorpool.subjects s
            LEFT JOIN motorpool.jobs j ON j.id = s.job AND s.live
            LEFT JOIN motorpool.progress p ON p.job = j.id AND p.run = j.run
            CROSS JOIN LATERAL (SELECT CASE
                WHEN j.state = 1 OR j.step > 0 THEN 'working'
                WHEN j.id IS NOT NULL OR s.live THEN 'queued'
                WHEN s.ending = 'done' THEN 'ready'
                WHEN s.ending = 'dead' THEN 'failed'
                ELSE 'cancelled' END AS condition) c;
            """#)
}
