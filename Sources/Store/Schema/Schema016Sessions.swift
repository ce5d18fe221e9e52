internal import Postgres

extension Schema {
    /// The sessions of the operators' pages, so that one can be ended at once and everywhere.
    static let sessions = Migration(
        number: 16, name: "sessions",
        sql: """
            -- One row a log-in. The cookie's random part is known to the browser alone: the table has its SHA-256.
            CREATE TABLE motorpool.sessions (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                digest bytea NOT NULL UNIQUE,
                token text NOT NULL,                 -- the name of the token that opened it
                address text NOT NULL,
                created_at timestamptz NOT NULL DEFAULT now(),
                seen_at timestamptz NOT NULL DEFAULT now(),  -- at most a minute old while it is used
                expires_at timestamptz NOT NULL,
                ended_at timestamptz,
                ended_by text
            );
            CREATE INDEX sessions_expiry ON motorpool.sessions (expires_at);
            """)
}
