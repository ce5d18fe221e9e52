internal import Postgres

extension Schema {
    /// What anonymous callers have written today, and which ended jobs were theirs.
    static let strangers = Migration(
        number: 18, name: "strangers",
        sql: """
            -- One row a day and account: the bytes that fronts have taken out of the day's budget. A front takes some at a
            -- time, so the row is no place where requests wait for each other.
            CREATE TABLE motorpool.anonymous_bytes (
                day date NOT NULL,                   -- in UTC
                account text COLLATE "C" NOT NULL,
                bytes bigint NOT NULL,
                PRIMARY KEY (day, account)
            ) WITH (fillfactor = 50);

            -- Jobs of anonymous callers that have left the hot table: their history goes after a day.
            CREATE TABLE motorpool.guests_left (
                job bigint PRIMARY KEY,
                left_at timestamptz NOT NULL DEFAULT now()
            );
            CREATE INDEX guests_left_at ON motorpool.guests_left (left_at);
            """)
}
