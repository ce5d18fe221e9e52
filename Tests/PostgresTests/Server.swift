import Glibc
import Postgres
import TestSupport
import Testing

/// Whether there is a server to test against; `./test` starts one.
let hasServer = (try? TestServer.settings()) != nil

extension Trait where Self == ConditionTrait {
    static var needsServer: Self { .enabled(if: hasServer, "run ./test: it starts a server") }
}

/// A session on a database of its own.
func withSession<T: Sendable>(_ body: (Session) throws -> T) async throws -> T {
    try await withDatabase { database in
        let session = try Session.open(database.settings, deadline: .seconds(5))
        defer { session.close() }
        return try body(session)
    }
}

/// A pool on a database of its own.
func withPool<T: Sendable>(
    connectionsMax: Int = 2, waitMax: Duration = .seconds(10), _ body: (Database) async throws -> T
) async throws -> T {
    try await withDatabase { database in
        let pool = Database(database.settings, connectionsMax: connectionsMax, waitMax: waitMax)
        let result: Result<T, any Error>
        do { result = .success(try await body(pool)) } catch { result = .failure(error) }
        await pool.close()
        return try result.get()
    }
}

let limit: Duration = .seconds(10)

/// The `PostgresError` that `body` ends in, nil if it does not.
///
/// Never called inside `#expect`: Swift 6.3.1, optimizing, takes a closure written in a macro's argument for another
/// closure of the same function, and runs that one instead.
func failure<T>(of body: () throws -> T) throws -> PostgresError? {
    do {
        _ = try body()
        return nil
    } catch let error as PostgresError {
        return error
    }
}

func failure<T>(of body: () async throws -> T) async throws -> PostgresError? {
    do {
        _ = try await body()
        return nil
    } catch let error as PostgresError {
        return error
    }
}
