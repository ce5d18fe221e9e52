internal import CPostgres

/// What the server said when it refused a statement.
package struct ServerError: Error, Sendable, Equatable {
    package var sqlstate: String
    /// `ERROR`, `FATAL` or `PANIC`, never translated.
    package var severity: String
    package var message: String
    package var detail: String?
    package var hint: String?
    package var constraint: String?
    package var table: String?
    /// Where in the statement, counted in characters from 1.
    package var position: Int?
    /// The text of the statement, without its parameters: they may be secrets.
    package var statement: String?
    /// Which of the statements sent together it was, counted from 0.
    package var statementIndex: Int?
    /// The C function of the server that complained; the only way to tell a stale plan from other refusals.
    var routine: String?

    package init(sqlstate: String, severity: String, message: String) {
        self.sqlstate = sqlstate
        self.severity = severity
        self.message = message
    }
}

extension ServerError: CustomStringConvertible, CustomDebugStringConvertible {
    /// Fit for strangers.
    package var description: String { "the database refused the statement (\(sqlstate))" }

    /// Every field for an operator, but for the statement: its text says nothing to one.
    package var debugDescription: String {
        var parts = ["\(severity) \(sqlstate): \(message)"]
        if let detail { parts.append("detail: \(detail)") }
        if let hint { parts.append("hint: \(hint)") }
        if let table { parts.append("table: \(table)") }
        if let constraint { parts.append("constraint: \(constraint)") }
        if let position { parts.append("position: \(position)") }
        return parts.joined(separator: "; ")
    }
}

extension ServerError {
    /// Reads the fields of a failed result; the result stays the caller's.
    init(result: OpaquePointer, statement: String?) {
        func field(_ code: Int32) -> String? {
            PQresultErrorField(result, code).map { String(cString: $0) }
        }
        sqlstate = field(DiagnosticField.sqlstate) ?? "XX000"
        severity = field(DiagnosticField.severity) ?? "ERROR"
        message = field(DiagnosticField.message) ?? String(cString: PQresultErrorMessage(result))
        detail = field(DiagnosticField.detail)
        hint = field(DiagnosticField.hint)
        constraint = field(DiagnosticField.constraint)
        table = field(DiagnosticField.table)
        position = field(DiagnosticField.position).flatMap { Int($0) }
        routine = field(DiagnosticField.routine)
        self.statement = statement
    }

    /// The prepared form of the statement no longer fits the server: the schema changed below it, or somebody
    /// deallocated it.
    ///
    /// Nothing was done; preparing anew cures it.
    var isStalePlan: Bool {
        (sqlstate == "0A000" && routine == "RevalidateCachedQuery") || sqlstate == "26000"
            || sqlstate == "42P05"
    }
}

/// The codes of `PQresultErrorField`; C macros of character constants do not reach Swift.
private enum DiagnosticField {
    static let severity = Int32(UInt8(ascii: "V"))
    static let sqlstate = Int32(UInt8(ascii: "C"))
    static let message = Int32(UInt8(ascii: "M"))
    static let detail = Int32(UInt8(ascii: "D"))
    static let hint = Int32(UInt8(ascii: "H"))
    static let position = Int32(UInt8(ascii: "P"))
    static let table = Int32(UInt8(ascii: "t"))
    static let constraint = Int32(UInt8(ascii: "n"))
    static let routine = Int32(UInt8(ascii: "R"))
}
