import Platform
import Postgres
import TestSupport
import Testing

@Suite("A transaction", .needsServer)
struct TransactionTests {
    private struct Regret: Error {}

    @Test("is undone when its body throws")
    func rollBack() async throws {
        try await withPool { pool in
            try await pool.run("CREATE TABLE t (n int)")
            await #expect(throws: Regret.self) {
                try await pool.transaction { transaction in
                    try await transaction.run("INSERT INTO t VALUES (1)")
                    throw Regret()
                }
            }
            #expect(try await pool.run("SELECT count(*) FROM t")[0].get(0) == 0)
            try await pool.transaction { _ = try await $0.run("INSERT INTO t VALUES (1)") }
            #expect(try await pool.run("SELECT count(*) FROM t")[0].get(0) == 1)
            #expect(pool.status.idle == pool.status.open)
        }
    }

    @Test("whose body hid a failed statement ends in that failure")
    func hiddenFailure() async throws {
        try await withPool { pool in
            let error = try await failure {
                try await pool.transaction { transaction in _ = try? await transaction.run("SELECT 1/0") }
            }
            #expect(error?.sqlstate == "22012")
        }
    }

    @Test("of a cancelled task is undone, and its connection lives")
    func cancelled() async throws {
        try await withPool(connectionsMax: 1) { pool in
            try await pool.run("CREATE TABLE t (n int)")
            let (begun, signal) = AsyncStream.makeStream(of: Void.self)
            let task = Task {
                try await pool.transaction { transaction in
                    try await transaction.run("INSERT INTO t VALUES (1)")
                    signal.finish()
                    try await transaction.run("SELECT pg_sleep(30)")
                }
            }
            for await _ in begun {}
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(try await pool.run("SELECT count(*) FROM t")[0].get(0) == 0)
        }
    }

    @Test("is over when its body is over")
    func escaped() async throws {
        try await withPool { pool in
            let transaction = try await pool.transaction { $0 }
            guard case .closed = try await failure(of: { try await transaction.run("SELECT 1") }) else {
                return #expect(Bool(false))
            }
        }
    }

    @Test("that loses its connection before COMMIT has done nothing, and says so")
    func lostEarly() async throws {
        try await withPool { pool in
            let error = try await failure {
                try await pool.transaction { transaction in
                    _ = try await transaction.run(
                        "SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(9)")
                }
            }
            guard case .connectionLost(_, outcomeUnknown: false) = error else {
                return #expect(Bool(false), "\(String(describing: error))")
            }
        }
    }

    @Test(
        "knows the truth when the answer to COMMIT is lost",
        arguments: [
            (CuttingProxy.Cut.answer, true), (.question, false), (.questionUnnoticed, false),
        ])
    func truth(_ cut: CuttingProxy.Cut, _ isCommitted: Bool) async throws {
        try await withDatabase { database in
            let direct = try await Connection.open(database.settings)
            try await direct.run("CREATE TABLE t (n int)")
            let server = try #require(Address(database.tcpSettings.url).port)
            let proxy = try CuttingProxy(to: server, at: "COMMIT", cut: cut)
            proxy.start()
            defer { proxy.stop() }
            let pool = Database(database.tcpSettings(port: proxy.port), connectionsMax: 1)
            let error = try await failure {
                try await pool.transaction { _ = try await $0.run("INSERT INTO t VALUES (1)") }
            }
            if isCommitted {
                #expect(error == nil)
            } else if case .connectionLost(_, outcomeUnknown: false) = error {
            } else {
                #expect(Bool(false), "\(String(describing: error))")
            }
            #expect(try await direct.run("SELECT count(*) FROM t")[0].get(0) == (isCommitted ? 1 : 0))
            await pool.close()
            await direct.close()
        }
    }

    @Test("that has written nothing needs no truth")
    func readOnly() async throws {
        try await withDatabase { database in
            let server = try #require(Address(database.tcpSettings.url).port)
            let proxy = try CuttingProxy(to: server, at: "COMMIT", cut: .question)
            proxy.start()
            defer { proxy.stop() }
            let pool = Database(database.tcpSettings(port: proxy.port), connectionsMax: 1)
            let seven: Int = try await pool.transaction { try await $0.run("SELECT 7")[0].get(0) }
            #expect(seven == 7)
            await pool.close()
        }
    }

    @Test("ends at its deadline, whatever its statements may take")
    func deadline() async throws {
        try await withPool { pool in
            let error = try await failure {
                try await pool.transaction(within: .milliseconds(100)) { transaction in
                    _ = try await transaction.run("SELECT pg_sleep(30)")
                }
            }
            guard case .timedOut(_, outcomeUnknown: false) = error else {
                return #expect(Bool(false), "\(String(describing: error))")
            }
        }
    }
}
