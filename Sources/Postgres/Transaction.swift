internal import Platform

/// A transaction on one connection; valid only inside the body it was handed to.
///
/// Nothing it runs takes effect before the COMMIT at the end, so its statements never fail with an unknown outcome.
package final class Transaction: SQLRunner {
    private struct State {
        var hasEnded = false
        /// The statement error that spoilt the transaction.
        var failure: (any Error)?
    }

    private let connection: Connection
    private let deadline: Deadline
    private let state = Lock(State())

    init(_ connection: Connection, by deadline: Deadline) {
        self.connection = connection
        self.deadline = deadline
    }

    /// Runs one statement; the transaction's own deadline counts as well.
    ///
    /// After an error the server refuses every further statement (25P02).
    @discardableResult
    package func run(_ sql: SQL, within limit: Duration) async throws -> Rows {
        try await perform(.statements([sql]), within: limit)[0]
    }

    /// Runs statements in one round trip.
    @discardableResult
    package func run(all statements: [SQL], within limit: Duration) async throws -> [Rows] {
        try await perform(.statements(statements), within: limit)
    }

    /// Runs several statements separated by semicolons, which must not end the transaction.
    package func runScript(_ text: String, within limit: Duration = statementLimit) async throws {
        _ = try await perform(.script(text), within: limit)
    }

    private func perform(_ work: ConnectionWorker.Work, within limit: Duration) async throws -> [Rows] {
        guard !state.withLock({ $0.hasEnded }) else { throw PostgresError.closed }
        do {
            return try await connection.perform(work, by: deadline.capped(at: limit))
        } catch {
            let undone = (error as? PostgresError)?.undone ?? error
            state.withLock { $0.failure = $0.failure ?? undone }
            throw undone
        }
    }

    // MARK: The end

    /// Undoes everything.
    ///
    /// If that cannot be said to the server, it comes to the same when the connection is dropped.
    func rollBack() async {
        state.withLock { $0.hasEnded = true }
        guard !connection.isBroken else { return }
        _ = try? await connection.perform(
            .statements(["ROLLBACK"]), by: Deadline(within: .seconds(5)), cancellable: false)
    }

    /// The transaction's number, nil if it has written nothing.
    ///
    /// Asked for before COMMIT, in a round trip of its own, so that no COMMIT is ever under way whose number
    /// is unknown.
    func number() async throws -> TransactionNumber? {
        state.withLock { $0.hasEnded = true }
        do {
            let rows = try await connection.perform(
                .statements([TransactionNumber.query]), by: deadline, cancellable: false)
            guard let row = rows[0].first, let id = try row.get(0, as: String?.self) else { return nil }
            return TransactionNumber(id: id, era: try row.get(1))
        } catch {
            throw state.withLock { $0.failure } ?? (error as? PostgresError)?.undone ?? error
        }
    }

    /// Makes everything permanent.
    ///
    /// A cancelled task commits all the same: it has come this far.
    /// - Throws: With unknown outcome when the answer did not arrive; the error that had spoilt the transaction when the
    ///   server rolled it back instead.
    func commit() async throws {
        let answer = try await connection.perform(.statements(["COMMIT"]), by: deadline, cancellable: false)
        guard answer[0].tag == "COMMIT" else {
            throw state.withLock { $0.failure } ?? PostgresError.closed
        }
    }
}
