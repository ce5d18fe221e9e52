internal import Postgres

extension Schema {
    /// How a job comes in: one door for every producer.
    static let enqueue = Migration(
        number: 3, name: "enqueue",
        sql: #"""
            -- Raises when one of the kinds is unknown, naming the known ones.
            CREATE FUNCTION motorpool.require_kinds(asked text[]) RETURNS void LANGUAGE plpgsql AS $$
            DECLARE
                unknown text;
            BEGIN
                SELECT a INTO unknown FROM unnest(asked) a
                WHERE NOT EXISTS (SELECT 1 FROM motorpool.kinds k WHERE k.kind = a) LIMIT 1;
                IF unknown IS NOT NULL THEN
                    RAISE EXCEPTION USING ERRCODE = 'MP001', MESSAGE = format('no kind is called “%s”', unknown),
                        HINT = 'The kinds are: ' || coalesce((SELECT string_agg(kind, ', ' ORDER BY kind) FROM motorpool.kinds),
                                                             'none yet; a farm publishes them when it starts') || '.';
                END IF;
            END $$;

            -- The one door. Says what became of the request; `ring` is the queue whose bell is due after the commit.
            -- Locks, in this order: the key's row, the subject's row.
            CREATE FUNCTION motorpool.put(of_kind text, of_args jsonb, of_subject text, of_scope text, of_key text,
                delay double precision, of_priority smallint, of_queue text, of_limit_key text, of_parent bigint,
                of_attempts_max smallint, of_keep boolean, of_meta jsonb, no_cooldown boolean DEFAULT false,
                admits boolean DEFAULT true)
            RETURNS TABLE (job bigint, verdict text, cools_for double precision, ring text) LANGUAGE plpgsql AS $$
            DECLARE
                k motorpool.kinds;
                body bytea;
                earlier record;
                s motorpool.subjects;
                fresh bigint;
                until timestamptz;
                due timestamptz;
                limited_by text;
                start_state smallint;
                running boolean;
                is_new boolean;
            BEGIN
                SELECT * INTO k FROM motorpool.kinds WHERE kinds.kind = of_kind;
                IF NOT FOUND THEN PERFORM motorpool.require_kinds(ARRAY[of_kind]); END IF;
                IF octet_length(of_args::text) > 262144 THEN
                    RAISE EXCEPTION USING ERRCODE = 'MP002', MESSAGE =
                        format('args have %s bytes, and at most 262144 are accepted', octet_length(of_args::text));
                ELSIF of_subject = '' OR octet_length(of_subject) > 512 OR of_key = '' OR octet_length(of_key) > 256
                   OR octet_length(of_limit_key) > 512 THEN
                    RAISE EXCEPTION USING ERRCODE = 'MP002', MESSAGE =
                        'subject and limit key take 1 to 512 bytes, an idempotency key 1 to 256';
                ELSIF octet_length(of_meta::text) > 16384 OR octet_length(of_scope) > 256 THEN
                    RAISE EXCEPTION USING ERRCODE = 'MP002', MESSAGE =
                        'meta takes at most 16384 bytes, the scope of a key at most 256';
                ELSIF of_queue !~ '^[a-z0-9_-]{1,64}$' THEN
                    RAISE EXCEPTION USING ERRCODE = 'MP002', MESSAGE =
                        'a queue is named by a-z, 0-9, _ and -, at most 64 bytes';
                ELSIF of_priority NOT BETWEEN 0 AND 3 OR of_attempts_max < 1 OR delay < 0 OR delay > 315576000 THEN
                    RAISE EXCEPTION USING ERRCODE = 'MP002', MESSAGE =
                        'expected a priority from 0 to 3, attempts of at least 1 and a delay from 0 s to ten years';
                END IF;
                fresh := nextval('motorpool.seq');
                IF of_key IS NOT NULL THEN
                    body := sha256(convert_to(jsonb_build_array(of_kind, of_args, of_subject, delay, of_priority,
                        of_queue, of_limit_key, of_attempts_max)::text, 'UTF8'));
                    LOOP
                        INSERT INTO motorpool.keys (scope, key, body, job) VALUES (of_scope, of_key, body, fresh)
                        ON CONFLICT (scope, key) DO NOTHING;
                        EXIT WHEN FOUND;
                        SELECT keys.body, keys.job INTO earlier FROM motorpool.keys
                        WHERE keys.scope = of_scope AND keys.key = of_key;
                        CONTINUE WHEN NOT FOUND; -- its retention removed it between the two statements
                        job := earlier.job;
                        verdict := CASE WHEN earlier.body = body THEN 'duplicate' ELSE 'mismatch' END;
                        RETURN NEXT;
                        RETURN;
                    END LOOP;
                END IF;
                IF of_subject IS NOT NULL THEN
                    LOOP
                        INSERT INTO motorpool.subjects (kind, subject, job, live) VALUES (of_kind, of_subject, fresh, true)
                        ON CONFLICT (kind, subject) DO NOTHING;
                        is_new := FOUND;
                        EXIT WHEN is_new;
                        SELECT * INTO s FROM motorpool.subjects u
                        WHERE u.kind = of_kind AND u.subject = of_subject FOR UPDATE;
                        EXIT WHEN FOUND; -- else its retention removed it between the two statements
                    END LOOP;
                    IF NOT is_new THEN
                        IF s.live THEN
                            verdict := CASE k.unique_policy WHEN 'refuse' THEN 'refused' ELSE 'joined' END;
                            IF k.unique_policy = 'again' THEN
                                SELECT j.state = 1 OR j.step > 0 OR j.held = 3 INTO running FROM motorpool.jobs j WHERE j.id = s.job;
                                IF running THEN verdict := 'again'; END IF;
                            END IF;
                            UPDATE motorpool.subjects u SET asked_at = now(),
                                again_args = CASE WHEN verdict = 'again' THEN of_args ELSE u.again_args END
                            WHERE u.kind = of_kind AND u.subject = of_subject;
                        ELSE
                            until := s.settled_at + make_interval(secs =>
                                CASE s.ending WHEN 'done' THEN k.cooldown_seconds WHEN 'dead' THEN k.cooldown_failed_seconds
                                ELSE 0 END);
                            IF until > now() AND NOT no_cooldown THEN
                                verdict := 'cooling';
                                cools_for := extract(epoch FROM until - now());
                                UPDATE motorpool.subjects u SET asked_at = now()
                                WHERE u.kind = of_kind AND u.subject = of_subject;
                            ELSE
                                UPDATE motorpool.subjects u SET job = fresh, live = true, ending = NULL,
                                    settled_at = NULL, asked_at = now(), again_args = NULL
                                WHERE u.kind = of_kind AND u.subject = of_subject;
                            END IF;
                        END IF;
                        IF verdict IS NOT NULL THEN
                            job := s.job;
                            -- A request that was refused or came too early may come again under its key.
                            IF of_key IS NOT NULL AND verdict IN ('joined', 'again') THEN
                                UPDATE motorpool.keys SET job = s.job WHERE keys.scope = of_scope AND keys.key = of_key;
                            ELSIF of_key IS NOT NULL THEN
                                DELETE FROM motorpool.keys WHERE keys.scope = of_scope AND keys.key = of_key;
                            END IF;
                            RETURN NEXT;
                            RETURN;
                        END IF;
                    END IF;
                END IF;
                due := now() + make_interval(secs => delay);
                limited_by := motorpool.limited_by(k, of_limit_key);
                start_state := CASE WHEN delay > 0 THEN 2 WHEN limited_by IS NOT NULL THEN 3 ELSE 0 END;
                INSERT INTO motorpool.jobs (id, seq, patient_from, run_at, parent, state, level, priority, held, attempts_max, keep,
                                            queue, kind, subject, limit_key, args, meta)
                VALUES (fresh, fresh, coalesce(due, now()), due, of_parent, start_state, coalesce(of_priority, k.priority) * 2 + 1,
                        coalesce(of_priority, k.priority), CASE WHEN start_state = 3 THEN 1 END, of_attempts_max,
                        coalesce(of_keep, false) OR k.keep OR of_key IS NOT NULL,
                        coalesce(of_queue, k.queue), of_kind, of_subject, limited_by, of_args, of_meta);
                IF start_state = 3 AND admits THEN PERFORM motorpool.admit(of_kind); END IF;
                job := fresh;
                verdict := 'created';
                ring := CASE WHEN start_state <> 2 THEN coalesce(of_queue, k.queue) END;
                RETURN NEXT;
            END $$;

            -- For producers inside their own transactions. Returns the job's id: the new one, or the one that answers
            -- for it. Rings by default; a busy producer says `ring => false` and keeps group commit.
            CREATE FUNCTION motorpool.enqueue(kind text, args jsonb DEFAULT '{}', subject text DEFAULT NULL,
                key text DEFAULT NULL, delay interval DEFAULT NULL, priority integer DEFAULT NULL,
                queue text DEFAULT NULL, limit_key text DEFAULT NULL, attempts_max integer DEFAULT NULL,
                meta jsonb DEFAULT NULL, ring boolean DEFAULT true, key_scope text DEFAULT 'sql')
            RETURNS bigint LANGUAGE plpgsql AS $$
            DECLARE
                answer record;
            BEGIN
                SELECT * INTO answer FROM motorpool.put(enqueue.kind, coalesce(enqueue.args, '{}'), enqueue.subject,
                    enqueue.key_scope, enqueue.key, extract(epoch FROM enqueue.delay)::double precision, enqueue.priority::smallint,
                    enqueue.queue, enqueue.limit_key, NULL, enqueue.attempts_max::smallint, false, enqueue.meta,
                    false, false); -- admission locks its kind: not for as long as a stranger's transaction is open
                IF answer.verdict = 'mismatch' THEN
                    RAISE EXCEPTION USING ERRCODE = 'MP003', MESSAGE = format(
                        'the key “%s” came before with another body, as job %s', enqueue.key, answer.job);
                ELSIF answer.verdict = 'refused' THEN
                    RAISE EXCEPTION USING ERRCODE = 'MP004', MESSAGE = format(
                        '“%s” is already being worked on, as job %s', enqueue.subject, answer.job);
                END IF;
                IF enqueue.ring AND answer.ring IS NOT NULL THEN
                    PERFORM pg_notify('motorpool_bell', answer.ring);
                END IF;
                RETURN answer.job;
            END $$;
            """#)
}
