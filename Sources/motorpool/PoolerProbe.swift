internal import Postgres

/// Finds out whether a pooler stands between us and the server.
struct PoolerProbe {
    enum Mode {
        case none
        case session
        case transaction
    }

    let database: Database

    /// A pooler hands out process numbers of its own. In transaction mode, the server's process changes when another
    /// client's transaction has taken it meanwhile.
    func mode() async throws -> Mode {
        try await database.withConnection { first in
            let server = try await pid(first)
            guard server != first.backendPID else { return .none }
            return try await database.withConnection { second in
                try await second.run("BEGIN")
                let taken = try await pid(second)
                // With a pool of one this waits for the other client, which is an answer as well.
                let next = try? await pid(first, within: .seconds(2))
                try await second.run("ROLLBACK")
                return taken == server || next != server ? .transaction : .session
            }
        }
    }

    private func pid(_ connection: Connection, within limit: Duration = .seconds(5)) async throws -> Int32 {
        try await connection.run("SELECT pg_backend_pid()", within: limit)[0].get(0)
    }
}
