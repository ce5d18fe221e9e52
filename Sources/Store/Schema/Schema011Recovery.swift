internal import Postgres

extension Schema {
    /// What becomes of jobs whose worker died: at full width after the first death, alone after the second.
    static let recovery = Migration(
        number: 11, name: "recovery",
        sql: #"""
            -- The workers that died while they ran this job, oldest first; null: none. 0 stands for one whose number is
            -- not known. At most the last 20.
            ALTER TABLE motorpool.jobs ADD COLUMN deaths bigint[];
            -- The run that a lane has begun; written for recovered jobs only, before the run begins. What was claimed and
            -- not begun meets no death.
            ALTER TABLE motorpool.jobs ADD COLUMN begun integer;
            ALTER TABLE motorpool.dead ADD COLUMN deaths smallint NOT NULL DEFAULT 0;
            CREATE INDEX jobs_recovered ON motorpool.jobs (queue, level, seq) WHERE deaths IS NOT NULL;

            -- Suspects of the rules before: one death, and one more for each charge.
            UPDATE motorpool.jobs SET
                deaths = array_fill(0::bigint, ARRAY[recoveries + 1]),
                level = CASE WHEN recoveries = 0 AND state <> 1 THEN priority * 2 ELSE level END
            WHERE level = -1;

            -- The culprit of these deaths is named: they no longer count against jobs of other kinds that met them beside
            -- it, and what has fewer than two left goes back to its ordinary level. Jobs of the culprit's kind may well
            -- be like it, and stay apart. A row that is locked keeps its deaths.
            CREATE FUNCTION motorpool.exonerate(of_kind text, of_deaths bigint[]) RETURNS void LANGUAGE sql AS $$
                UPDATE motorpool.jobs u SET
                    deaths = nullif(l.remaining, '{}'),
                    recoveries = greatest(0, u.recoveries - (cardinality(u.deaths) - cardinality(l.remaining))),
                    level = CASE WHEN u.level < 0 AND cardinality(l.remaining) < 2 THEN u.priority * 2 ELSE u.level END,
                    seq = CASE WHEN u.state = 0 AND u.level < 0 AND cardinality(l.remaining) < 2
                               THEN nextval('motorpool.seq') ELSE u.seq END
                FROM (SELECT r.id, ARRAY(SELECT d FROM unnest(r.deaths) WITH ORDINALITY AS a(d, n)
                                         WHERE d = 0 OR NOT d = ANY (of_deaths) ORDER BY n) AS remaining
                      FROM motorpool.jobs r WHERE r.deaths IS NOT NULL AND r.deaths && array_remove(of_deaths, 0::bigint)
                      AND r.kind <> of_kind
                      ORDER BY r.id LIMIT 10000 FOR UPDATE SKIP LOCKED) l
                WHERE u.id = l.id
            $$;

            -- Takes the jobs of workers whose lease has ended. Each goes back in line; each that may have been running
            -- has met a death. After one it runs as before, beside others; after two it is a suspect (level -1) and runs
            -- alone in a lane of its queue. A suspect is charged only when no other suspect was running in its process;
            -- several at once are charged with nothing, and each runs without other suspects in its process from then on
            -- (level -2). The charge sets a suspect aside at once when nothing else can have been running in the
            -- process, and after `recoveries_max` earlier charges otherwise.
            -- A row that is locked elsewhere stays as it is: `rescue_orphans` takes it later.
            CREATE OR REPLACE FUNCTION motorpool.rescue(recoveries_max integer)
            RETURNS TABLE (worker bigint, name text, recovered integer, set_aside integer) LANGUAGE plpgsql AS $$
            DECLARE
                w record;
                j motorpool.jobs;
                lost bigint[];
                met bigint[];
                suspects integer;
            BEGIN
                FOR w IN SELECT workers.id, workers.name FROM motorpool.workers WHERE lease_until < now()
                         ORDER BY workers.id LIMIT 10 FOR UPDATE SKIP LOCKED
                LOOP
                    DELETE FROM motorpool.workers WHERE workers.id = w.id;
                    set_aside := 0;
                    -- Recovered jobs are marked when they begin; of the others, each may have been running.
                    SELECT coalesce(array_agg(l.id), '{}'), coalesce(array_agg(l.id) FILTER (WHERE l.met), '{}'),
                        count(*) FILTER (WHERE l.met AND l.level < 0)
                    INTO lost, met, suspects
                    FROM (SELECT u.id, u.level, CASE WHEN u.level >= 0 AND u.deaths IS NULL THEN true
                                                     ELSE u.begun IS NOT DISTINCT FROM u.run END AS met
                          FROM motorpool.jobs u WHERE u.worker = w.id AND u.state = 1
                          ORDER BY u.id FOR UPDATE SKIP LOCKED) l;
                    IF suspects = 1 THEN
                        FOR j IN DELETE FROM motorpool.jobs d WHERE d.id = ANY (met) AND d.level < 0
                                 AND (cardinality(met) = 1 OR d.recoveries >= recoveries_max) RETURNING d.*
                        LOOP
                            j.recoveries := j.recoveries + 1;
                            j.deaths := j.deaths || w.id;
                            PERFORM motorpool.depart(j, 'dead', NULL,
                                format('its worker (%s) died while it was running alone, and %s before it while running it',
                                       w.name, cardinality(j.deaths) - 1), 'poison');
                            UPDATE motorpool.dead x SET deaths = cardinality(j.deaths) WHERE x.id = j.id;
                            PERFORM motorpool.exonerate(j.kind, j.deaths);
                            set_aside := set_aside + 1;
                        END LOOP;
                    END IF;
                    UPDATE motorpool.jobs u SET state = 0, worker = NULL WHERE u.id = ANY (lost) AND NOT u.id = ANY (met);
                    GET DIAGNOSTICS recovered = ROW_COUNT;
                    UPDATE motorpool.jobs u SET state = 0, worker = NULL, seq = nextval('motorpool.seq'), run_at = now(),
                        recoveries = u.recoveries + (suspects = 1 AND u.level < 0)::integer,
                        deaths = (u.deaths || w.id)[greatest(1, cardinality(u.deaths) - 18):],
                        level = CASE WHEN u.level < 0 THEN CASE WHEN suspects > 1 THEN -2 ELSE u.level END
                                     WHEN cardinality(u.deaths) > 0 THEN -1
                                     ELSE u.priority * 2 END
                    WHERE u.id = ANY (met);
                    GET DIAGNOSTICS suspects = ROW_COUNT;
                    recovered := recovered + suspects;
                    worker := w.id;
                    name := w.name;
                    PERFORM motorpool.admit_freed();
                    RETURN NEXT;
                END LOOP;
            END $$;

            -- Jobs in the name of a worker that no longer exists: claimed by a statement that committed after its
            -- worker had been rescued, so that no lane has begun them; or locked during the rescue. They go back as they
            -- were. Ten seconds outlast any such statement.
            CREATE OR REPLACE FUNCTION motorpool.rescue_orphans() RETURNS integer LANGUAGE plpgsql AS $$
            DECLARE
                found integer;
            BEGIN
                UPDATE motorpool.jobs u SET state = 0, worker = NULL, seq = nextval('motorpool.seq'), run_at = now()
                WHERE u.id = ANY (ARRAY(SELECT o.id FROM motorpool.jobs o WHERE o.state = 1
                    AND o.started_at < now() - interval '10 seconds'
                    AND NOT EXISTS (SELECT 1 FROM motorpool.workers w WHERE w.id = o.worker)
                    LIMIT 1000 FOR UPDATE SKIP LOCKED));
                GET DIAGNOSTICS found = ROW_COUNT;
                RETURN found;
            END $$;

            -- Forgets the worker deaths of a waiting job: it goes back to its ordinary level.
            CREATE FUNCTION motorpool.release(of_job bigint) RETURNS TABLE (verdict text, ring text) LANGUAGE plpgsql AS $$
            BEGIN
                UPDATE motorpool.jobs u SET deaths = NULL, begun = NULL, recoveries = 0,
                    level = CASE WHEN u.level < 0 THEN u.priority * 2 ELSE u.level END,
                    seq = CASE WHEN u.level < 0 THEN nextval('motorpool.seq') ELSE u.seq END
                WHERE u.id = of_job AND u.worker IS NULL AND (u.deaths IS NOT NULL OR u.level < 0)
                RETURNING 'released', CASE u.state WHEN 0 THEN u.queue END INTO verdict, ring;
                IF NOT FOUND THEN
                    SELECT coalesce(
                        (SELECT CASE state WHEN 1 THEN 'running' ELSE 'waiting' END FROM motorpool.jobs WHERE id = of_job),
                        (SELECT 'dead' FROM motorpool.dead WHERE id = of_job),
                        (SELECT h.ending FROM motorpool.history h WHERE h.id = of_job LIMIT 1), 'unknown') INTO verdict;
                END IF;
                RETURN NEXT;
            END $$;

            -- What a waiting suspect waits for. Ahead of it are the suspects of its queue that run or come first;
            -- counts at most 10,000.
            CREATE FUNCTION motorpool.isolation(j motorpool.jobs) RETURNS text LANGUAGE sql STABLE AS $$
                SELECT format('recovered after %s worker %s; waiting to run %s (%s)', c.deaths,
                    CASE c.deaths WHEN 1 THEN 'crash' ELSE 'crashes' END,
                    CASE j.level WHEN -1 THEN 'alone' ELSE 'as the only recovered job of its process' END,
                    CASE WHEN a.n > 10000 THEN '10,000+ ahead' WHEN a.n > 0 THEN a.n || ' ahead' ELSE 'next' END)
                FROM (SELECT coalesce(cardinality(j.deaths), 0) AS deaths) c,
                     (SELECT count(*) AS n FROM (
                        SELECT 1 FROM motorpool.jobs s WHERE s.queue = j.queue AND s.level < 0 AND s.deaths IS NOT NULL
                        AND (s.state = 1 OR s.state = 0 AND (s.level, s.seq) < (j.level, j.seq)) LIMIT 10001) x) a
            $$;
            """#)
}
