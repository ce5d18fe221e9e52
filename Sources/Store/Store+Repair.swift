package import Jobs
internal import Postgres

/// Ledger rows that name a job which is in no table any more.
package struct LostReferences: Sendable {
    /// A few of the live subjects, and how many more there are.
    package let subjects: [(kind: String, subject: String, job: JobID)]
    package let subjectsMore: Int
    /// Of the newest 10,000 idempotency keys. Such a key is also left when its job joined one whose kind keeps no history.
    package let keys: Int
}

extension Store {
    /// Finds live subjects and keys whose job is nowhere: such a job's row was removed by hand.
    package func lostReferences(most: Int) async throws -> LostReferences {
        let answers = try await database.run(
            all: [
                """
                SELECT s.kind, s.subject, s.job, count(*) OVER () FROM motorpool.subjects s
                WHERE s.live AND NOT EXISTS (SELECT 1 FROM motorpool.jobs j WHERE j.id = s.job)
                ORDER BY s.kind, s.subject LIMIT \(Int64(most))
                """,
                """
                SELECT count(*) FROM (SELECT job FROM motorpool.keys ORDER BY created_at DESC LIMIT 10000) k
                WHERE NOT EXISTS (SELECT 1 FROM motorpool.jobs j WHERE j.id = k.job)
                  AND NOT EXISTS (SELECT 1 FROM motorpool.dead d WHERE d.id = k.job)
                  AND NOT EXISTS (SELECT 1 FROM motorpool.history h WHERE h.id = k.job)
                """,
            ], within: .seconds(20))
        return LostReferences(
            subjects: try answers[0].map {
                (try $0.get(0), try $0.get(1), JobID(try $0.get(2)))
            }, subjectsMore: try Store.left(of: answers[0], column: 3),
            keys: Int(try answers[1].first?.get(0, as: Int64.self) ?? 0))
    }
}

/// Something that this session's role may not do.
package struct MissingPrivilege: Sendable {
    /// Such as `INSERT`, or several, by commas.
    package let privileges: String
    /// As GRANT names them: `TABLE motorpool.jobs, motorpool.dead`.
    package let objects: String
    /// The farm does without: it deletes where it may not TRUNCATE.
    package let isOptional: Bool
}

extension Store {
    /// What a worker needs and this session's role lacks: objects that lack the same stand together, so that each is
    /// one GRANT.
    package func missingPrivileges() async throws -> (role: String, missing: [MissingPrivilege]) {
        let rows = try await database.run(
            """
            WITH needed AS (
                SELECT 'SCHEMA' AS sort, n.nspname::text AS object, 'USAGE' AS privilege, false AS optional,
                    has_schema_privilege(n.oid, 'USAGE') AS has
                FROM pg_namespace n WHERE n.nspname = 'motorpool'
                UNION ALL
                SELECT 'TABLE', format('motorpool.%I', c.relname), p.privilege, false, has_table_privilege(c.oid, p.privilege)
                FROM pg_class c CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) p(privilege)
                WHERE c.relnamespace = 'motorpool'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
                  AND (p.privilege = 'SELECT' OR c.relkind <> 'v' AND c.relname <> 'migrations')
                  -- The audit ledger is only read and added to.
                  AND (c.relname <> 'audit' OR p.privilege IN ('SELECT', 'INSERT'))
                UNION ALL
                SELECT 'ALL TABLES IN SCHEMA', 'motorpool', 'TRUNCATE',
                    bool_and(has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'DELETE')),
                    bool_and(has_table_privilege(c.oid, 'TRUNCATE'))
                FROM pg_class c WHERE c.relnamespace = 'motorpool'::regnamespace AND c.relispartition AND c.relkind = 'r'
                UNION ALL
                SELECT 'SEQUENCE', 'motorpool.seq', p.privilege, false, has_sequence_privilege('motorpool.seq', p.privilege)
                FROM (VALUES ('USAGE'), ('SELECT')) p(privilege)
                UNION ALL
                SELECT 'FUNCTION', f.oid::regprocedure::text, 'EXECUTE', false, has_function_privilege(f.oid, 'EXECUTE')
                FROM pg_proc f WHERE f.pronamespace = 'motorpool'::regnamespace AND f.prorettype <> 'trigger'::regtype
            ), missing AS (
                SELECT n.sort, n.object, n.optional, string_agg(n.privilege, ', ' ORDER BY n.privilege) AS privileges
                FROM needed n WHERE NOT n.has GROUP BY n.sort, n.object, n.optional
            )
            SELECT current_user::text, m.privileges, m.sort || ' ' || string_agg(m.object, ', ' ORDER BY m.object), m.optional
            FROM missing m GROUP BY m.sort, m.privileges, m.optional ORDER BY m.optional, m.sort, m.privileges
            """)
        let missing = try rows.map {
            MissingPrivilege(privileges: try $0.get(1), objects: try $0.get(2), isOptional: try $0.get(3))
        }
        return (try rows.first?.get(0) ?? "", missing)
    }
}
