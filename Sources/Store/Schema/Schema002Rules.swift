internal import Postgres

extension Schema {
    /// What moves jobs between the tables, stated once for every caller.
    static let rules = Migration(
        number: 2, name: "rules",
        sql: #"""
            -- The day that picks a history partition; one place, so that a test can stand at midnight.
            CREATE FUNCTION motorpool.today() RETURNS integer LANGUAGE sql STABLE AS $$
                SELECT (extract(epoch FROM now())::bigint / 86400)::integer
            $$;

            -- The key under which a job's kind limits it: '' when only the kind as a whole is limited, null when nothing
            -- limits this job.
            CREATE FUNCTION motorpool.limited_by(k motorpool.kinds, limit_key text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
                SELECT CASE WHEN k.limit_whole IS NOT NULL OR k.rate_whole_interval IS NOT NULL THEN coalesce(limit_key, '')
                            WHEN k.limit_key IS NOT NULL OR k.rate_key_interval IS NOT NULL THEN limit_key END
            $$;

            -- Whether a run's own transaction may commit; `held` is what the guarded settlement found.
            CREATE FUNCTION motorpool.fence(held boolean) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
                SELECT held
            $$;

            CREATE FUNCTION motorpool.with_error(errors jsonb, run integer, error text) RETURNS jsonb
            LANGUAGE sql STABLE AS $$
                SELECT CASE WHEN error IS NULL THEN errors ELSE (
                    SELECT jsonb_agg(e ORDER BY n) FROM (
                        SELECT e, n FROM jsonb_array_elements(coalesce(errors, '[]') ||
                            jsonb_build_object('run', run, 'at', now(), 'error', error)) WITH ORDINALITY a(e, n)
                        ORDER BY n DESC LIMIT 10) last)
                END
            $$;

            -- A job has left the hot table: records it where it belongs, and tells everyone who waited for it.
            CREATE FUNCTION motorpool.depart(j motorpool.jobs, ending text, result jsonb, error text, reason text)
            RETURNS void LANGUAGE plpgsql AS $$
            DECLARE
                s motorpool.subjects;
                waiting text;
            BEGIN
                j.errors := motorpool.with_error(j.errors, j.run, error);
                IF ending = 'dead' THEN
                    INSERT INTO motorpool.dead (id, created_at, started_at, worker, run, priority, failures,
                        recoveries, attempts_max, keep, queue, kind, subject, limit_key, args, meta, errors, reason)
                    VALUES (j.id, j.created_at, j.started_at, j.worker, j.run, j.priority,
                        j.failures + (reason <> 'poison')::integer, j.recoveries,
                        j.attempts_max, j.keep, j.queue, j.kind, j.subject, j.limit_key, j.args, j.meta, j.errors, reason);
                ELSIF j.keep OR ending = 'cancelled' THEN
                    INSERT INTO motorpool.history (slot, id, ending, created_at, started_at, worker, run, priority,
                        failures, attempts_max, queue, kind, subject, limit_key, args, meta, result, errors, reason)
                    VALUES (motorpool.today() % 32, j.id, ending, j.created_at, j.started_at, j.worker, j.run,
                        j.priority, j.failures, j.attempts_max, j.queue, j.kind, j.subject, j.limit_key, j.args, j.meta,
                        result, j.errors, reason);
                END IF;
                DELETE FROM motorpool.progress p WHERE p.job = j.id;
                IF j.parent IS NOT NULL THEN
                    -- The last child to leave puts its parent back in line.
                    UPDATE motorpool.jobs p SET
                        children_left = p.children_left - 1,
                        children_failed = p.children_failed + (ending <> 'done')::integer,
                        state = CASE WHEN p.children_left = 1 AND p.limit_key IS NULL THEN 0 ELSE 3 END,
                        held = CASE WHEN p.children_left > 1 THEN 3 WHEN p.limit_key IS NOT NULL THEN 1 END,
                        level = p.priority * 2,
                        run_at = CASE WHEN p.children_left = 1 THEN now() ELSE p.run_at END,
                        seq = CASE WHEN p.children_left = 1 THEN nextval('motorpool.seq') ELSE p.seq END
                    WHERE p.id = j.parent AND p.state = 3 AND p.held = 3
                    RETURNING CASE p.held WHEN 1 THEN p.kind END INTO waiting;
                    -- A limited parent gave its place away while it waited, and needs one for its next step.
                    IF waiting IS NOT NULL THEN PERFORM motorpool.admit(waiting); END IF;
                END IF;
                IF j.subject IS NOT NULL THEN
                    UPDATE motorpool.subjects u SET
                        live = false, ending = depart.ending, settled_at = now(), again_args = NULL,
                        failures_in_a_row = CASE depart.ending WHEN 'dead' THEN u.failures_in_a_row + 1
                                                               WHEN 'done' THEN 0 ELSE u.failures_in_a_row END,
                        last_error = CASE depart.ending WHEN 'done' THEN NULL ELSE left(coalesce(error, depart.reason), 1000) END
                    FROM (SELECT b.again_args FROM motorpool.subjects b
                          WHERE b.kind = j.kind AND b.subject = j.subject FOR UPDATE) before
                    WHERE u.kind = j.kind AND u.subject = j.subject AND u.job = j.id AND u.live
                    RETURNING u.kind, u.subject, u.job, u.live, u.ending, u.asked_at, u.settled_at,
                        u.failures_in_a_row, u.last_error, before.again_args INTO s;
                    IF s.again_args IS NOT NULL AND ending <> 'cancelled' THEN
                        PERFORM motorpool.put(j.kind, s.again_args, j.subject, '', NULL, NULL, j.priority, j.queue,
                                              j.limit_key, NULL, j.attempts_max, j.keep, j.meta, true);
                    END IF;
                END IF;
                IF j.limit_key IS NOT NULL THEN PERFORM motorpool.freed(j.kind); END IF;
            END $$;

            -- Notes that a place of the kind is free; `admit_freed` fills the places of a whole batch at its end, once a kind.
            CREATE FUNCTION motorpool.freed(of_kind text) RETURNS void LANGUAGE plpgsql AS $$
            DECLARE
                noted text := coalesce(current_setting('motorpool.freed', true), '');
            BEGIN
                IF NOT of_kind = ANY (string_to_array(noted, ',')) THEN
                    PERFORM set_config('motorpool.freed', concat_ws(',', nullif(noted, ''), of_kind), true);
                END IF;
            END $$;

            CREATE FUNCTION motorpool.admit_freed() RETURNS void LANGUAGE plpgsql AS $$
            DECLARE
                noted text := coalesce(current_setting('motorpool.freed', true), '');
                of_kind text;
            BEGIN
                IF noted = '' THEN RETURN; END IF;
                PERFORM set_config('motorpool.freed', '', true);
                FOREACH of_kind IN ARRAY string_to_array(noted, ',') LOOP
                    PERFORM motorpool.admit(of_kind);
                END LOOP;
            END $$;

            -- (`worker IS NOT NULL` is what running means; `state = 1` would admit the partial index of running jobs.)
            -- Settles one run behind its fence. False: the token is stale, and nothing was touched.
            CREATE FUNCTION motorpool.settle(job bigint, claim integer, verdict text, delay double precision,
                                             result jsonb, error text, reason text, next_step smallint, children integer)
            RETURNS boolean LANGUAGE plpgsql AS $$
            DECLARE
                j motorpool.jobs;
            BEGIN
                IF verdict IN ('done', 'dead', 'cancelled') THEN
                    DELETE FROM motorpool.jobs d WHERE d.id = job AND d.run = claim AND d.worker IS NOT NULL RETURNING d.* INTO j;
                    IF NOT FOUND THEN RETURN false; END IF;
                    PERFORM motorpool.depart(j, verdict, result, error, reason);
                    RETURN true;
                END IF;
                UPDATE motorpool.jobs u SET
                    state = CASE WHEN verdict <> 'wait' THEN 2 WHEN children > 0 OR u.limit_key IS NOT NULL THEN 3 ELSE 0 END,
                    held = CASE WHEN verdict <> 'wait' THEN NULL WHEN children > 0 THEN 3 WHEN u.limit_key IS NOT NULL THEN 1 END,
                    worker = NULL, admitted = false, level = u.priority * 2, seq = nextval('motorpool.seq'),
                    run_at = now() + make_interval(secs => coalesce(delay, 0)),
                    failures = u.failures + (verdict = 'retry')::integer,
                    errors = motorpool.with_error(u.errors, u.run, error),
                    step = coalesce(next_step, u.step),
                    children_left = CASE WHEN verdict = 'wait' THEN children ELSE u.children_left END,
                    children_failed = CASE WHEN verdict = 'wait' THEN 0 ELSE u.children_failed END
                WHERE u.id = job AND u.run = claim AND u.worker IS NOT NULL RETURNING u.* INTO j;
                IF NOT FOUND THEN RETURN false; END IF;
                DELETE FROM motorpool.progress p WHERE p.job = j.id;
                IF j.limit_key IS NOT NULL THEN PERFORM motorpool.freed(j.kind); END IF;
                RETURN true;
            END $$;

            -- Lets as many held jobs of a kind go as its limits and rates have room for. One caller at a time a kind:
            -- whoever comes meanwhile leaves it to the mover's next turn.
            CREATE FUNCTION motorpool.admit(of_kind text) RETURNS integer LANGUAGE plpgsql AS $$
            DECLARE
                k motorpool.kinds;
                room integer := 1000;
                let_go integer := 0;
                this record;
                candidate record;
                start timestamptz;
                arrival timestamptz;
                horizon constant interval := interval '1 second';
            BEGIN
                -- An older snapshot would not see the places that were taken meanwhile.
                IF current_setting('transaction_isolation') <> 'read committed' THEN RETURN 0; END IF;
                IF NOT pg_try_advisory_xact_lock(hashtextextended('motorpool.admit:' || of_kind, 0)) THEN RETURN 0; END IF;
                SELECT * INTO k FROM motorpool.kinds WHERE kind = of_kind;
                IF NOT FOUND THEN RETURN 0; END IF;
                IF k.limit_whole IS NOT NULL THEN
                    SELECT k.limit_whole - count(*) INTO room FROM motorpool.jobs
                    WHERE kind = of_kind AND admitted;
                END IF;
                FOR this IN
                    -- The keys with held jobs, one index probe each, whatever the number of jobs; the key whose first
                    -- job stands first goes first. Where keys don't matter, all jobs as one, in their order.
                    WITH RECURSIVE held_keys AS (
                        (SELECT limit_key FROM motorpool.jobs WHERE kind = of_kind AND held = 1
                         AND (k.limit_key IS NOT NULL OR k.rate_key_interval IS NOT NULL) ORDER BY limit_key LIMIT 1)
                        UNION ALL
                        SELECT (SELECT limit_key FROM motorpool.jobs WHERE kind = of_kind AND limit_key > h.limit_key
                                AND held = 1 ORDER BY limit_key LIMIT 1)
                        FROM held_keys h WHERE h.limit_key IS NOT NULL
                    )
                    SELECT NULL AS key, 1000::bigint AS free, NULL::smallint AS level, NULL::bigint AS seq
                    WHERE k.limit_key IS NULL AND k.rate_key_interval IS NULL
                    UNION ALL
                    SELECT f.key, f.free, head.level, head.seq FROM (
                        SELECT h.limit_key AS key,
                            CASE WHEN k.limit_key IS NULL OR h.limit_key = '' THEN 1000 ELSE k.limit_key - (
                                SELECT count(*) FROM motorpool.jobs b WHERE b.kind = of_kind AND b.limit_key = h.limit_key
                                AND b.admitted) END AS free
                        FROM held_keys h WHERE h.limit_key IS NOT NULL LIMIT 5000
                    ) f CROSS JOIN LATERAL (
                        SELECT j.level, j.seq FROM motorpool.jobs j WHERE j.kind = of_kind AND j.limit_key = f.key
                        AND j.held = 1 ORDER BY j.level, j.seq LIMIT 1) head
                    WHERE f.free > 0
                    ORDER BY level, seq
                LOOP
                    CONTINUE WHEN this.free <= 0;
                    EXIT WHEN room <= 0;
                    FOR candidate IN EXECUTE
                        CASE WHEN this.key IS NULL THEN
                            'SELECT id FROM motorpool.jobs WHERE kind = $1 AND held = 1
                             ORDER BY level, seq LIMIT $3 FOR UPDATE SKIP LOCKED'
                        ELSE
                            'SELECT id FROM motorpool.jobs WHERE kind = $1 AND limit_key = $2 AND held = 1
                             ORDER BY level, seq LIMIT $3 FOR UPDATE SKIP LOCKED'
                        END USING of_kind, this.key, least(this.free, room)
                    LOOP
                        start := now();
                        IF k.rate_whole_interval IS NOT NULL THEN
                            start := motorpool.next_start(of_kind, '', k.rate_whole_interval, k.rate_whole_burst);
                            IF start > now() + horizon THEN RETURN let_go; END IF;
                        END IF;
                        IF k.rate_key_interval IS NOT NULL AND this.key <> '' THEN
                            start := greatest(start, motorpool.next_start(
                                of_kind, 'key:' || this.key, k.rate_key_interval, k.rate_key_burst));
                        END IF;
                        EXIT WHEN start > now() + horizon;
                        IF k.rate_whole_interval IS NOT NULL THEN
                            PERFORM motorpool.take_start(of_kind, '', start, k.rate_whole_interval);
                        END IF;
                        IF k.rate_key_interval IS NOT NULL AND this.key <> '' THEN
                            PERFORM motorpool.take_start(of_kind, 'key:' || this.key, start, k.rate_key_interval);
                        END IF;
                        UPDATE motorpool.jobs SET
                            state = CASE WHEN start <= now() THEN 0 ELSE 2 END, held = NULL, admitted = true,
                            run_at = greatest(start, run_at), seq = nextval('motorpool.seq')
                        WHERE id = candidate.id;
                        let_go := let_go + 1;
                        room := room - 1;
                    END LOOP;
                END LOOP;
                RETURN let_go;
            END $$;

            -- GCRA: when the next one may start, given the theoretical arrival time and the burst.
            CREATE FUNCTION motorpool.next_start(of_kind text, of_key text, gap double precision, burst integer)
            RETURNS timestamptz LANGUAGE sql AS $$
                SELECT greatest(now(), coalesce(
                    -- At most what an honest use of this rate can have promised: a rate or a clock may have been changed.
                    (SELECT least(arrival, now() + make_interval(secs => 1 + gap * burst))
                        - make_interval(secs => gap * (burst - 1)) FROM motorpool.rates
                     WHERE kind = of_kind AND key = of_key), now()))
            $$;

            CREATE FUNCTION motorpool.take_start(of_kind text, of_key text, start timestamptz, gap double precision)
            RETURNS void LANGUAGE sql AS $$
                INSERT INTO motorpool.rates AS r (kind, key, arrival)
                VALUES (of_kind, of_key, start + make_interval(secs => gap))
                ON CONFLICT (kind, key) DO UPDATE
                SET arrival = greatest(r.arrival, start) + make_interval(secs => gap)
            $$;

            -- Reserves up to `wanted` requests to a host and says in how many seconds the first may go; the others
            -- follow at even gaps. A reservation reaches at most a second past what is already promised.
            CREATE FUNCTION motorpool.reserve(of_host text, wanted integer, gap double precision, burst integer)
            RETURNS TABLE (granted integer, first_in double precision) LANGUAGE plpgsql AS $$
            DECLARE
                clock timestamptz := clock_timestamp();
                promised timestamptz;
                start timestamptz;
            BEGIN
                INSERT INTO motorpool.hosts (host, arrival) VALUES (of_host, clock) ON CONFLICT (host) DO NOTHING;
                SELECT arrival INTO promised FROM motorpool.hosts WHERE host = of_host FOR UPDATE;
                clock := clock_timestamp();
                IF promised > clock + interval '1 second' + make_interval(secs => gap * burst) THEN
                    promised := clock + interval '1 second' + make_interval(secs => gap * burst); -- a rate or a clock was changed
                END IF;
                IF promised > clock + interval '1 second' THEN
                    granted := 0;
                    first_in := extract(epoch FROM promised - clock) - 1;
                    RETURN NEXT;
                    RETURN;
                END IF;
                start := greatest(promised, clock - make_interval(secs => gap * (burst - 1)));
                granted := greatest(1, least(wanted, ceil(1 / gap)::integer));
                first_in := extract(epoch FROM start - clock);
                UPDATE motorpool.hosts SET arrival = start + make_interval(secs => gap * granted) WHERE host = of_host;
                RETURN NEXT;
            END $$;
            """#)
}
