internal import Platform

/// One connection to PostgreSQL with an `async` face; a thread of its own does the waiting.
///
/// Callers queue in the order they came. Cancelling a task that waits in the queue takes it out; cancelling one whose
/// statement runs asks the server to cancel, and the caller is resumed when the server has answered: with
/// `CancellationError`, or with the rows if the answer came first. When the last reference goes, the connection closes.
package final class Connection: Sendable {
    private let worker: ConnectionWorker

    private init(_ worker: ConnectionWorker) { self.worker = worker }

    deinit { worker.stop() }

    /// Connects, giving each host `settings.connectTimeout`.
    /// - Throws: `PostgresError.cannotConnect`, or `CancellationError`.
    package static func open(_ settings: ConnectionSettings) async throws -> Connection {
        let worker = try ConnectionWorker(settings)
        return try await withTaskCancellationHandler {
            do {
                try await worker.start()
            } catch PostgresError.closed {
                // Nobody but the handler below could have stopped it.
                throw CancellationError()
            }
            return Connection(worker)
        } onCancel: {
            worker.stop()
        }
    }

    /// Runs one statement; see ``Session/run(_:within:)``.
    ///
    /// Time in the queue counts.
    @discardableResult
    package func run(_ sql: SQL, within limit: Duration = statementLimit) async throws -> Rows {
        try await perform(.statements([sql]), by: Deadline(within: limit))[0]
    }

    /// Runs statements in one round trip and one implicit transaction; see ``Session/run(all:within:)``.
    @discardableResult
    package func run(all statements: [SQL], within limit: Duration = statementLimit) async throws -> [Rows] {
        try await perform(.statements(statements), by: Deadline(within: limit))
    }

    /// Runs several statements separated by semicolons; see ``Session/runScript(_:within:)``.
    package func runScript(_ text: String, within limit: Duration = statementLimit) async throws {
        _ = try await perform(.script(text), by: Deadline(within: limit))
    }

    /// Ends the connection and waits for its thread, never for the peer.
    ///
    /// What runs or waits fails. A second time does nothing.
    package func close() async {
        worker.stop()
        await worker.ended()
    }

    /// Whether the connection can only be closed.
    package var isBroken: Bool { worker.isBroken }

    /// The server process behind the connection; meaningless through a pooler.
    package var backendPID: Int32 { worker.backendPID }

    /// Whether a transaction block was left open.
    var isInTransaction: Bool { worker.isInTransaction }

    /// As ``close()``, without waiting.
    func abandon() { worker.stop() }

    /// Looks whether the peer is still there, without a round trip.
    func checkPeer() async throws {
        _ = try await perform(.check, by: Deadline(within: statementLimit))
    }

    /// Runs work in its turn.
    ///
    /// What must happen even in a cancelled task (COMMIT, ROLLBACK) is not `cancellable`.
    func perform(
        _ work: ConnectionWorker.Work, by deadline: Deadline, cancellable: Bool = true
    ) async throws -> [Rows] {
        let ticket = Ticket()
        guard cancellable else { return try await worker.submit(work, by: deadline, ticket) }
        return try await withTaskCancellationHandler {
            try await worker.submit(work, by: deadline, ticket)
        } onCancel: {
            worker.cancel(ticket)
        }
    }
}
