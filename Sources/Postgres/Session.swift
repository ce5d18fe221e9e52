internal import CPostgres
internal import Glibc
internal import Platform

/// One connection to PostgreSQL, used by one thread at a time; every call blocks, and every wait has a deadline.
///
/// The connection stays in libpq's pipeline mode, where a call is one round trip whatever it carries: preparing a
/// statement, binding it, several statements in a row. What one call sends ends in one sync and so is one implicit
/// transaction. Only ``runScript(_:within:)`` leaves pipeline mode for a moment.
///
/// A session breaks when the peer goes away or a deadline passes in the middle of an answer: then nobody knows where in
/// the protocol it stands. A broken session answers every call with `.connectionLost(_, outcomeUnknown: false)`.
package final class Session {
    private(set) var connection: OpaquePointer?
    let settings: ConnectionSettings
    let needsWrites: Bool
    private let stop: Waker?
    var statements = StatementCache()
    /// What the answers to the present call had so far; counted only when there is a bound.
    private var answerBytes = 0

    /// Asks the server to stop what this session runs; usable from any thread.
    let canceller: Canceller?

    /// The server process behind the session; meaningless through a pooler.
    package let backendPID: Int32

    /// Whether the session can only be closed.
    package private(set) var isBroken = false

    /// Connects to the first host that will have us, and that takes writes; see ``ConnectionSettings/url``.
    ///
    /// Each host has `settings.connectTimeout`, all of them together `deadline`. Looking up a host name blocks outside
    /// these bounds: libpq leaves that to the C library.
    /// - Throws: `PostgresError.cannotConnect` with a reason for each host, `.readOnly` when one of them was reached and
    ///   takes no writes, `.unsuitable` for a database that is not UTF8, `.badAddress`; or the server's error from
    ///   `sessionSetup`.
    package static func open(_ settings: ConnectionSettings, deadline: Duration) throws -> Session {
        try open(settings, by: Deadline(within: deadline), stop: nil)
    }

    /// As above; also ends, with `.closed`, when the bell `stop` rings, now or in any later call.
    static func open(_ settings: ConnectionSettings, by deadline: Deadline, stop: Waker?) throws -> Session {
        _ = Handshake.brokenPipesAreErrors
        var refusals: [String] = []
        var isReadOnly = false
        for target in try ConnectionTarget.all(in: settings) {
            do {
                let turn = deadline.capped(at: settings.connectTimeout)
                let connection = try Handshake.connect(to: target, by: turn, stop: stop)
                let session = Session(connection, settings, target, stop)
                try session.examine(target, by: turn)
                try session.prepare(by: turn)
                return session
            } catch PostgresError.cannotConnect(let reason) {
                refusals.append(reason)
            } catch PostgresError.readOnly(let reason) {
                refusals.append(reason)
                isReadOnly = true
            }
        }
        let reasons = refusals.joined(separator: "; ")
        throw isReadOnly ? PostgresError.readOnly(reasons) : PostgresError.cannotConnect(reasons)
    }

    private init(
        _ connection: OpaquePointer, _ settings: ConnectionSettings, _ target: ConnectionTarget,
        _ stop: Waker?
    ) {
        self.connection = connection
        self.settings = settings
        needsWrites = target.needsWrites
        self.stop = stop
        canceller = Canceller(connection)
        backendPID = PQbackendPID(connection)
        PQenterPipelineMode(connection)
    }

    deinit { close() }

    private func prepare(by deadline: Deadline) throws {
        guard !settings.pooled else { return }
        for statement in settings.sessionSetup { try runScript(statement, by: deadline) }
    }

    /// Says goodbye and frees everything; never waits for the peer.
    ///
    /// A second time does nothing.
    package func close() {
        guard let connection else { return }
        self.connection = nil
        isBroken = true
        PQfinish(connection)
    }

    // MARK: Running

    /// Runs one statement as a transaction of its own, or inside the one that is open.
    ///
    /// Prepared on first use and remembered by its text, unless pooled.
    /// - Throws: `PostgresError`; after `.server` the session is usable.
    package func run(_ sql: SQL, within limit: Duration) throws -> Rows {
        try run(all: [sql], by: Deadline(within: limit))[0]
    }

    /// Runs statements in one round trip and one implicit transaction: all take effect or none.
    ///
    /// Inside an open transaction they join it. The answers stand in the order of the statements.
    /// - Throws: The first error, after everything was rolled back.
    package func run(all statements: [SQL], within limit: Duration) throws -> [Rows] {
        try run(all: statements, by: Deadline(within: limit))
    }

    /// Runs several statements separated by semicolons, without parameters or answers, by the simple
    /// protocol: one implicit transaction unless the text says otherwise.
    ///
    /// Pooled sessions set no timeouts here.
    package func runScript(_ text: String, within limit: Duration) throws {
        try runScript(text, by: Deadline(within: limit))
    }

    func run(all statements: [SQL], by deadline: Deadline) throws -> [Rows] {
        guard !statements.isEmpty else { return [] }
        let parameters = try statements.map(Parameters.init)
        let connection = try usable()
        let wasIdle = PQtransactionStatus(connection) == PQTRANS_IDLE
        do {
            return try exchange(connection, statements, parameters, by: deadline)
        } catch let error as PostgresError where error.isReadOnly {
            leaveReadOnly()
            throw error
        } catch PostgresError.server(let error) where error.isStalePlan && !settings.pooled {
            try forgetStatements(connection, by: deadline)
            // Inside a transaction the error has already spoilt it.
            guard wasIdle, !isBroken else { throw PostgresError.server(error) }
            return try exchange(connection, statements, parameters, by: deadline)
        }
    }

    private func exchange(
        _ connection: OpaquePointer, _ statements: [SQL], _ parameters: [Parameters], by deadline: Deadline
    ) throws -> [Rows] {
        let isIdle = PQtransactionStatus(connection) == PQTRANS_IDLE
        if isIdle, self.statements.isFull { try forgetStatements(connection, by: deadline) }
        var pipeline = Pipeline(connection, statements)
        answerBytes = 0
        do {
            if settings.pooled, isIdle {
                try addTransaction(to: &pipeline, statements, parameters)
            } else {
                for (index, sql) in statements.enumerated() {
                    try add(sql, parameters[index], at: index, to: &pipeline)
                }
            }
            try pipeline.sync()
        } catch {
            throw lost(connection, outcomeUnknown: false)
        }
        try read(&pipeline, by: deadline)
        do {
            return try pipeline.answers()
        } catch {
            if settings.pooled, isIdle { try endTransaction(connection, by: deadline) }
            throw error
        }
    }

    func add(
        _ sql: SQL, _ parameters: Parameters, at index: Int, to pipeline: inout Pipeline
    ) throws {
        guard !settings.pooled else { return try pipeline.send(sql.text, parameters, at: index) }
        var name = statements.name(for: sql.text, parameters)
        if name == nil {
            let new = statements.insert(sql.text, parameters)
            try pipeline.prepare(sql.text, parameters, as: new, at: index)
            name = new
        }
        try pipeline.sendPrepared(name ?? "", parameters, at: index)
    }

    private func forgetStatements(_ connection: OpaquePointer, by deadline: Deadline) throws {
        statements.removeAll()
        // A spoilt transaction refuses it; unused plans of the server then live on until the session ends.
        guard PQtransactionStatus(connection) == PQTRANS_IDLE else { return }
        var pipeline = Pipeline(connection, [])
        do {
            try pipeline.send("DEALLOCATE ALL", Parameters("DEALLOCATE ALL"), at: nil)
            try pipeline.sync()
        } catch {
            throw lost(connection, outcomeUnknown: false)
        }
        try read(&pipeline, by: deadline)
        _ = try pipeline.answers()
    }

    /// Reads until the sync is answered, then forgets the statements that the server refused to prepare.
    func read(_ pipeline: inout Pipeline, by deadline: Deadline) throws {
        while !pipeline.isFinished {
            try awaitResult(pipeline.connection, by: deadline)
            pipeline.takeResult()
            if pipeline.isDerailed || PQstatus(pipeline.connection) == CONNECTION_BAD {
                guard !pipeline.isFinished else { break }
                throw lost(pipeline.connection, outcomeUnknown: true, lastWords: pipeline.lastWords)
            }
        }
        for refused in pipeline.unprepared { statements.remove(refused.text, named: refused.name) }
    }

    func runScript(_ text: String, by deadline: Deadline) throws {
        guard !text.utf8.contains(0) else {
            throw PostgresError.badParameter("the script contains a NUL byte")
        }
        let connection = try usable()
        guard PQexitPipelineMode(connection) == 1, PQsendQuery(connection, text) == 1 else {
            throw lost(connection, outcomeUnknown: false)
        }
        var failure: ServerError?
        while true {
            try awaitResult(connection, by: deadline)
            guard let result = PQgetResult(connection) else { break }
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_FATAL_ERROR: failure = failure ?? ServerError(result: result, statement: text)
            case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                throw lost(connection, outcomeUnknown: true, lastWords: "COPY is not spoken here")
            default: break
            }
        }
        guard PQstatus(connection) == CONNECTION_OK, PQenterPipelineMode(connection) == 1 else {
            throw lost(connection, outcomeUnknown: true, lastWords: failure?.debugDescription)
        }
        // The script may have deallocated, or changed what plans rest on.
        guard let failure else { return }
        if failure.sqlstate == "25006" { leaveReadOnly() }
        throw PostgresError.server(failure)
    }

    // MARK: State

    /// Whether a transaction block is open, or something still runs.
    var isInTransaction: Bool {
        guard let connection else { return false }
        return PQtransactionStatus(connection) != PQTRANS_IDLE
    }

    /// Looks, without a round trip, whether the peer has gone away since the last call.
    /// - Throws: `.connectionLost(_, outcomeUnknown: false)` if so.
    func checkPeer() throws { _ = try usable() }

    /// The connection, if it is good as far as one can tell from here.
    ///
    /// Reads whatever came unasked: the server's last words before it shut down are found here rather than as a failed
    /// statement of unknown outcome.
    private func usable() throws -> OpaquePointer {
        guard let connection else { throw PostgresError.closed }
        guard !isBroken else { throw PostgresError.connectionLost("it broke before", outcomeUnknown: false) }
        var looks = 0
        // Bounded, for a peer that talks without end.
        while looks < 64,
            SocketWait.wait(PQsocket(connection), for: .reading, stop: nil, until: nil).isReadable
        {
            let alive = PQconsumeInput(connection) == 1
            _ = PQisBusy(connection)
            guard alive, PQstatus(connection) == CONNECTION_OK else {
                throw lost(connection, outcomeUnknown: false)
            }
            looks += 1
        }
        if needsWrites, PQtransactionStatus(connection) == PQTRANS_IDLE, isReportedReadOnly(connection) {
            isBroken = true
            throw PostgresError.readOnly("it stopped taking writes while we were connected")
        }
        return connection
    }

    /// Takes the notifications that have arrived, waiting for the first until the deadline.
    ///
    /// Empty when the deadline passed in silence.
    func notifications(until deadline: Deadline) throws -> [(channel: String, payload: String)] {
        let connection = try usable()
        var taken = takeNotifications(connection)
        while taken.isEmpty {
            let ready = SocketWait.wait(PQsocket(connection), for: .reading, stop: stop, until: deadline)
            if ready.isStopped { throw stopped() }
            if ready.isReadable { _ = try usable() }
            taken = takeNotifications(connection)
            if deadline.hasPassed { break }
        }
        return taken
    }

    private func takeNotifications(_ connection: OpaquePointer) -> [(channel: String, payload: String)] {
        var taken: [(channel: String, payload: String)] = []
        while let notification = PQnotifies(connection) {
            let payload = notification.pointee.extra.map { String(cString: $0) } ?? ""
            taken.append((String(cString: notification.pointee.relname), payload))
            PQfreemem(notification)
        }
        return taken
    }

    // MARK: Waiting

    /// Sends what is queued and returns when `PQgetResult` will not block.
    private func awaitResult(_ connection: OpaquePointer, by deadline: Deadline) throws {
        while true {
            // Reading while writing: a server whose answers nobody takes stops taking questions.
            let isWriting = PQflush(connection) == 1
            // After the end of the stream PQgetResult fails at once, but not every version's PQisBusy says so.
            if PQisBusy(connection) == 0 || PQstatus(connection) == CONNECTION_BAD { return }
            let ready = SocketWait.wait(
                PQsocket(connection), for: isWriting ? .both : .reading, stop: stop, until: deadline)
            if ready.isStopped { throw stopped() }
            if ready.isReadable {
                try countAnswer(connection)
                // A failure shows as CONNECTION_BAD once the results read before it are taken.
                _ = PQconsumeInput(connection)
            } else if !ready.isWritable, deadline.hasPassed {
                isBroken = true
                canceller?.send()
                throw PostgresError.timedOut(after: deadline.limit, outcomeUnknown: true)
            }
        }
    }

    /// From here on the session can only be closed.
    func breakOff() { isBroken = true }

    /// Counts what has arrived and is about to be read.
    /// - Throws: `.connectionLost` beyond `answerBytesMax`; the session is broken then.
    private func countAnswer(_ connection: OpaquePointer) throws {
        guard let most = settings.answerBytesMax else { return }
        answerBytes += SocketWait.bytesWaiting(at: PQsocket(connection))
        guard answerBytes > most else { return }
        isBroken = true
        canceller?.send()
        throw PostgresError.connectionLost(
            "the answer has more than \(most) bytes, and is not read further", outcomeUnknown: true)
    }

    private func stopped() -> PostgresError {
        isBroken = true
        canceller?.send()
        return .connectionLost("it was closed from this side", outcomeUnknown: true)
    }

    func lost(
        _ connection: OpaquePointer, outcomeUnknown: Bool, lastWords: String? = nil
    ) -> PostgresError {
        isBroken = true
        let complaint = Handshake.complaint(of: connection)
        return .connectionLost(lastWords ?? complaint, outcomeUnknown: outcomeUnknown)
    }
}
