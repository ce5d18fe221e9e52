internal import CPostgres

extension Session {
    /// Behind a pooler nothing may stick to the server's connection, so what other sessions are given at their start travels
    /// with each transaction, in the same round trip: the isolation level with BEGIN, which must come before any snapshot,
    /// and the timeouts as local settings. Statements that do not begin a transaction themselves get one around them.
    func addTransaction(
        to pipeline: inout Pipeline, _ statements: [SQL], _ parameters: [Parameters]
    ) throws {
        let isBegun = statements[0].text == "BEGIN"
        try pipeline.send(Self.begin.text, Parameters(Self.begin), at: isBegun ? 0 : nil)
        let timeouts: SQL = """
            SELECT set_config('statement_timeout', \(String(settings.statementTimeout.milliseconds)), true),
                set_config('lock_timeout', \(String(settings.lockTimeout.milliseconds)), true)
            """
        try pipeline.send(timeouts.text, Parameters(timeouts), at: nil)
        for index in statements.indices.dropFirst(isBegun ? 1 : 0) {
            try add(statements[index], parameters[index], at: index, to: &pipeline)
        }
        // A caller's own BEGIN is the caller's to end.
        if !isBegun { try pipeline.send("COMMIT", Parameters("COMMIT"), at: nil) }
    }

    private static let begin: SQL = "BEGIN ISOLATION LEVEL READ COMMITTED"

    /// Ends the transaction that ``addTransaction(to:_:_:)`` began, after an error in it.
    func endTransaction(_ connection: OpaquePointer, by deadline: Deadline) throws {
        guard !isBroken, PQtransactionStatus(connection) != PQTRANS_IDLE else { return }
        var pipeline = Pipeline(connection, [])
        do {
            try pipeline.send("ROLLBACK", Parameters("ROLLBACK"), at: nil)
            try pipeline.sync()
        } catch {
            throw lost(connection, outcomeUnknown: false)
        }
        try read(&pipeline, by: deadline)
    }
}
