internal import Postgres

extension Schema {
    /// The audit ledger is out of reach of the role that works, where that is another than the one that owns it.
    static let ledger = Migration(
        number: 15, name: "ledger",
        sql: #"""
            -- What is older than its time goes by this function alone, with the rights of the ledger's owner. The triggers
            -- still keep what is younger than 30 days, whoever asks.
            CREATE FUNCTION motorpool.trim_audit(days integer) RETURNS bigint LANGUAGE sql
            SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
                WITH gone AS (
                    DELETE FROM motorpool.audit WHERE id IN (SELECT id FROM motorpool.audit
                        WHERE at < now() - make_interval(days => greatest(days, 365)) ORDER BY id LIMIT 10000)
                    RETURNING 1)
                SELECT count(*) FROM gone
            $$;

            -- A private server has a role that works and owns nothing. It adds to the ledger and reads it.
            DO $$ BEGIN
                IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'motorpool_worker') THEN
                    REVOKE ALL ON FUNCTION motorpool.trim_audit(integer) FROM PUBLIC;
                    GRANT EXECUTE ON FUNCTION motorpool.trim_audit(integer) TO motorpool_worker;
                    REVOKE UPDATE, DELETE, TRUNCATE ON motorpool.audit FROM motorpool_worker;
                    REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON motorpool.migrations FROM motorpool_worker;
                END IF;
            END $$;
            """#)
}
