internal import CPostgres
internal import Glibc
internal import Platform

/// Brings one connection from nothing to ready.
enum Handshake {
    /// Touched before each connect: a write to a closed socket must be an error, not a signal that ends the process.
    static let brokenPipesAreErrors: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    /// - Returns: A ready connection in non-blocking mode, which the caller must finish.
    /// - Throws: `.cannotConnect` with the reason, `.badAddress` for a value of the address that libpq refuses, `.closed`
    ///   when the bell rang.
    static func connect(to target: ConnectionTarget, by deadline: Deadline, stop: Waker?) throws
        -> OpaquePointer
    {
        guard let connection = start(target) else { throw PostgresError.cannotConnect("out of memory") }
        do {
            try poll(connection, target, by: deadline, stop: stop)
        } catch {
            PQfinish(connection)
            throw error
        }
        PQsetnonblocking(connection, 1)
        return connection
    }

    private static func start(_ target: ConnectionTarget) -> OpaquePointer? {
        let keywords = target.parameters.map { strdup($0.keyword) }
        let values = target.parameters.map { strdup($0.value) }
        defer { (keywords + values).forEach { free($0) } }
        let connection = PQconnectStartParams(
            keywords.map { UnsafePointer($0) } + [nil], values.map { UnsafePointer($0) } + [nil], 0)
        PQsetNoticeReceiver(connection, dropNotice, nil)
        return connection
    }

    private static func poll(
        _ connection: OpaquePointer, _ target: ConnectionTarget, by deadline: Deadline, stop: Waker?
    ) throws {
        // libpq's rule: before the first poll behave as if it had wanted to write.
        var wish = PGRES_POLLING_WRITING
        guard PQstatus(connection) != CONNECTION_BAD else { throw earlyRefusal(connection, target) }
        while wish != PGRES_POLLING_OK {
            // Asked anew each turn: trying the next address of a host changes the socket.
            let ready = SocketWait.wait(
                PQsocket(connection), for: wish == PGRES_POLLING_READING ? .reading : .writing, stop: stop,
                until: deadline)
            if ready.isStopped { throw PostgresError.closed }
            if ready.isReadable || ready.isWritable {
                wish = PQconnectPoll(connection)
                guard wish != PGRES_POLLING_FAILED else { throw refusal(connection, target) }
            } else if deadline.hasPassed {
                throw PostgresError.cannotConnect("\(target.place): no answer within \(deadline.limit)")
            }
        }
    }

    private static func refusal(_ connection: OpaquePointer, _ target: ConnectionTarget) -> PostgresError {
        let words = complaint(of: connection)
        let isProtection = ["SSL", "certificate", "host name must be specified"].contains {
            words.contains($0)
        }
        let cure = target.verifiesByDefault && isProtection ? "; \(verification)" : ""
        return .cannotConnect("\(target.place): \(words)\(cure)")
    }

    /// Why a server on another machine was refused, and what helps.
    private static let verification =
        "a server on another machine must prove its name (sslmode=verify-full): add sslrootcert=FILE with the certificate of "
        + "its authority to the database's address, or choose another protection there with sslmode="

    /// Before anything was asked of a host, libpq may have refused a value of the address: then asking again is no use. It has
    /// no code for that, but in the C locale, which this program never leaves, those messages begin so.
    private static func earlyRefusal(_ connection: OpaquePointer, _ target: ConnectionTarget) -> PostgresError
    {
        let words = complaint(of: connection)
        return words.hasPrefix("invalid ") ? .badAddress(words) : refusal(connection, target)
    }

    /// libpq's last message, on one line.
    static func complaint(of connection: OpaquePointer) -> String {
        let text = String(cString: PQerrorMessage(connection))
        return text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}

// A function rather than a closure: C calls it on whichever thread runs the session. Without a receiver libpq prints
// notices to standard error.
private func dropNotice(_ context: UnsafeMutableRawPointer?, _ result: OpaquePointer?) {}
