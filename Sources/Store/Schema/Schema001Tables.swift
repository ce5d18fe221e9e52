internal import Postgres

extension Schema {
    /// The hot table, where finished jobs go, the ledgers that outlive them, and who works.
    static let tables = Migration(
        number: 1, name: "tables",
        sql: """
            -- One sequence names the jobs and orders them: a job's id is its first place in line.
            CREATE SEQUENCE motorpool.seq AS bigint;

            -- Live work only. What is finished leaves in the statement that settles it.
            CREATE TABLE motorpool.jobs (
                id bigint PRIMARY KEY,
                seq bigint NOT NULL,                 -- place in line; drawn anew each time the job becomes ready
                created_at timestamptz NOT NULL DEFAULT now(),
                patient_from timestamptz NOT NULL DEFAULT now(), -- its budget of time runs from here: first due, or retried
                run_at timestamptz,                  -- due then, or became due then; null: at once
                started_at timestamptz,              -- the last claim
                worker bigint,                       -- who holds it while running
                parent bigint,
                run integer NOT NULL DEFAULT 0,      -- grows with every claim: the fence
                children_left integer,
                children_failed integer,
                state smallint NOT NULL,             -- 0 ready, 1 running, 2 scheduled, 3 held
                level smallint NOT NULL,             -- -1 suspect, else priority * 2, + 1 while fresh
                priority smallint NOT NULL,
                failures smallint NOT NULL DEFAULT 0,
                recoveries smallint NOT NULL DEFAULT 0,
                held smallint,                       -- 1 admission, 3 children
                step smallint NOT NULL DEFAULT 0,
                attempts_max smallint,
                keep boolean NOT NULL,               -- the outcome goes into the history
                admitted boolean NOT NULL DEFAULT false, -- its place under the kind's limits is taken
                queue text COLLATE "C" NOT NULL,
                kind text COLLATE "C" NOT NULL,
                subject text COLLATE "C",
                limit_key text COLLATE "C",          -- '' when only the whole kind is limited; null: no limits
                args jsonb NOT NULL,
                meta jsonb,
                errors jsonb,
                CONSTRAINT running_has_worker CHECK ((state = 1) = (worker IS NOT NULL)),
                CONSTRAINT scheduled_has_time CHECK (state <> 2 OR run_at IS NOT NULL),
                CONSTRAINT held_has_reason CHECK ((state = 3) = (held IS NOT NULL))
            ) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
                    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.2);
            CREATE INDEX jobs_ready ON motorpool.jobs (queue, level, seq) WHERE state = 0;
            CREATE INDEX jobs_running ON motorpool.jobs (worker) WHERE state = 1;
            CREATE INDEX jobs_scheduled ON motorpool.jobs (run_at) WHERE state = 2;
            CREATE INDEX jobs_places ON motorpool.jobs (kind, limit_key) WHERE admitted;
            CREATE INDEX jobs_held ON motorpool.jobs (kind, level, seq) WHERE held = 1;
            CREATE INDEX jobs_held_keys ON motorpool.jobs (kind, limit_key, level, seq) WHERE held = 1;
            CREATE INDEX jobs_parent ON motorpool.jobs (parent) WHERE parent IS NOT NULL;

            -- What ended, one partition a day of the last 32: emptied by TRUNCATE, never by DELETE.
            CREATE TABLE motorpool.history (
                slot smallint NOT NULL,
                id bigint NOT NULL,
                ending text COLLATE "C" NOT NULL,
                created_at timestamptz NOT NULL,
                started_at timestamptz,
                ended_at timestamptz NOT NULL DEFAULT now(),
                worker bigint,
                run integer NOT NULL,
                priority smallint NOT NULL,
                failures smallint NOT NULL,
                attempts_max smallint,
                queue text COLLATE "C" NOT NULL,
                kind text COLLATE "C" NOT NULL,
                subject text COLLATE "C",
                limit_key text COLLATE "C",
                args jsonb NOT NULL,
                meta jsonb,
                result jsonb,
                errors jsonb,
                reason text
            ) PARTITION BY LIST (slot);
            CREATE INDEX history_id ON motorpool.history (id);
            DO $$ BEGIN
                FOR day IN 0..31 LOOP
                    EXECUTE format('CREATE TABLE motorpool.history_%s PARTITION OF motorpool.history FOR VALUES IN (%s)',
                                   lpad(day::text, 2, '0'), day);
                END LOOP;
            END $$;

            -- What nobody can run any more, with payload and all errors, until someone decides.
            CREATE TABLE motorpool.dead (
                id bigint PRIMARY KEY,
                created_at timestamptz NOT NULL,
                started_at timestamptz,
                died_at timestamptz NOT NULL DEFAULT now(),
                worker bigint,
                run integer NOT NULL,
                priority smallint NOT NULL,
                failures smallint NOT NULL,
                recoveries smallint NOT NULL,
                attempts_max smallint,
                keep boolean NOT NULL,
                queue text COLLATE "C" NOT NULL,
                kind text COLLATE "C" NOT NULL,
                subject text COLLATE "C",
                limit_key text COLLATE "C",
                args jsonb NOT NULL,
                meta jsonb,
                errors jsonb,
                reason text COLLATE "C" NOT NULL
            );
            CREATE INDEX dead_kind ON motorpool.dead (kind, id);

            -- Policy as the farm's processes last published it, so that a producer needs no configuration.
            CREATE TABLE motorpool.kinds (
                kind text COLLATE "C" PRIMARY KEY,
                queue text COLLATE "C" NOT NULL,
                priority smallint NOT NULL,
                unique_policy text COLLATE "C" NOT NULL,
                cooldown_seconds double precision NOT NULL,
                cooldown_failed_seconds double precision NOT NULL,
                keep boolean NOT NULL,
                limited boolean NOT NULL,
                limit_whole integer,
                limit_key integer,
                rate_whole_interval double precision,   -- seconds between two
                rate_whole_burst integer,
                rate_key_interval double precision,
                rate_key_burst integer,
                published_at timestamptz NOT NULL DEFAULT now()
            );

            CREATE TABLE motorpool.queues (
                name text COLLATE "C" PRIMARY KEY,
                paused_at timestamptz,
                paused_by text
            );

            -- One row a live worker process. The lease is the process's, not the job's.
            CREATE TABLE motorpool.workers (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                name text NOT NULL,
                started_at timestamptz NOT NULL DEFAULT now(),
                lease_until timestamptz NOT NULL,
                draining boolean NOT NULL DEFAULT false,
                queues text[] NOT NULL,
                kinds text[] NOT NULL,
                stats jsonb
            ) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 200);

            -- Who or what was asked for: uniqueness, conditions by primary key, cooldowns, failures in a row.
            CREATE TABLE motorpool.subjects (
                kind text COLLATE "C" NOT NULL,
                subject text COLLATE "C" NOT NULL,
                job bigint NOT NULL,
                live boolean NOT NULL,
                ending text COLLATE "C",
                asked_at timestamptz NOT NULL DEFAULT now(),
                settled_at timestamptz,
                failures_in_a_row integer NOT NULL DEFAULT 0,
                last_error text,
                again_args jsonb,                    -- asked for again while running: run once more with these
                PRIMARY KEY (kind, subject),
                CONSTRAINT settled_has_ending CHECK (live OR (ending IS NOT NULL AND settled_at IS NOT NULL))
            ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

            -- The same key twice is one job.
            CREATE TABLE motorpool.keys (
                scope text COLLATE "C" NOT NULL,
                key text COLLATE "C" NOT NULL,
                body bytea NOT NULL,                 -- SHA-256 of what was asked
                job bigint NOT NULL,
                created_at timestamptz NOT NULL DEFAULT now(),
                PRIMARY KEY (scope, key)
            );
            CREATE INDEX keys_age ON motorpool.keys (created_at);

            -- How far a running job is; not worth the log, and worthless after a crash.
            CREATE UNLOGGED TABLE motorpool.progress (
                job bigint PRIMARY KEY,
                run integer NOT NULL,
                phase text,
                done bigint,
                total bigint,
                at timestamptz NOT NULL DEFAULT now()
            ) WITH (fillfactor = 50);

            -- Theoretical arrival times (GCRA): when the next one under this rate would be on time.
            CREATE TABLE motorpool.rates (
                kind text COLLATE "C" NOT NULL,
                key text COLLATE "C" NOT NULL,
                arrival timestamptz NOT NULL,
                PRIMARY KEY (kind, key)
            ) WITH (fillfactor = 50);
            CREATE TABLE motorpool.hosts (
                host text COLLATE "C" PRIMARY KEY,
                arrival timestamptz NOT NULL
            ) WITH (fillfactor = 50);
            """)
}
