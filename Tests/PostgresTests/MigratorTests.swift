import Postgres
import TestSupport
import Testing

@Suite("A migrator", .needsServer)
struct MigratorTests {
    private static let migrations = [
        Migration(number: 1, name: "first", sql: "CREATE TABLE s.a (n int); INSERT INTO s.a VALUES (1);"),
        Migration(number: 2, name: "second", sql: "INSERT INTO s.a SELECT 2 FROM pg_sleep(0.1);"),
    ]

    private let migrator = Migrator(schema: "s", migrations: migrations)

    @Test("that starts together with another applies everything once")
    func together() async throws {
        try await withDatabase { database in
            #expect(try await migrator.check(database.settings) == .behind([1, 2]))
            let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
                for _ in 0..<3 { group.addTask { try await migrator.migrate(database.settings) } }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(applied.sorted() == [1, 2])
            #expect(try await migrator.check(database.settings) == .current)
            #expect(try await migrator.migrate(database.settings) == [])
            let connection = try await Connection.open(database.settings)
            #expect(try await connection.run("SELECT count(*) FROM s.a")[0].get(0) == 2)
            await connection.close()
        }
    }

    @Test("finds an edited migration, and applies nothing on top of it")
    func drift() async throws {
        try await withDatabase { database in
            _ = try await Migrator(schema: "s", migrations: [Self.migrations[0]]).migrate(database.settings)
            let edited = Migrator(
                schema: "s",
                migrations: [Migration(number: 1, name: "first", sql: "SELECT 1"), Self.migrations[1]])
            guard case .drifted(let differences) = try await edited.check(database.settings) else {
                return #expect(Bool(false))
            }
            #expect(differences.count == 1 && differences[0].contains("migration 1"))
            await #expect(throws: MigrationDrift.self) { try await edited.migrate(database.settings) }
            #expect(try await migrator.check(database.settings) == .behind([2]))
        }
    }

    @Test("of an older version leaves a newer schema alone")
    func newer() async throws {
        try await withDatabase { database in
            _ = try await migrator.migrate(database.settings)
            let older = Migrator(schema: "s", migrations: [Self.migrations[0]])
            #expect(try await older.migrate(database.settings) == [])
            #expect(try await older.check(database.settings) == .newer([2]))
        }
    }

    @Test("undoes the migration that fails, and keeps those before it")
    func failing() async throws {
        try await withDatabase { database in
            let broken = Migrator(
                schema: "s",
                migrations: [
                    Self.migrations[0],
                    Migration(number: 2, name: "broken", sql: "CREATE TABLE s.b (); SELECT 1/0;"),
                ])
            let error = try await failure { try await broken.migrate(database.settings) }
            #expect(error?.sqlstate == "22012")
            #expect(try await broken.check(database.settings) == .behind([2]))
            let connection = try await Connection.open(database.settings)
            #expect(try await connection.run("SELECT to_regclass('s.b') IS NULL")[0].get(0) == true)
            await connection.close()
        }
    }
}
