internal import CPostgres

extension Session {
    /// Looks whether the server and the database are fit for us.
    ///
    /// A server tells what matters while a session starts (libpq docs, 34.2, PQparameterStatus) and when it changes; a pooler
    /// in between may not pass it on, so there it is asked for.
    func examine(_ target: ConnectionTarget, by deadline: Deadline) throws {
        guard let connection, !settings.acceptsAnyServer else { return }
        var encoding = reported("server_encoding", connection)
        var isReadOnly = isReportedReadOnly(connection)
        if settings.pooled {
            let (asked, isAskedReadOnly) = try ask(target, by: deadline)
            encoding = asked
            isReadOnly = isAskedReadOnly
        }
        if let encoding, encoding != "UTF8" {
            throw PostgresError.unsuitable(
                "the database \(String(cString: PQdb(connection))) has the encoding \(encoding), and Motorpool needs UTF8: "
                    + "create one with CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'")
        }
        if target.needsWrites, isReadOnly {
            let isStandby = reported("in_hot_standby", connection) == "on"
            throw PostgresError.readOnly(
                "\(target.place) \(isStandby ? "is a standby" : "is read-only (default_transaction_read_only)")"
            )
        }
    }

    /// The answer may come from another server than the next statement's; then that one's refusal ends the connection.
    private func ask(_ target: ConnectionTarget, by deadline: Deadline) throws -> (String?, Bool) {
        do {
            let row = try run(
                all: [
                    "SELECT current_setting('server_encoding'), current_setting('transaction_read_only') = 'on'"
                ], by: deadline)[0].first
            return (try row?.get(0), try row?.get(1) ?? false)
        } catch PostgresError.server(let error) {
            throw PostgresError.cannotConnect("\(target.place): \(error.message)")
        } catch PostgresError.timedOut, PostgresError.connectionLost {
            throw PostgresError.cannotConnect("\(target.place): the pooler gave no answer")
        }
    }

    /// Whether the server said that this session takes no writes, at its start or since.
    func isReportedReadOnly(_ connection: OpaquePointer) -> Bool {
        reported("in_hot_standby", connection) == "on"
            || reported("default_transaction_read_only", connection) == "on"
    }

    private func reported(_ name: String, _ connection: OpaquePointer) -> String? {
        PQparameterStatus(connection, name).map { String(cString: $0) }
    }

    /// The server behind this session takes no writes: the next session may find one that does.
    func leaveReadOnly() {
        if needsWrites { breakOff() }
    }
}
