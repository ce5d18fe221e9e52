internal import Postgres

extension Schema {
    /// The exact reason why a job does not run, in the words that every face of the farm shows.
    static let words = Migration(
        number: 5, name: "words",
        sql: #"""
            CREATE FUNCTION motorpool.told(at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
                SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            $$;

            -- Null for a job that runs. Bounded: names at most five holders and counts at most 10,000 in front.
            CREATE FUNCTION motorpool.reason(j motorpool.jobs) RETURNS text LANGUAGE plpgsql STABLE AS $$
            DECLARE
                q motorpool.queues;
                k motorpool.kinds;
                holders text;
                held_count integer;
                ahead bigint;
                next timestamptz;
            BEGIN
                IF j.state = 1 THEN
                    RETURN NULL;
                ELSIF j.state = 2 AND j.admitted THEN
                    RETURN 'rate limit until ' || motorpool.told(j.run_at);
                ELSIF j.state = 2 THEN
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
                    RETURN 'no live worker knows this kind';
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
                IF j.level = -1 THEN
                    RETURN 'its worker died; it waits for the lane where suspects run one at a time';
                END IF;
                SELECT count(*) INTO ahead FROM (SELECT 1 FROM motorpool.jobs WHERE queue = j.queue AND state = 0
                    AND (level, seq) < (j.level, j.seq) AND level >= 0 LIMIT 10000) a;
                RETURN CASE WHEN ahead >= 10000 THEN format('in line behind 10,000+ jobs of queue %s', j.queue)
                            WHEN ahead = 0 THEN format('next in line of queue %s', j.queue)
                            ELSE format('in line behind %s %s of queue %s', ahead,
                                        CASE ahead WHEN 1 THEN 'job' ELSE 'jobs' END, j.queue) END;
            END $$;
            """#)
}
