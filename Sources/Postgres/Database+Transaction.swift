extension Database {
    /// Runs `body` between BEGIN and COMMIT.
    ///
    /// If `body` throws, everything is rolled back and its error thrown on. If the answer to COMMIT is lost, the server
    /// is asked on another connection, for some ten seconds, what became of the transaction: then either the value is
    /// returned after all, or an error says that nothing was done. Only when even that cannot be learnt does an error
    /// with unknown outcome get out. The limit counts from BEGIN.
    /// - Throws: What `body` throws; `PostgresError`; `CancellationError`.
    package func transaction<T: Sendable>(
        within limit: Duration = .seconds(15), _ body: (Transaction) async throws -> T
    ) async throws -> T {
        try await transaction(within: limit, .asSet, body)
    }

    func transaction<T: Sendable>(
        within limit: Duration, _ wait: LockWait, _ body: (Transaction) async throws -> T
    ) async throws -> T {
        let (lease, deadline) = try await firstOn(wait) { connection in
            let deadline = Deadline(within: limit)
            let beginning = ["BEGIN"] + (wait.statement.map { [$0] } ?? [])
            _ = try await connection.perform(.statements(beginning), by: deadline)
            return deadline
        }
        defer { giveBack(lease.connection) }
        let transaction = Transaction(lease.connection, by: deadline)
        let value: T
        let number: TransactionNumber?
        do {
            value = try await body(transaction)
            number = try await transaction.number()
        } catch {
            await transaction.rollBack()
            distrust(after: error)
            throw error
        }
        try await commit(transaction, number)
        return value
    }

    private func commit(_ transaction: Transaction, _ number: TransactionNumber?) async throws {
        do {
            try await transaction.commit()
        } catch let error as PostgresError where error.isOutcomeUnknown {
            // A transaction without a number has written nothing: there is nothing to lose.
            guard let number else { return }
            switch await CommitTruth.ask(about: number, settings) {
            case .committed: return
            case .aborted: throw error.undone
            case .unknown: throw error
            }
        }
    }
}
