internal import Postgres

extension Schema {
    /// The lines of the schedule, and the ledger of what became of each slot.
    static let schedules = Migration(
        number: 6, name: "schedules",
        sql: #"""
            -- A line as a process last published it, and how far its slots are decided.
            CREATE TABLE motorpool.schedules (
                name text COLLATE "C" PRIMARY KEY,
                expression text NOT NULL,
                zone text NOT NULL,
                kind text COLLATE "C" NOT NULL,
                subject text COLLATE "C",
                args jsonb NOT NULL,
                overlap text COLLATE "C" NOT NULL,
                missed text NOT NULL,
                jitter_seconds double precision NOT NULL,
                published_at timestamptz NOT NULL DEFAULT now(),
                gone_at timestamptz,                 -- a process started without it, and none has vouched for it since
                paused_at timestamptz,
                paused_by text,
                decided_to timestamptz NOT NULL,     -- every slot up to here is decided
                next_slot timestamptz,               -- as the last decision foresaw it
                turn bigint NOT NULL DEFAULT 0,      -- grows with every decision: who has seen an older one decides nothing
                jobs bigint[] NOT NULL DEFAULT '{}'  -- its last jobs, of which some may live
            );

            -- The slot is the instant that the expression names; its row is the firing. Whoever inserts it decides it.
            CREATE TABLE motorpool.slots (
                schedule text COLLATE "C" NOT NULL,
                slot timestamptz NOT NULL,
                planned timestamptz NOT NULL,        -- the slot, and its jitter
                decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
                outcome text COLLATE "C" NOT NULL,   -- fired, skipped or queued
                manual boolean NOT NULL DEFAULT false,
                job bigint,
                why text,
                PRIMARY KEY (schedule, slot),
                CONSTRAINT outcome_is_known CHECK (outcome IN ('fired', 'skipped', 'queued')),
                CONSTRAINT fired_has_job CHECK (outcome <> 'fired' OR job IS NOT NULL),
                CONSTRAINT skipped_has_reason CHECK (outcome <> 'skipped' OR why IS NOT NULL)
            );
            CREATE INDEX slots_queued ON motorpool.slots (schedule, slot) WHERE outcome = 'queued';
            CREATE INDEX slots_slot ON motorpool.slots (slot);

            -- Puts the job of a slot in line. What the queue refuses skips the slot; a fault of the database is thrown.
            CREATE FUNCTION motorpool.put_slot(of_schedule text, of_slot timestamptz, of_kind text, of_args jsonb,
                of_subject text, delay double precision,
                OUT outcome text, OUT job bigint, OUT why text, OUT ring text) LANGUAGE plpgsql AS $$
            DECLARE
                p record;
            BEGIN
                BEGIN
                    SELECT * INTO p FROM motorpool.put(of_kind, of_args, of_subject, '', NULL, delay, NULL, NULL, NULL, NULL,
                        NULL, false, jsonb_build_object('schedule', of_schedule, 'slot', motorpool.told(of_slot)));
                EXCEPTION WHEN SQLSTATE 'MP001' OR SQLSTATE 'MP002' OR SQLSTATE 'MP004' OR data_exception THEN
                    outcome := 'skipped';
                    why := SQLERRM;
                    RETURN;
                END;
                job := p.job;
                ring := p.ring;
                CASE p.verdict
                    WHEN 'created' THEN outcome := 'fired';
                    WHEN 'again' THEN outcome := 'fired'; why := format('job %s of the same subject runs once more', job);
                    WHEN 'joined' THEN outcome := 'skipped'; why := format('job %s of the same subject answers for it', job);
                    WHEN 'refused' THEN outcome := 'skipped'; why := format('job %s of the same subject has not ended', job);
                    ELSE outcome := 'skipped';
                        why := format('job %s of the same subject ended too lately', job);
                END CASE;
            END $$;

            -- Decides slots of one line, in their order, up to a moment. `asked` holds them:
            -- [{"slot": seconds since 1970, "delay": seconds, "skip": why it is skipped}].
            -- A slot that is queued starts as soon as no earlier job of the line lives.
            CREATE FUNCTION motorpool.fire(of_schedule text, seen_turn bigint, through bigint, next bigint, asked jsonb,
                of_kind text, of_args jsonb, of_subject text, of_overlap text)
            RETURNS TABLE (verdict text, slot timestamptz, outcome text, job bigint, why text, ring text)
            LANGUAGE plpgsql AS $$
            #variable_conflict use_variable
            DECLARE
                s motorpool.schedules;
                a record;
                live bigint[];
                planned_at timestamptz;
                queued_count integer;
            BEGIN
                -- Whoever is at it has seen what we have seen: nobody waits.
                SELECT * INTO s FROM motorpool.schedules u WHERE u.name = of_schedule AND u.turn = seen_turn
                FOR UPDATE SKIP LOCKED;
                IF NOT FOUND THEN
                    verdict := 'overtaken';
                    RETURN NEXT;
                    RETURN;
                ELSIF to_timestamp(through) > clock_timestamp() THEN
                    verdict := 'early';
                    RETURN NEXT;
                    RETURN;
                END IF;
                verdict := 'decided';
                live := ARRAY(SELECT j.id FROM motorpool.jobs j WHERE j.id = ANY (s.jobs) ORDER BY j.id);
                IF live = '{}' AND s.paused_at IS NULL THEN
                    SELECT q.slot INTO slot FROM motorpool.slots q
                    WHERE q.schedule = of_schedule AND q.outcome = 'queued' ORDER BY q.slot LIMIT 1;
                    IF FOUND THEN
                        SELECT * INTO outcome, job, why, ring
                        FROM motorpool.put_slot(of_schedule, slot, of_kind, of_args, of_subject, 0);
                        UPDATE motorpool.slots u SET outcome = outcome, job = job, decided_at = clock_timestamp(),
                            why = coalesce(why, 'waited for the job before it')
                        WHERE u.schedule = of_schedule AND u.slot = slot;
                        IF outcome = 'fired' THEN live := live || job; END IF;
                        RETURN NEXT;
                    END IF;
                END IF;
                SELECT count(*) INTO queued_count FROM motorpool.slots q
                WHERE q.schedule = of_schedule AND q.outcome = 'queued';
                FOR a IN SELECT to_timestamp((e.value->>'slot')::bigint) AS at,
                                coalesce((e.value->>'delay')::double precision, 0) AS delay, e.value->>'skip' AS skip
                         FROM jsonb_array_elements(asked) WITH ORDINALITY e(value, n) ORDER BY e.n
                LOOP
                    -- Nothing fires before its time, whatever a process believes.
                    EXIT WHEN a.at > clock_timestamp();
                    slot := a.at;
                    planned_at := a.at + make_interval(secs => a.delay);
                    outcome := 'skipped';
                    job := NULL;
                    ring := NULL;
                    why := CASE
                        WHEN s.paused_at IS NOT NULL THEN
                            format('paused by %s since %s', s.paused_by, motorpool.told(s.paused_at))
                        WHEN a.skip IS NOT NULL THEN a.skip
                        WHEN of_overlap = 'skip' AND live <> '{}' THEN
                            format('job %s of an earlier slot has not ended', live[1])
                        WHEN of_overlap = 'queue' AND (live <> '{}' OR queued_count > 0) AND queued_count >= 100 THEN
                            '100 slots wait already' END;
                    IF why IS NULL AND of_overlap = 'queue' AND (live <> '{}' OR queued_count > 0) THEN
                        outcome := 'queued';
                        why := CASE WHEN live <> '{}' THEN format('waits for job %s of an earlier slot', live[1])
                                    ELSE 'waits for the slots before it' END;
                    END IF;
                    INSERT INTO motorpool.slots (schedule, slot, planned, outcome, why)
                    VALUES (of_schedule, slot, planned_at, outcome, coalesce(why, ''))
                    ON CONFLICT ON CONSTRAINT slots_pkey DO NOTHING;
                    CONTINUE WHEN NOT FOUND; -- somebody has decided it before
                    IF outcome = 'queued' THEN
                        queued_count := queued_count + 1;
                    ELSIF why IS NULL THEN
                        SELECT * INTO outcome, job, why, ring FROM motorpool.put_slot(of_schedule, slot, of_kind, of_args,
                            of_subject, greatest(0, extract(epoch FROM planned_at - clock_timestamp())::double precision));
                        UPDATE motorpool.slots u SET outcome = outcome, job = job, why = why
                        WHERE u.schedule = of_schedule AND u.slot = slot;
                        IF outcome = 'fired' THEN live := live || job; END IF;
                    END IF;
                    RETURN NEXT;
                END LOOP;
                -- A look that found nothing to do leaves the row alone.
                IF asked = '[]' AND outcome IS NULL AND s.next_slot IS NOT DISTINCT FROM to_timestamp(next) THEN
                    RETURN;
                END IF;
                UPDATE motorpool.schedules u SET turn = u.turn + 1, jobs = live[greatest(1, cardinality(live) - 99):],
                    decided_to = greatest(u.decided_to, to_timestamp(through)), next_slot = to_timestamp(next)
                WHERE u.name = of_schedule;
                slot := NULL;
                RETURN NEXT;
            END $$;

            -- One run outside the plan, on an operator's word: whatever overlaps, and although the line is paused.
            CREATE FUNCTION motorpool.run_schedule(of_schedule text, actor text)
            RETURNS TABLE (outcome text, job bigint, why text, ring text) LANGUAGE plpgsql AS $$
            #variable_conflict use_variable
            DECLARE
                s motorpool.schedules;
                at timestamptz;
            BEGIN
                SELECT * INTO s FROM motorpool.schedules u WHERE u.name = of_schedule FOR UPDATE;
                IF NOT FOUND THEN RETURN; END IF;
                -- Slots of the plan are whole seconds; this one is none of them.
                at := clock_timestamp();
                IF at = date_trunc('second', at) THEN at := at + interval '1 microsecond'; END IF;
                SELECT * INTO outcome, job, why, ring
                FROM motorpool.put_slot(of_schedule, at, s.kind, s.args, s.subject, 0);
                INSERT INTO motorpool.slots (schedule, slot, planned, outcome, manual, job, why)
                VALUES (of_schedule, at, at, outcome, true, job, concat_ws('; ', format('run by %s', actor), why));
                UPDATE motorpool.schedules u SET turn = u.turn + 1,
                    jobs = CASE outcome WHEN 'fired' THEN (ARRAY(SELECT j.id FROM motorpool.jobs j
                        WHERE j.id = ANY (u.jobs) ORDER BY j.id) || job)[:100] ELSE u.jobs END
                WHERE u.name = of_schedule;
                RETURN NEXT;
            END $$;
            """#)
}
