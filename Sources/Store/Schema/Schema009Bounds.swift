internal import Postgres

extension Schema {
    /// Bounds that count what a value becomes, the same for every producer; an instant in the place of a delay; a subject
    /// whose job is gone.
    static let bounds = Migration(
        number: 9, name: "bounds",
        sql: #"""
            -- How long a document is as text, without writing it out before its numbers are known to be short: jsonb keeps
            -- 1e131071 in twelve bytes. Linear in its bytes. When it is not exact, it is longer than `most`, and at least
            -- this long.
            CREATE FUNCTION motorpool.text_bytes(doc jsonb, most bigint, OUT bytes bigint, OUT is_exact boolean)
            LANGUAGE plpgsql IMMUTABLE STRICT AS $$
            DECLARE
                plain jsonb := doc #> '{}'; -- neither compressed nor out of line
                digits bigint := 0;
            BEGIN
                is_exact := false;
                -- A byte of text takes at most four as jsonb (`[0]` in a long array: 20 for 5), and the document 16 more.
                bytes := (pg_column_size(plain) - 16) / 4;
                IF bytes > most THEN RETURN; END IF;
                -- A small document without a huge number is written out at once: digits behind points make it 6 MB at most.
                IF pg_column_size(plain) > 4096
                    OR jsonb_path_exists(plain, 'strict $.**{last} ? (@ >= 1e100 || @ <= -1e100)')
                    OR jsonb_typeof(plain) = 'number'
                THEN
                    -- numeric_send: two bytes each for the count of its digits to base 10,000, the weight of the first, the
                    -- sign, and the count of decimal digits behind the point. {last} are the leaves.
                    SELECT coalesce(sum(CASE WHEN get_byte(n.sent, 2) < 128
                                             THEN (get_byte(n.sent, 2) * 256 + get_byte(n.sent, 3)) * 4 ELSE 0 END
                                        + get_byte(n.sent, 6) * 256 + get_byte(n.sent, 7)), 0) INTO digits
                    FROM (SELECT numeric_send(leaf::numeric) AS sent
                          FROM jsonb_array_elements(jsonb_path_query_array(jsonb_build_array(plain), 'strict $.**{last}')) leaf
                          WHERE jsonb_typeof(leaf) = 'number' OFFSET 0) n;
                END IF;
                IF digits > most THEN
                    bytes := digits;
                    RETURN;
                END IF;
                bytes := octet_length(plain::text);
                is_exact := true;
            END $$;

            -- Raises when a document is too long as text or nested too deep to be read again.
            CREATE FUNCTION motorpool.require_document(name text, doc jsonb, most integer) RETURNS void
            LANGUAGE plpgsql IMMUTABLE STRICT AS $$
            DECLARE
                size record;
            BEGIN
                SELECT * INTO size FROM motorpool.text_bytes(doc, most);
                IF size.bytes > most THEN
                    RAISE EXCEPTION USING ERRCODE = 'MP002', MESSAGE = format(
                        '%s: found %s%s bytes as jsonb writes them, expected at most %s', name,
                        CASE WHEN size.is_exact THEN '' ELSE 'at least ' END, size.bytes, most);
                ELSIF size.bytes > 256 AND jsonb_path_exists(doc,
                    'strict $.**{128} ? (@.type() == "array" || @.type() == "object")') THEN
                    RAISE EXCEPTION USING ERRCODE = 'MP002', MESSAGE =
                        format('%s: expected JSON nested at most 128 deep, found it deeper', name);
                END IF;
            END $$;

            -- Raises when an instant lies too far away; `place` comes back as the detail.
            CREATE FUNCTION motorpool.require_near(run_at timestamptz, place bigint DEFAULT NULL) RETURNS void
            LANGUAGE plpgsql STABLE AS $$
            DECLARE
                sentence text;
            BEGIN
                IF isfinite(run_at) AND run_at <= now() + make_interval(secs => 315576000) THEN RETURN; END IF;
                sentence := 'run_at: expected an instant at most ten years from now, found '
                    || CASE WHEN isfinite(run_at) THEN motorpool.told(run_at) ELSE run_at::text END;
                IF place IS NULL THEN RAISE EXCEPTION USING ERRCODE = 'MP002', MESSAGE = sentence; END IF;
                RAISE EXCEPTION USING ERRCODE = 'MP002', MESSAGE = sentence, DETAIL = place;
            END $$;

            -- When a job is due; null: at once. What has passed is due now.
            CREATE FUNCTION motorpool.due(delay double precision, run_at timestamptz) RETURNS timestamptz
            LANGUAGE sql STABLE AS $$
                SELECT CASE WHEN run_at IS NOT NULL THEN greatest(run_at, now()) ELSE now() + make_interval(secs => delay) END
            $$;

            -- Raises when a text is too short or too long.
            CREATE FUNCTION motorpool.require_text(name text, value text, fewest integer, most integer) RETURNS void
            LANGUAGE plpgsql IMMUTABLE STRICT AS $$
            BEGIN
                IF octet_length(value) NOT BETWEEN fewest AND most THEN
                    RAISE EXCEPTION USING ERRCODE = 'MP002', MESSAGE =
                        format('%s: expected %s to %s bytes, found %s', name, fewest, most, octet_length(value));
                END IF;
            END $$;

            DROP FUNCTION motorpool.put(text, jsonb, text, text, text, double precision, smallint, text, text, bigint, smallint,
                boolean, jsonb, boolean, boolean);

            -- The one door, for jobs whose members are within their bounds: its callers see to that. Says what became of
            -- the request; `ring` is the queue whose bell is due after the commit.
            -- Locks, in this order: the key's row, the subject's row.
            CREATE FUNCTION motorpool.put(of_kind text, of_args jsonb, of_subject text, of_scope text, of_key text,
                delay double precision, of_priority smallint, of_queue text, of_limit_key text, of_parent bigint,
                of_attempts_max smallint, of_keep boolean, of_meta jsonb, no_cooldown boolean DEFAULT false,
                admits boolean DEFAULT true, of_run_at timestamptz DEFAULT NULL)
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
                is_there boolean;
                is_new boolean;
            BEGIN
                SELECT * INTO k FROM motorpool.kinds WHERE kinds.kind = of_kind;
                IF NOT FOUND THEN PERFORM motorpool.require_kinds(ARRAY[of_kind]); END IF;
                fresh := nextval('motorpool.seq');
                IF of_key IS NOT NULL THEN
                    body := sha256(convert_to((jsonb_build_array(of_kind, of_args, of_subject, delay, of_priority,
                        of_queue, of_limit_key, of_attempts_max)
                        || CASE WHEN of_run_at IS NULL THEN '[]' ELSE jsonb_build_array(extract(epoch FROM of_run_at)) END)::text, 'UTF8'));
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
                        SELECT j.state = 1 OR j.step > 0 OR j.held = 3 INTO running FROM motorpool.jobs j WHERE j.id = s.job;
                        is_there := FOUND;
                        IF s.live AND is_there THEN
                            verdict := CASE k.unique_policy WHEN 'refuse' THEN 'refused' ELSE 'joined' END;
                            IF k.unique_policy = 'again' AND running THEN verdict := 'again'; END IF;
                            UPDATE motorpool.subjects u SET asked_at = now(),
                                again_args = CASE WHEN verdict = 'again' THEN of_args ELSE u.again_args END
                            WHERE u.kind = of_kind AND u.subject = of_subject;
                        ELSE
                            -- A job that was removed by hand left its subject live, and has no ending that could answer.
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
                due := motorpool.due(delay, of_run_at);
                limited_by := motorpool.limited_by(k, of_limit_key);
                start_state := CASE WHEN due > now() THEN 2 WHEN limited_by IS NOT NULL THEN 3 ELSE 0 END;
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
            DROP FUNCTION motorpool.enqueue(text, jsonb, text, text, interval, integer, text, text, integer, jsonb, boolean, text);
            CREATE FUNCTION motorpool.enqueue(kind text, args jsonb DEFAULT '{}', subject text DEFAULT NULL,
                key text DEFAULT NULL, delay interval DEFAULT NULL, priority integer DEFAULT NULL,
                queue text DEFAULT NULL, limit_key text DEFAULT NULL, attempts_max integer DEFAULT NULL,
                meta jsonb DEFAULT NULL, ring boolean DEFAULT true, key_scope text DEFAULT 'sql',
                run_at timestamptz DEFAULT NULL)
            RETURNS bigint LANGUAGE plpgsql AS $$
            DECLARE
                answer record;
                seconds double precision := extract(epoch FROM enqueue.delay);
                refused text;
            BEGIN
                -- In the words of every other way into the queue.
                IF pg_column_size(enqueue.args) > 8 THEN
                    PERFORM motorpool.require_document('args', enqueue.args, 262144);
                END IF;
                PERFORM motorpool.require_document('meta', enqueue.meta, 16384),
                    motorpool.require_text('subject', enqueue.subject, 1, 512),
                    motorpool.require_text('key', enqueue.key, 1, 256),
                    motorpool.require_text('key_scope', enqueue.key_scope, 0, 256),
                    motorpool.require_text('limit_key', enqueue.limit_key, 0, 512);
                refused := CASE
                    WHEN enqueue.queue !~ '^[a-z0-9_-]{1,64}$' THEN format(
                        'queue: expected a name of a-z, 0-9, _ and -, at most 64 bytes, found “%s”', left(enqueue.queue, 60))
                    WHEN enqueue.run_at IS NOT NULL AND enqueue.delay IS NOT NULL THEN
                        'run_at: expected run_at or delay, found both'
                    WHEN seconds < 0 OR seconds > 315576000 THEN
                        format('delay: expected 0 s to ten years, found %ss', seconds)
                    WHEN enqueue.attempts_max NOT BETWEEN 1 AND 1000 THEN format(
                        'attempts: expected a whole number from 1 to 1000, found %s', enqueue.attempts_max)
                    WHEN enqueue.priority NOT BETWEEN 0 AND 3 THEN format(
                        'priority: expected 0 (urgent), 1 (high), 2 (normal) or 3 (low), found %s', enqueue.priority) END;
                IF refused IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = 'MP002', MESSAGE = refused; END IF;
                IF enqueue.run_at IS NOT NULL THEN PERFORM motorpool.require_near(enqueue.run_at); END IF;
                SELECT * INTO answer FROM motorpool.put(enqueue.kind, coalesce(enqueue.args, '{}'), enqueue.subject,
                    enqueue.key_scope, enqueue.key, seconds, enqueue.priority::smallint,
                    enqueue.queue, enqueue.limit_key, NULL, enqueue.attempts_max::smallint, false, enqueue.meta,
                    false, false, -- admission locks its kind: not for as long as a stranger's transaction is open
                    enqueue.run_at);
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

            -- Puts a dead or cancelled job back in line under its own id, with a fresh count of attempts.
            CREATE OR REPLACE FUNCTION motorpool.retry(of_job bigint) RETURNS TABLE (verdict text, ring text) LANGUAGE plpgsql AS $$
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
                        asked_at = now()
                        WHERE NOT u.live OR NOT EXISTS (SELECT 1 FROM motorpool.jobs j WHERE j.id = u.job)
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
            """#)
}
