internal import Postgres

extension Schema {
    /// Which kinds callers over HTTP may ask for, and which jobs they asked for.
    static let askers = Migration(
        number: 17, name: "askers",
        sql: """
            -- Until a farm publishes a kind anew, no caller may ask for it.
            ALTER TABLE motorpool.kinds
                ADD COLUMN asked_by text COLLATE "C" NOT NULL DEFAULT 'nobody',
                ADD COLUMN callers_choose text[] NOT NULL DEFAULT '{}',
                ADD COLUMN seen_by text COLLATE "C" NOT NULL DEFAULT 'asker';

            -- Who asked for a job over HTTP: by the name of a token, or the name of all callers without one.
            CREATE TABLE motorpool.askers (
                job bigint NOT NULL,
                caller text COLLATE "C" NOT NULL,
                made boolean NOT NULL,              -- false: the job was there already, or code made it for the caller
                at timestamptz NOT NULL DEFAULT now(),
                PRIMARY KEY (job, caller)
            ) WITH (autovacuum_vacuum_scale_factor = 0.05);
            CREATE INDEX askers_caller ON motorpool.askers (caller, job);
            """)
}
