internal import Platform

/// The accounts inside a private server, and what each may do.
///
/// | role | | used by |
/// | --- | --- | --- |
/// | `motorpool` | superuser | this file alone, and people |
/// | `motorpool_owner` | owns the database and its schemas | migrations |
/// | `motorpool_worker` | reads and writes rows | farms, fronts and commands |
///
/// All want a password. The passwords are made with the cluster and stand in one file of the state folder, mode 0600, in
/// libpq's own form; what runs in a slot can't read it. A server whose passwords are not the file's, like one that an
/// older version made, is told them through a way in for the account alone that is open at the start and for that moment.
struct PrivateServerRoles: Sendable {
    enum Role: String, CaseIterable {
        case administrator = "motorpool"
        case owner = "motorpool_owner"
        case worker = "motorpool_worker"
    }

    let place: PrivateServer.Place
    let tools: ServerTools
    /// The account of the system that we run as.
    let user: String

    // MARK: Passwords

    /// Each role's password; made when the file lacks one.
    static func passwords(in path: String) throws -> [Role: String] {
        var found: [Role: String] = [:]
        for line in (SmallFile.read(path) ?? "").split(separator: "\n") {
            let parts = line.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 5, let role = Role(rawValue: String(parts[3])), isPassword(parts[4]) else {
                continue
            }
            found[role] = String(parts[4])
        }
        guard Role.allCases.contains(where: { found[$0] == nil }) else { return found }
        for role in Role.allCases where found[role] == nil { found[role] = fresh() }
        let lines = Role.allCases.map { "*:*:*:\($0.rawValue):\(found[$0] ?? "")\n" }
        try SmallFile.write(lines.joined(), to: path)
        return found
    }

    /// Of ours, so that it may stand between quotes.
    private static func isPassword(_ text: Substring) -> Bool {
        text.utf8.count == 64 && text.allSatisfy { $0.isASCII && $0.isHexDigit }
    }

    /// 256 bits.
    private static func fresh() -> String {
        var dice = SystemRandomNumberGenerator()
        let digits = Array("0123456789abcdef")
        return String((0..<64).map { _ in digits[Int(dice.next(upperBound: UInt64(16)))] })
    }

    // MARK: Who may connect

    private static let closed = "local all all scram-sha-256\n"

    /// Everybody by password.
    func close() throws {
        try SmallFile.write(Self.closed, to: place.data + "/pg_hba.conf")
        try SmallFile.write("", to: place.data + "/pg_ident.conf")
    }

    /// The account as the superuser, to set the passwords, and to no other database.
    private func open() throws {
        try SmallFile.write("motorpool \"\(user)\" motorpool\n", to: place.data + "/pg_ident.conf")
        try SmallFile.write(
            "local postgres motorpool peer map=motorpool\n" + Self.closed, to: place.data + "/pg_hba.conf")
    }

    /// Whether the server takes connections, although perhaps not ours.
    static func isRefusal(_ error: any Error) -> Bool {
        guard case PostgresError.cannotConnect(let reason) = error else { return false }
        return ["authentication failed", "no password supplied", "no pg_hba.conf entry"].contains {
            reason.contains($0)
        }
    }

    // MARK: The roles

    /// Sees to it that all roles, their passwords, the database and its owner are as they are to be.
    ///
    /// - Throws: `PostgresError`, `PrivateServerError`.
    func establish(log: @Sendable (String) -> Void) async throws {
        let passwords = try Self.passwords(in: place.passwords)
        do {
            try await asAdministrator(of: "postgres") { try await $0.run("SELECT 1") }
        } catch  where Self.isRefusal(error) {
            log("setting the passwords of the private server")
            try await setPasswords(passwords)
        }
        try await asAdministrator(of: "postgres") { connection in
            try await connection.runScript(Self.rolesScript(passwords), within: .seconds(60))
            let found = try await connection.run(
                """
                SELECT pg_get_userbyid(datdba) = \(Role.owner.rawValue) FROM pg_database WHERE datname = 'motorpool'
                """, within: .seconds(15))
            if found.count == 0 {
                log("creating the database motorpool")
                try await connection.runScript(
                    "CREATE DATABASE motorpool OWNER motorpool_owner", within: .seconds(60))
            } else if try !found[0].get(0, as: Bool.self) {
                try await connection.runScript(
                    "ALTER DATABASE motorpool OWNER TO motorpool_owner", within: .seconds(60))
            }
        }
        try await asAdministrator(of: "motorpool") {
            try await $0.runScript(Self.rightsScript, within: .seconds(120))
        }
    }

    private func setPasswords(_ passwords: [Role: String]) async throws {
        try open()
        do {
            try await tools.reload(place.data)
            let url = PrivateServer.url(in: place.folder, database: "postgres", role: .administrator)
            // No password is needed while the way is open. The server reads its configuration a moment after it was told.
            try await patiently {
                let connection = try await Connection.open(ConnectionSettings(url: url))
                defer { connection.abandon() }
                try await connection.runScript(Self.passwordScript(passwords), within: .seconds(15))
            }
        } catch {
            // What failed must not leave the way open.
            try close()
            try? await tools.reload(place.data)
            throw error
        }
        try close()
        try await tools.reload(place.data)
        try await patiently { try await asAdministrator(of: "postgres") { try await $0.run("SELECT 1") } }
    }

