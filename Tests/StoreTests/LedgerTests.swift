import FoundationEssentials
import Glibc
import Platform
import Postgres
import Store
import TestSupport
import Testing

@Suite("The audit ledger of a private server")
struct LedgerTests {
    @Test("V16: is added to and read by the role that works, and changed by it in no way")
    func kept() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/ledger\(UInt32.random(in: 0 ... .max))"
        defer { FolderTree.remove(folder) }
        let server = try await PrivateServer.start(in: folder, log: { _ in })
        let result: Result<Void, any Error>
        do { result = .success(try await look(at: server)) } catch { result = .failure(error) }
        try await server.stop()
        try result.get()
    }

    private func look(at server: PrivateServer) async throws {
        _ = try await Schema.migrator.migrate(ConnectionSettings(url: server.ownerURL))
        let store = Store(ConnectionSettings(url: server.url))
        try await store.note("pause", "queue mail", by: Operator(name: "eve"))
        #expect(try await store.audit(limit: 10).map(\.target) == ["queue mail"])
        // A grant by a role that has nothing to give is a warning, and gives nothing.
        try await store.database.run("GRANT DELETE, UPDATE ON motorpool.audit TO motorpool_worker")
        let forbidden: [SQL] = [
            "UPDATE motorpool.audit SET actor = 'adam'", "DELETE FROM motorpool.audit",
            "TRUNCATE motorpool.audit",
            "ALTER TABLE motorpool.audit DISABLE TRIGGER ALL", "DROP TABLE motorpool.audit",
            "ALTER TABLE motorpool.audit OWNER TO motorpool_worker", "SET session_replication_role = replica",
            "CREATE OR REPLACE FUNCTION motorpool.audit_stands() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "DELETE FROM motorpool.migrations",
        ]
        for statement in forbidden {
            let error = await #expect(throws: PostgresError.self, "\(statement)") {
                try await store.database.run(statement)
            }
            #expect(error?.sqlstate == "42501", "\(statement)")
        }
        #expect(try await store.trimAudit() == 0)
        try await store.database.run("SELECT motorpool.trim_audit(-1)")
        #expect(try await store.audit(limit: 10).count == 1)
        // The rest of its work goes on, the emptying of old days included.
        _ = try await store.retain(historyDays: 14, keyHours: 24, deadDays: 30)
        await store.close()
    }
}
