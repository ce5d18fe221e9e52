extension Schema {
    static let repairSQL = #"""
        CREATE FUNCTION motorpool.removed_by_hand(of_job bigint) RETURNS text LANGUAGE sql STABLE AS $$
            SELECT format('job %s is in no table any more: it was removed by hand', of_job)
        $$;

        -- A subject whose job was removed from the table by hand is cancelled, not queued.
        CREATE OR REPLACE VIEW motorpool.conditions AS
        SELECT s.kind, s.subject, s.job,
            c.condition,
            CASE c.condition WHEN 'queued' THEN 3 WHEN 'working' THEN CASE p.phase WHEN 'usable' THEN 1 ELSE 2 END
                             WHEN 'ready' THEN 0 END AS number,
            p.phase, p.done, p.total, s.asked_at, s.settled_at, s.failures_in_a_row,
            CASE WHEN s.live AND j.id IS NULL THEN motorpool.removed_by_hand(s.job) ELSE s.last_error END AS last_error,
            s.again_args IS NOT NULL AS again
        FROM motorpool.subjects s
        LEFT JOIN motorpool.jobs j ON j.id = s.job AND s.live
        LEFT JOIN motorpool.progress p ON p.job = j.id AND p.run = j.run
        CROSS JOIN LATERAL (SELECT CASE
            WHEN j.state = 1 OR j.step > 0 THEN 'working'
            WHEN j.id IS NOT NULL THEN 'queued'
            WHEN s.ending = 'done' THEN 'ready'
            WHEN s.ending = 'dead' THEN 'failed'
            ELSE 'cancelled' END AS condition) c;

        -- Walks the next `batch` subjects in order and ends those whose job is in no table any more. `next_kind` and
        -- `next_subject` are where to go on; null: this was the end.
        CREATE FUNCTION motorpool.repair_subjects(after_kind text, after_subject text, batch integer,
            OUT repaired integer, OUT next_kind text, OUT next_subject text) LANGUAGE plpgsql AS $$
        DECLARE
            s record;
            seen integer := 0;
        BEGIN
            repaired := 0;
            IF current_setting('transaction_isolation') <> 'read committed' THEN RETURN; END IF;
            FOR s IN SELECT w.kind, w.subject, w.job,
                         w.live AND NOT EXISTS (SELECT 1 FROM motorpool.jobs j WHERE j.id = w.job) AS is_lost
                     FROM (SELECT u.kind, u.subject, u.job, u.live FROM motorpool.subjects u
                           WHERE (u.kind, u.subject) > (after_kind, after_subject) ORDER BY u.kind, u.subject LIMIT batch) w
            LOOP
                seen := seen + 1;
                next_kind := s.kind;
                next_subject := s.subject;
                CONTINUE WHEN NOT s.is_lost;
                PERFORM 1 FROM motorpool.subjects u WHERE u.kind = s.kind AND u.subject = s.subject AND u.live
                    AND u.job = s.job FOR UPDATE SKIP LOCKED;
                CONTINUE WHEN NOT FOUND;
                -- Looked at again behind the lock, by a statement that sees what was committed meanwhile.
                UPDATE motorpool.subjects u SET live = false, ending = 'cancelled', settled_at = now(), again_args = NULL,
                    last_error = motorpool.removed_by_hand(u.job)
                WHERE u.kind = s.kind AND u.subject = s.subject AND u.live AND u.job = s.job
                    AND NOT EXISTS (SELECT 1 FROM motorpool.jobs j WHERE j.id = s.job);
                IF FOUND THEN repaired := repaired + 1; END IF;
            END LOOP;
            IF seen < batch THEN
                next_kind := NULL;
                next_subject := NULL;
            END IF;
        END $$;

        -- Few rows at any time: those that wait for children.
        CREATE INDEX jobs_parents_waiting ON motorpool.jobs (id) WHERE held = 3;

        -- Jobs that wait for more children than there are: children that were removed by hand count as failed, and a job
        -- that waits for none goes back in line. At most `batch`.
        CREATE FUNCTION motorpool.repair_parents(batch integer) RETURNS integer LANGUAGE plpgsql AS $$
        DECLARE
            p record;
            remaining integer;
            waiting text;
            repaired integer := 0;
        BEGIN
            IF current_setting('transaction_isolation') <> 'read committed' THEN RETURN 0; END IF;
            FOR p IN SELECT j.id FROM motorpool.jobs j WHERE j.held = 3
                     AND j.children_left > (SELECT count(*) FROM motorpool.jobs c WHERE c.parent = j.id) LIMIT batch
            LOOP
                -- A child that leaves meanwhile waits for this lock with its own departure.
                PERFORM 1 FROM motorpool.jobs j WHERE j.id = p.id AND j.state = 3 AND j.held = 3 FOR UPDATE SKIP LOCKED;
                CONTINUE WHEN NOT FOUND;
                SELECT count(*) INTO remaining FROM motorpool.jobs c WHERE c.parent = p.id;
                UPDATE motorpool.jobs u SET
                    children_failed = u.children_failed + u.children_left - remaining,
                    children_left = remaining,
                    state = CASE WHEN remaining = 0 AND u.limit_key IS NULL THEN 0 ELSE 3 END,
                    held = CASE WHEN remaining > 0 THEN 3 WHEN u.limit_key IS NOT NULL THEN 1 END,
                    level = u.priority * 2,
                    run_at = CASE WHEN remaining = 0 THEN now() ELSE u.run_at END,
                    seq = CASE WHEN remaining = 0 THEN nextval('motorpool.seq') ELSE u.seq END
                WHERE u.id = p.id AND u.children_left > remaining
                RETURNING CASE u.held WHEN 1 THEN u.kind END INTO waiting;
                CONTINUE WHEN NOT FOUND;
                repaired := repaired + 1;
                IF waiting IS NOT NULL THEN PERFORM motorpool.admit(waiting); END IF;
            END LOOP;
            RETURN repaired;
        END $$;

        """#

    static let replicationSQL = #"""
        -- A publication for all tables refuses updates and deletes of a table that has neither a primary key nor another
        -- identity. Rows of the history are deleted by hand only, so that a whole row in the log costs nothing else.
        DO $$
        DECLARE
            t regclass;
        BEGIN
            FOR t IN SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'motorpool'::regnamespace
                     AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.relreplident = 'd'
                     AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
                     ORDER BY c.relname
            LOOP
                EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', t);
            END LOOP;
        END $$;
        """#
}