    /// Tries for ten seconds as long as the server refuses us.
    private func patiently(_ body: () async throws -> Void) async throws {
        let end = BootClock.now + .seconds(10)
        while true {
            do { return try await body() } catch  where Self.isRefusal(error) {
                guard BootClock.now < end else { throw error }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    private func asAdministrator(
        of database: String, _ body: (Connection) async throws -> some Sendable
    ) async throws {
        let url = PrivateServer.url(in: place.folder, database: database, role: .administrator)
        let connection = try await Connection.open(ConnectionSettings(url: url))
        do { _ = try await body(connection) } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }

    // MARK: Statements

    /// A password is never written to the server's log, whatever that is told to hold.
    private static let unlogged = "SET log_statement = 'none'; SET log_min_duration_statement = -1;\n"

    private static func passwordScript(_ passwords: [Role: String]) -> String {
        unlogged
            + Role.allCases.map { role in
                """
                DO $$ BEGIN IF EXISTS (SELECT FROM pg_roles WHERE rolname = '\(role.rawValue)') THEN
                ALTER ROLE \(role.rawValue) PASSWORD '\(passwords[role] ?? "")'; END IF; END $$;

                """
            }.joined()
    }

    private static func rolesScript(_ passwords: [Role: String]) -> String {
        let limits = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
        return unlogged
            + [Role.owner, .worker].map { role in
                """
                DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '\(role.rawValue)') THEN
                    CREATE ROLE \(role.rawValue) \(limits) PASSWORD '\(passwords[role] ?? "")';
                ELSIF EXISTS (SELECT FROM pg_roles WHERE rolname = '\(role.rawValue)'
                        AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)) THEN
                    ALTER ROLE \(role.rawValue) \(limits);
                END IF; END $$;

                """
            }.joined()
            // The doctor looks at other roles' sessions and settings.
            + "GRANT pg_monitor TO motorpool_worker;\n"
    }

    /// What is the superuser's becomes the owner's, and the worker may read and write its rows. What the owner makes from
    /// then on is the worker's to read and write unless the migration that makes it says otherwise.
    private static let rightsScript = """
        BEGIN;
        ALTER DEFAULT PRIVILEGES FOR ROLE motorpool_owner GRANT USAGE ON SCHEMAS TO motorpool_worker;
        ALTER DEFAULT PRIVILEGES FOR ROLE motorpool_owner
            GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO motorpool_worker;
        ALTER DEFAULT PRIVILEGES FOR ROLE motorpool_owner GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO motorpool_worker;
        DO $$
        DECLARE it record;
        BEGIN
            CREATE TEMPORARY TABLE ours ON COMMIT DROP AS
                SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema';
            CREATE TEMPORARY TABLE extended ON COMMIT DROP AS
                SELECT classid, objid FROM pg_depend WHERE deptype = 'e';
            FOR it IN SELECT nspname FROM pg_namespace n JOIN ours o ON o.oid = n.oid
                WHERE nspowner = current_user::regrole AND nspname <> 'public'
                  AND NOT EXISTS (SELECT FROM extended e WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid)
            LOOP
                EXECUTE format('ALTER SCHEMA %I OWNER TO motorpool_owner', it.nspname);
                EXECUTE format('GRANT USAGE ON SCHEMA %I TO motorpool_worker', it.nspname);
            END LOOP;
            -- Sequences that belong to a column follow their table to its owner, but not in who may use them.
            FOR it IN SELECT c.oid::regclass AS name, c.relkind = 'S' AS counts, EXISTS (SELECT FROM pg_depend d
                    WHERE c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i'))
                    AS follows
                FROM pg_class c JOIN ours o ON o.oid = c.relnamespace
                WHERE c.relowner = current_user::regrole AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
                  AND NOT EXISTS (SELECT FROM extended e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid)
                ORDER BY c.relkind = 'S' DESC, c.oid
            LOOP
                EXECUTE format(CASE WHEN it.counts THEN 'GRANT USAGE, SELECT, UPDATE ON SEQUENCE %s TO motorpool_worker'
                    ELSE 'GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON %s TO motorpool_worker' END, it.name);
                CONTINUE WHEN it.follows;
                EXECUTE format('ALTER TABLE %s OWNER TO motorpool_owner', it.name);
            END LOOP;
            FOR it IN SELECT p.oid::regprocedure AS name FROM pg_proc p JOIN ours o ON o.oid = p.pronamespace
                WHERE p.proowner = current_user::regrole
                  AND NOT EXISTS (SELECT FROM extended e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid)
            LOOP
                EXECUTE format('ALTER ROUTINE %s OWNER TO motorpool_owner', it.name);
            END LOOP;
            FOR it IN SELECT t.oid::regtype AS name FROM pg_type t JOIN ours o ON o.oid = t.typnamespace
                WHERE t.typowner = current_user::regrole
                  AND (t.typtype IN ('e', 'd', 'r') OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
                  AND NOT EXISTS (SELECT FROM extended e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid)
            LOOP
                EXECUTE format('ALTER TYPE %s OWNER TO motorpool_owner', it.name);
            END LOOP;
        END $$;
        COMMIT;
        """
}
