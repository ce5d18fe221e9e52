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
    /// As GRANT names it: `TABLE motorpool.jobs`.
    package let object: String
    /// The farm does without: it deletes where it may not TRUNCATE.
    package let isOptional: Bool
}

extension Store {
    /// What a worker needs and this session's role lacks, table by table.
    /// - Returns: `role`: the role of this session; `more`: how many objects there are beyond the first `most`.
    package func missingPrivileges(most: Int) async throws -> (
        role: String, missing: [MissingPrivilege], more: Int
    ) {
        let rows = try await database.run(
            """
            WITH needed AS (
                SELECT n.oid::bigint AS oid, 0 AS place, format('SCHEMA %I', n.nspname) AS object, 'USAGE' AS privilege, false AS optional,
                    has_schema_privilege(n.oid, 'USAGE') AS has
                FROM pg_namespace n WHERE n.nspname = 'motorpool'
                UNION ALL
                SELECT c.oid::bigint, 1, format('TABLE motorpool.%I', c.relname), p.privilege, p.privilege = 'TRUNCATE',
                    has_table_privilege(c.oid, p.privilege)
                FROM pg_class c CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) p(privilege)
                WHERE c.relnamespace = 'motorpool'::regnamespace AND c.relkind IN ('r', 'p', 'v')
                  AND CASE WHEN c.relkind = 'v' OR c.relname = 'migrations' THEN p.privilege = 'SELECT'
                           WHEN c.relispartition THEN p.privilege IN ('SELECT', 'DELETE', 'TRUNCATE')
                           ELSE p.privilege <> 'TRUNCATE' END
                UNION ALL
                SELECT c.oid::bigint, 2, format('SEQUENCE motorpool.%I', c.relname), p.privilege, false,
                    has_sequence_privilege(c.oid, p.privilege)
                FROM pg_class c CROSS JOIN (VALUES ('USAGE'), ('SELECT')) p(privilege)
                WHERE c.oid = 'motorpool.seq'::regclass
                UNION ALL
                SELECT f.oid::bigint, 3, format('FUNCTION %s', f.oid::regprocedure), 'EXECUTE', false,
                    has_function_privilege(f.oid, 'EXECUTE')
                FROM pg_proc f WHERE f.pronamespace = 'motorpool'::regnamespace AND f.prorettype <> 'trigger'::regtype
            )
            SELECT current_user, string_agg(n.privilege, ', ' ORDER BY n.privilege), n.object, n.optional, count(*) OVER ()
            FROM needed n WHERE NOT n.has GROUP BY n.place, n.object, n.optional, n.oid
            ORDER BY n.optional, n.place, n.object LIMIT \(Int64(most))
            """)
        let missing = try rows.map {
            MissingPrivilege(privileges: try $0.get(1), object: try $0.get(2), isOptional: try $0.get(3))
        }
        return (
            try rows.first?.get(0) ?? "", missing, try Store.left(of: rows, column: 4)
        )
    }
}
