internal import Postgres

extension WorkshopSchema {
    /// Who of those that we ask wants to be left alone.
    static let rests = Migration(
        number: 2, name: "rests",
        sql: """
            -- A source that said “too much” is not asked by anybody until then. Each further rest that follows soon is
            -- twice as long as the last one.
            CREATE TABLE workshop.rests (
                source text COLLATE "C" PRIMARY KEY,
                until timestamptz NOT NULL,
                seconds double precision NOT NULL,
                why text NOT NULL
            );
            """)
}
