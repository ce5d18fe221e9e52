import Postgres
import TestSupport
import Testing

@Suite("A database for a test")
struct TestDatabaseTests {
    @Test("is empty, its own, and gone afterwards")
    func own() async throws {
        let name = try await withDatabase { database in
            let connection = try await Connection.open(database.settings)
            try await connection.runScript("CREATE TABLE mine (n int)", within: .seconds(10))
            // Left open on purpose: the drop does not mind.
            let tcp = try await Connection.open(database.tcpSettings)
            let found = try await tcp.run(
                "SELECT current_database()::text, count(*) FROM mine", within: .seconds(10))
            #expect(try found[0].get(0, as: String.self) == database.name)
            await tcp.close()
            return database.name
        }
        #expect(try await databases(like: name) == 0)
    }

    @Test("is gone as well when the test throws")
    func thrown() async throws {
        struct Fault: Error {}
        let name = NameBox()
        await #expect(throws: Fault.self) {
            try await withDatabase { database in
                await name.set(database.name)
                throw Fault()
            }
        }
        #expect(try await databases(like: await name.value) == 0)
    }

    @Test("is migrated once a process, and copied for each test", arguments: 0..<4)
    func migrated(_: Int) async throws {
        try await withMigratedDatabase("sample") { settings in
            let connection = try await Connection.open(settings)
            try await connection.runScript("CREATE TABLE once (n int)", within: .seconds(10))
            await connection.close()
        } _: { database in
            let connection = try await Connection.open(database.settings)
            try await connection.runScript("INSERT INTO once VALUES (1)", within: .seconds(10))
            let found = try await connection.run("SELECT count(*) FROM once", within: .seconds(10))
            #expect(try found[0].get(0, as: Int.self) == 1)
            await connection.close()
        }
    }

    @Test("has an address that can be pointed at a proxy")
    func address() {
        let address = Address("postgresql://motorpool:x@127.0.0.1:5432/postgres?sslmode=disable")
        #expect(address.port == 5432)
        #expect(
            address.database("d").port(7).url == "postgresql://motorpool:x@127.0.0.1:7/d?sslmode=disable")
        #expect(Address("postgresql:///postgres?host=/s").database("d").url == "postgresql:///d?host=/s")
    }

    private actor NameBox {
        var value = ""
        func set(_ name: String) { value = name }
    }

    private func databases(like name: String) async throws -> Int {
        let connection = try await Connection.open(TestServer.settings())
        let found = try await connection.run(
            "SELECT count(*) FROM pg_database WHERE datname = \(name)", within: .seconds(10))
        await connection.close()
        return try found[0].get(0, as: Int.self)
    }
}
