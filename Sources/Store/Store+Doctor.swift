package import Jobs
package import Postgres

/// The server behind the queue, as a doctor looks at it.
package struct ServerFacts: Sendable {
    /// Such as `150008`.
    package let versionNumber: Int
    package let version: String
    package let isInRecovery: Bool
    /// As a transaction has it that begins now: on a standby, or by `default_transaction_read_only`.
    package let isReadOnly: Bool
    package let encoding: String
    package var isUTF8: Bool { encoding == "UTF8" }
    package let fsync: String
    package let synchronousCommit: String
    package let fullPageWrites: String
    package let autovacuum: String
    package let clock: PostgresTimestamp
    package let connections: Int
    package let connectionsMax: Int
    /// The version of TLS between the server and whatever asked it, such as `TLSv1.3`; `nil`: plain text.
    package let tls: String?
}

/// A worker process whose lease lives.
package struct LiveWorker: Sendable {
    package let id: WorkerID
    package let name: String
    package let isDraining: Bool
    /// Since it started.
    package let age: Duration
    package let leaseLeft: Duration
    package let queues: [String]
}

/// Something that keeps the vacuum from removing what is long dead.
package struct VacuumHolder: Sendable {
    /// A session, a prepared transaction or a replication slot, with its name.
    package let words: String
    /// `nil`: nobody knows.
    package let since: PostgresTimestamp?
    package let age: Duration?
}

/// What the hot table carries.
package struct HotTableFacts: Sendable {
    package let live: Int
    package let dead: Int
    package let lastVacuum: PostgresTimestamp?
}

extension Store {
    package func serverFacts() async throws -> ServerFacts {
        let row = try await one(
            """
            SELECT current_setting('server_version_num')::bigint, current_setting('server_version'), pg_is_in_recovery(),
                current_setting('fsync'), current_setting('synchronous_commit'), current_setting('full_page_writes'),
                current_setting('autovacuum'), clock_timestamp(),
                (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
                current_setting('max_connections')::bigint, current_setting('transaction_read_only') = 'on',
                current_setting('server_encoding'),
                (SELECT s.version FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid() AND s.ssl)
            """)
        return ServerFacts(
            versionNumber: Int(try row.get(0, as: Int64.self)), version: try row.get(1),
            isInRecovery: try row.get(2), isReadOnly: try row.get(10), encoding: try row.get(11),
            fsync: try row.get(3), synchronousCommit: try row.get(4), fullPageWrites: try row.get(5),
            autovacuum: try row.get(6), clock: try row.get(7),
            connections: Int(try row.get(8, as: Int64.self)),
            connectionsMax: Int(try row.get(9, as: Int64.self)), tls: try row.get(12))
    }

    /// Worker processes whose lease lives, oldest first.
    /// - Returns: the first `most`, and how many more there are.
    package func liveWorkers(most: Int) async throws -> (workers: [LiveWorker], more: Int) {
        let rows = try await database.run(
            """
            SELECT id, name, draining, extract(epoch FROM now() - started_at)::double precision,
                extract(epoch FROM lease_until - now())::double precision, queues, count(*) OVER ()
            FROM motorpool.workers WHERE lease_until > now() ORDER BY id LIMIT \(Int64(most))
            """)
        let workers = try rows.map { row in
            LiveWorker(
                id: WorkerID(try row.get(0)), name: try row.get(1), isDraining: try row.get(2),
                age: .seconds(try row.get(3, as: Double.self)),
                leaseLeft: .seconds(try row.get(4, as: Double.self)),
                queues: try row.get(5))
        }
        return (workers, try Store.left(of: rows, column: 6))
    }

    /// The oldest sessions, prepared transactions and slots whose snapshot the vacuum has to respect.
    package func vacuumHolders() async throws -> [VacuumHolder] {
        let rows = try await database.run(
            """
            (SELECT format('session %s of %s (%s, %s)', pid, usename, coalesce(nullif(application_name, ''), 'unnamed'),
                    coalesce(state, 'unknown')), coalesce(xact_start, backend_start)
             FROM pg_stat_activity
             WHERE (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL) AND pid <> pg_backend_pid()
                AND backend_type <> 'autovacuum worker' AND (datname = current_database() OR datname IS NULL)
             ORDER BY age(coalesce(backend_xmin, backend_xid)) DESC LIMIT 3)
            UNION ALL
            (SELECT format('prepared transaction %s of %s', gid, owner), prepared FROM pg_prepared_xacts
             WHERE database = current_database() ORDER BY prepared LIMIT 3)
            UNION ALL
            (SELECT format('replication slot %s (%s)', slot_name, CASE WHEN active THEN 'active' ELSE 'nobody uses it' END), NULL
             FROM pg_replication_slots WHERE xmin IS NOT NULL ORDER BY age(xmin) DESC LIMIT 3)
            """)
        let now = try await one("SELECT clock_timestamp()").get(0, as: PostgresTimestamp.self)
        return try rows.map { row in
            let since: PostgresTimestamp? = try row.get(1)
            return VacuumHolder(
                words: try row.get(0), since: since,
                age: since.map { .microseconds(now.microseconds - $0.microseconds) })
        }
    }

    package func hotTableFacts() async throws -> HotTableFacts {
        let row = try await one(
            """
            SELECT n_live_tup, n_dead_tup, greatest(last_vacuum, last_autovacuum) FROM pg_stat_user_tables
            WHERE relid = 'motorpool.jobs'::regclass
            """)
        return HotTableFacts(
            live: Int(try row.get(0, as: Int64.self)), dead: Int(try row.get(1, as: Int64.self)),
            lastVacuum: try row.get(2))
    }

    /// Dead jobs; exact up to 10,000, then 10,001.
    package func deadCount() async throws -> Int {
        Int(
            try await one("SELECT count(*) FROM (SELECT 1 FROM motorpool.dead LIMIT 10001) d").get(
                0, as: Int64.self))
    }

    /// Jobs that wait for more children than there are, or that run for a worker that has gone and was not rescued. At
    /// most 100.
    package func orphans() async throws -> [JobID] {
        let rows = try await database.run(
            """
            (SELECT p.id FROM motorpool.jobs p WHERE p.state = 3 AND p.held = 3
                AND p.children_left > (SELECT count(*) FROM motorpool.jobs c WHERE c.parent = p.id) LIMIT 100)
            UNION ALL
            (SELECT j.id FROM motorpool.jobs j WHERE j.state = 1 AND j.started_at < now() - interval '60 seconds'
                AND NOT EXISTS (SELECT 1 FROM motorpool.workers w WHERE w.id = j.worker) LIMIT 100)
            ORDER BY 1 LIMIT 100
            """)
        return try rows.map { JobID(try $0.get(0)) }
    }

    private func one(_ statement: SQL) async throws -> Row {
        guard let row = try await database.run(statement).first else {
            throw PostgresError.decoding("no row was answered")
        }
        return row
    }
}
