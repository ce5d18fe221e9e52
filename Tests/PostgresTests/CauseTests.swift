import Postgres
import Testing

@Suite("The cause of an error")
struct CauseTests {
    @Test(
        "is told by SQLSTATE, in a sentence without a statement",
        arguments: [
            ("25006", PostgresError.Cause.readOnly, "takes no writes"), ("55P03", .locked, "lock"),
            ("40P01", .conflict, "waited for each other"), ("40001", .conflict, "same rows"),
            ("57014", .slow, "took too long"), ("53300", .crowded, "no more connections"),
            ("53100", .full, "disk"), ("53200", .full, "memory"), ("53400", .full, "limit"),
            ("42501", .denied, "lacks a right: m"), ("28P01", .denied, "log in"),
            ("3F000", .schema, "motorpool migrate"), ("42P01", .schema, "motorpool migrate"),
            ("42883", .schema, "motorpool migrate"), ("57P01", .away, "stopping"),
            ("57P03", .away, "starting"),
            ("08006", .away, "out of reach"), ("3D000", .unusable, "does not exist"),
            ("22001", .data, "too long"), ("22P02", .data, "not accepted: m: d"),
            ("54000", .data, "too large"),
            ("23514", .data, "not accepted"), ("58030", .fault, "files"), ("XX001", .fault, "damaged"),
            ("42601", .fault, "(42601)"),
        ])
    func table(_ sqlstate: String, _ cause: PostgresError.Cause, _ words: String) {
        var said = ServerError(sqlstate: sqlstate, severity: "ERROR", message: "m")
        said.detail = "d"
        said.statement = "SELECT secret"
        let error = PostgresError.server(said)
        #expect(error.cause == cause)
        #expect(error.explanation.contains(words), "\(error.explanation)")
        #expect(!"\(error) \(error.explanation) \(String(reflecting: error))".contains("SELECT"))
    }

    @Test("of the way to the server says whether something may have been done")
    func way() {
        let lost = PostgresError.connectionLost("x", outcomeUnknown: true)
        #expect(lost.cause == .away && lost.explanation.contains("not known"))
        let late = PostgresError.timedOut(after: .seconds(1), outcomeUnknown: false)
        #expect(late.cause == .slow && late.explanation.contains("nothing was done"))
        #expect(PostgresError.poolExhausted(waited: .seconds(1)).cause == .crowded)
    }
}
