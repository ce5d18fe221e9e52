extension Schema {
    static let reasonSQL = #"""
        -- Which other session holds the row of this job: its process number, 0 for a prepared transaction, null when none
        -- does. Cheap for a row that no session has touched, or none that is still running, which is the rule.
        CREATE FUNCTION motorpool.row_holder(of_job bigint) RETURNS integer LANGUAGE sql STABLE AS $$
            SELECT (SELECT coalesce(l.pid, 0) FROM pg_locks l WHERE l.locktype = 'transactionid' AND l.granted
                    AND l.mode = 'ExclusiveLock' AND l.transactionid = j.xmax AND l.pid IS DISTINCT FROM pg_backend_pid() LIMIT 1)
            FROM motorpool.jobs j WHERE j.id = of_job AND j.xmax::text <> '0'
                AND age(j.xmax) <= age(pg_snapshot_xmin(pg_current_snapshot())::xid)
        $$;

        -- Null for a job that runs. Bounded: names at most five holders and counts at most 10,000 in front.
        CREATE OR REPLACE FUNCTION motorpool.reason(j motorpool.jobs) RETURNS text LANGUAGE plpgsql STABLE AS $$
        DECLARE
            q motorpool.queues;
            k motorpool.kinds;
            holders text;
            held_count integer;
            holder integer;
            ahead bigint;
            next timestamptz;
        BEGIN
            IF j.state = 1 THEN
                RETURN NULL;
            ELSIF j.state = 2 AND j.run_at > now() AND j.admitted THEN
                RETURN 'rate limit until ' || motorpool.told(j.run_at);
            ELSIF j.state = 2 AND j.run_at > now() THEN
                RETURN CASE WHEN j.failures > 0 THEN format('attempt %s due at ', j.failures + 1) ELSE 'due at ' END
                       || motorpool.told(j.run_at);
            ELSIF j.held = 3 THEN
                RETURN format('waiting for %s %s', j.children_left,
                              CASE j.children_left WHEN 1 THEN 'child' ELSE 'children' END);
            END IF;
            SELECT * INTO q FROM motorpool.queues WHERE name = j.queue AND paused_at IS NOT NULL;
            IF FOUND THEN
                RETURN format('queue %s paused by %s since %s', j.queue, coalesce(q.paused_by, 'an operator'),
                              motorpool.told(q.paused_at));
            ELSIF NOT EXISTS (SELECT 1 FROM motorpool.workers w WHERE j.kind = ANY (w.kinds)
                              AND j.queue = ANY (w.queues) AND w.lease_until > now() AND NOT w.draining) THEN
                RETURN CASE
                    WHEN NOT EXISTS (SELECT 1 FROM motorpool.workers w WHERE j.kind = ANY (w.kinds)
                        AND w.lease_until > now() AND NOT w.draining) THEN 'no live worker knows this kind'
                    WHEN NOT EXISTS (SELECT 1 FROM motorpool.workers w WHERE j.queue = ANY (w.queues)
                        AND w.lease_until > now() AND NOT w.draining)
                    THEN format('no live worker takes jobs from queue %s', j.queue)
                    ELSE format('no live worker that takes jobs from queue %s knows this kind', j.queue) END;
            END IF;
            holder := motorpool.row_holder(j.id);
            IF holder IS NOT NULL THEN
                RETURN 'its row is locked by ' || CASE holder WHEN 0 THEN 'a prepared transaction'
                    ELSE format('another session (process %s)', holder) END || '; it can start when that transaction has ended';
            ELSIF j.state = 2 THEN
                RETURN format('due since %s; it moves into line next', motorpool.told(j.run_at));
            END IF;
            IF j.held = 1 THEN
                SELECT * INTO k FROM motorpool.kinds WHERE kind = j.kind;
                IF k.limit_key IS NOT NULL AND j.limit_key <> '' THEN
                    SELECT count(*), string_agg(id::text, ', ' ORDER BY id) FILTER (WHERE n <= 5)
                    INTO held_count, holders FROM (
                        SELECT id, row_number() OVER (ORDER BY id) AS n FROM motorpool.jobs
                        WHERE kind = j.kind AND limit_key = j.limit_key AND admitted) h;
                    IF held_count >= k.limit_key THEN
                        RETURN format('limit %s of %s on key %s held by jobs %s', held_count, k.limit_key,
                                      j.limit_key, regexp_replace(holders, ', ([0-9]+)$', ' and \1'));
                    END IF;
                END IF;
                IF k.limit_whole IS NOT NULL THEN
                    SELECT count(*), string_agg(id::text, ', ' ORDER BY id) FILTER (WHERE n <= 5)
                    INTO held_count, holders FROM (
                        SELECT id, row_number() OVER (ORDER BY id) AS n FROM motorpool.jobs
                        WHERE kind = j.kind AND admitted) h;
                    IF held_count >= k.limit_whole THEN
                        RETURN format('limit %s of %s on kind %s held by jobs %s', held_count, k.limit_whole,
                                      j.kind, regexp_replace(holders, ', ([0-9]+)$', ' and \1'));
                    END IF;
                END IF;
                SELECT max(motorpool.next_start(r.kind, r.key,
                    CASE r.key WHEN '' THEN k.rate_whole_interval ELSE k.rate_key_interval END,
                    CASE r.key WHEN '' THEN k.rate_whole_burst ELSE k.rate_key_burst END)) INTO next
                FROM motorpool.rates r WHERE r.kind = j.kind AND r.key IN ('', 'key:' || j.limit_key);
                IF next > now() THEN RETURN 'rate limit until ' || motorpool.told(next); END IF;
                RETURN 'waits for admission';
            END IF;
            IF j.level < 0 THEN RETURN motorpool.isolation(j); END IF;
            SELECT count(*) INTO ahead FROM (SELECT 1 FROM motorpool.jobs WHERE queue = j.queue AND state = 0
                AND (level, seq) < (j.level, j.seq) AND level >= 0 LIMIT 10000) a;
            RETURN CASE WHEN ahead >= 10000 THEN format('in line behind 10,000+ jobs of queue %s', j.queue)
                        WHEN ahead = 0 THEN format('next in line of queue %s', j.queue)
                        ELSE format('in line behind %s %s of queue %s', ahead,
                                    CASE ahead WHEN 1 THEN 'job' ELSE 'jobs' END, j.queue) END;
        END $$;

        """#

    static let admissionSQL = #"""
        -- Where the last turn of admission over the keys of a kind ended. A kind whose keys fit into one turn has no row.
        CREATE TABLE motorpool.admission_cursors (
            kind text COLLATE "C" PRIMARY KEY,
            after_key text COLLATE "C" NOT NULL
        ) WITH (fillfactor = 50);

        -- The next `most` keys with held jobs of a kind from `first` on, in order, one index probe each whatever the number
        -- of jobs; `first` itself only when `includes`.
        CREATE FUNCTION motorpool.held_keys(of_kind text, first text, includes boolean, most integer) RETURNS text[]
        LANGUAGE plpgsql STABLE AS $$
        DECLARE
            keys text[] := '{}';
            key text;
        BEGIN
            IF includes THEN
                SELECT j.limit_key INTO key FROM motorpool.jobs j WHERE j.kind = of_kind AND j.held = 1
                    AND j.limit_key >= first ORDER BY j.limit_key LIMIT 1;
            ELSE
                SELECT j.limit_key INTO key FROM motorpool.jobs j WHERE j.kind = of_kind AND j.held = 1
                    AND j.limit_key > first ORDER BY j.limit_key LIMIT 1;
            END IF;
            WHILE key IS NOT NULL AND cardinality(keys) < most LOOP
                keys := keys || key;
                SELECT j.limit_key INTO key FROM motorpool.jobs j WHERE j.kind = of_kind AND j.held = 1
                    AND j.limit_key > keys[cardinality(keys)] ORDER BY j.limit_key LIMIT 1;
            END LOOP;
            RETURN keys;
        END $$;

        -- Lets held jobs of a kind go as its limits and rates have room for: at most 1,000 in one turn. One caller at a time a
        -- kind: other callers leave it to the mover's next turn. Where keys matter, a turn looks at 2,000 of them, the key whose
        -- first job is first in line goes first, and the next turn begins behind the last of them: every key has its turn.
        -- The plans of a session may be made while the table is empty, and must be right for a million rows.
        CREATE OR REPLACE FUNCTION motorpool.admit(of_kind text) RETURNS integer LANGUAGE plpgsql
        SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
        DECLARE
            keys_max constant integer := 2000;
            horizon constant interval := interval '1 second';
            k motorpool.kinds;
            room integer := 1000;
            let_go integer := 0;
            after text;
            keys text[] := '{}';
            this record;
            lot bigint;
            ids bigint[];
            candidate bigint;
            start timestamptz;
        BEGIN
            -- An older snapshot would not see the places that were taken meanwhile.
            IF current_setting('transaction_isolation') <> 'read committed' THEN RETURN 0; END IF;
            IF NOT pg_try_advisory_xact_lock(hashtextextended('motorpool.admit:' || of_kind, 0)) THEN RETURN 0; END IF;
            SELECT * INTO k FROM motorpool.kinds WHERE kind = of_kind;
            IF NOT FOUND THEN RETURN 0; END IF;
            IF k.limit_whole IS NOT NULL THEN
                SELECT least(room, k.limit_whole - count(*)) INTO room FROM motorpool.jobs WHERE kind = of_kind AND admitted;
            END IF;
            -- Without room there is no turn, and the cursor stays.
            IF room <= 0 THEN RETURN 0; END IF;
            IF k.rate_whole_interval IS NOT NULL AND motorpool.next_start(
                of_kind, '', k.rate_whole_interval, k.rate_whole_burst) > now() + horizon THEN RETURN 0; END IF;
            IF k.limit_key IS NOT NULL OR k.rate_key_interval IS NOT NULL THEN
                SELECT c.after_key INTO after FROM motorpool.admission_cursors c WHERE c.kind = of_kind;
                keys := motorpool.held_keys(of_kind, coalesce(after, ''), after IS NULL, keys_max);
                IF after IS NOT NULL AND cardinality(keys) < keys_max THEN
                    -- The end of the alphabet: on from its beginning. A key that is met again has nothing left to give.
                    keys := keys || motorpool.held_keys(of_kind, '', true, keys_max - cardinality(keys));
                END IF;
                IF cardinality(keys) >= keys_max THEN
                    INSERT INTO motorpool.admission_cursors AS c (kind, after_key) VALUES (of_kind, keys[cardinality(keys)])
                    ON CONFLICT (kind) DO UPDATE SET after_key = excluded.after_key;
                ELSIF after IS NOT NULL THEN
                    DELETE FROM motorpool.admission_cursors c WHERE c.kind = of_kind;
                END IF;
            END IF;
            FOR this IN
                -- Where keys don't matter, all jobs as one, in their order.
                SELECT NULL AS key, 1000::bigint AS free, NULL::smallint AS level, NULL::bigint AS seq
                WHERE k.limit_key IS NULL AND k.rate_key_interval IS NULL
                UNION ALL
                SELECT f.key, f.free, head.level, head.seq FROM (
                    SELECT h.key, CASE WHEN k.limit_key IS NULL OR h.key = '' THEN 1000 ELSE k.limit_key - (
                        SELECT count(*) FROM motorpool.jobs b WHERE b.kind = of_kind AND b.limit_key = h.key
                        AND b.admitted) END AS free
                    FROM (SELECT DISTINCT u.key FROM unnest(keys) u(key)) h
                ) f CROSS JOIN LATERAL (
                    SELECT j.level, j.seq FROM motorpool.jobs j WHERE j.kind = of_kind AND j.limit_key = f.key
                    AND j.held = 1 ORDER BY j.level, j.seq LIMIT 1) head
                WHERE f.free > 0
                ORDER BY level, seq
            LOOP
                EXIT WHEN room <= 0;
                CONTINUE WHEN k.rate_key_interval IS NOT NULL AND this.key <> '' AND motorpool.next_start(
                    of_kind, 'key:' || this.key, k.rate_key_interval, k.rate_key_burst) > now() + horizon;
                -- What the rates can let go within the horizon; rows that stay are not locked for nothing.
                lot := ceil(least(this.free, room, k.rate_whole_burst + 1 + 1 / k.rate_whole_interval,
                    CASE WHEN this.key <> '' THEN k.rate_key_burst + 1 + 1 / k.rate_key_interval END));
                IF this.key IS NULL THEN
                    ids := ARRAY(SELECT j.id FROM motorpool.jobs j WHERE j.kind = of_kind AND j.held = 1
                        ORDER BY j.level, j.seq LIMIT lot FOR UPDATE SKIP LOCKED);
                ELSE
                    ids := ARRAY(SELECT j.id FROM motorpool.jobs j WHERE j.kind = of_kind AND j.limit_key = this.key
                        AND j.held = 1 ORDER BY j.level, j.seq LIMIT lot FOR UPDATE SKIP LOCKED);
                END IF;
                FOREACH candidate IN ARRAY ids LOOP
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
                    WHERE id = candidate;
                    let_go := let_go + 1;
                    room := room - 1;
                END LOOP;
            END LOOP;
            RETURN let_go;
        END $$;

        """#
}
