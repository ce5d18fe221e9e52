internal import Jobs
package import Postgres

/// A log-in to the operators' pages.
package struct OperatorSession: Sendable {
    package let number: Int64
    /// The name of the token that opened it.
    package let token: String
    package let address: String
    package let createdAt: PostgresTimestamp
    /// When it was last used, to the minute.
    package let seenAt: PostgresTimestamp
    package let expiresAt: PostgresTimestamp
}

extension Store {
    /// A session that was not used for so long has ended.
    package static let sessionIdleMax = Duration.seconds(3600)
    /// The list shows at most so many.
    package static let sessionsListedMax = 200

    /// Keeps a new session until `expiry`, and forgets those that ended more than a day ago, at most 1,000 at once.
    /// - Parameter digest: SHA-256 of what the browser keeps.
    package func openSession(
        _ digest: [UInt8], of token: String, at address: String, for span: Duration, by actor: Operator
    ) async throws {
        let span = span.inSeconds
        try await database.transaction { tx in
            try await tx.run(
                """
                DELETE FROM motorpool.sessions WHERE id IN (SELECT id FROM motorpool.sessions
                    WHERE expires_at < now() - interval '1 day' ORDER BY expires_at LIMIT 1000)
                """)
            try await tx.run(
                """
                INSERT INTO motorpool.sessions (digest, token, address, expires_at)
                VALUES (\(PostgresValue.bytea(digest)), \(token), \(address), now() + make_interval(secs => \(span)))
                """)
            try await tx.run(Store.noting("log in", "dashboard", count: 1, by: actor))
        }
    }

    /// Whether a session lives: known, not ended, not expired and used within `sessionIdleMax`. Its use is noted, at most
    /// once a minute.
    package func isSessionOpen(_ digest: [UInt8]) async throws -> Bool {
        let digest = PostgresValue.bytea(digest)
        let rows = try await database.run(
            """
            WITH live AS (
                SELECT id, seen_at FROM motorpool.sessions WHERE digest = \(digest) AND ended_at IS NULL
                    AND expires_at > now() AND seen_at > now() - make_interval(secs => \(Store.sessionIdleMax.inSeconds))
            ), used AS (
                UPDATE motorpool.sessions s SET seen_at = now() FROM live
                WHERE s.id = live.id AND live.seen_at < now() - interval '1 minute' AND s.ended_at IS NULL
            )
            SELECT id FROM live
            """)
        return rows.first != nil
    }

    /// Ends the session that a browser holds. Twice is once.
    package func endSession(_ digest: [UInt8], by actor: Operator) async throws {
        try await endSessions("digest = \(PostgresValue.bytea(digest))", "log out", by: actor)
    }

    /// Ends one session by its number.
    /// - Returns: whether it was open.
    package func endSession(number: Int64, by actor: Operator) async throws -> Bool {
        try await endSessions("id = \(number)", "end session", by: actor)
    }

    @discardableResult
    private func endSessions(_ which: SQL, _ action: String, by actor: Operator) async throws -> Bool {
        try await database.transaction { tx in
            let rows = try await tx.run(
                """
                UPDATE motorpool.sessions SET ended_at = now(), ended_by = \(actor.name)
                WHERE \(which) AND ended_at IS NULL RETURNING token
                """)
            guard let token = try rows.first?.get(0, as: String.self) else { return false }
            try await tx.run(Store.noting(action, "session of \(token)", count: 1, by: actor))
            return true
        }
    }

    /// The open sessions, the one that was used last first; at most `sessionsListedMax`.
    package func openSessions() async throws -> [OperatorSession] {
        try await database.run(
            """
            SELECT id, token, address, created_at, seen_at, expires_at FROM motorpool.sessions
            WHERE ended_at IS NULL AND expires_at > now()
                AND seen_at > now() - make_interval(secs => \(Store.sessionIdleMax.inSeconds))
            ORDER BY seen_at DESC, id DESC LIMIT \(Int64(Store.sessionsListedMax))
            """
        ).map { row in
            OperatorSession(
                number: try row.get(0), token: try row.get(1), address: try row.get(2),
                createdAt: try row.get(3),
                seenAt: try row.get(4), expiresAt: try row.get(5))
        }
    }
}
