internal import Postgres

extension Schema {
    /// What the front remembers of callers whom it does not know.
    static let front = Migration(
        number: 8, name: "front",
        sql: """
            -- Live jobs that somebody asked for without a token, so that strangers can be held to a backlog of their own.
            -- A row whose job has left is swept away when somebody counts.
            CREATE TABLE motorpool.guests (
                job bigint PRIMARY KEY
            ) WITH (autovacuum_vacuum_threshold = 1000);
            """)
}
