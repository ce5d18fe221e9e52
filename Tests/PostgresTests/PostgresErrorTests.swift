import Postgres
import Testing

@Suite("An error")
struct PostgresErrorTests {
    private func server(_ sqlstate: String) -> PostgresError {
        .server(ServerError(sqlstate: sqlstate, severity: "ERROR", message: "m"))
    }

    @Test(
        "of the moment is transient",
        arguments: [
            "57P01", "57P02", "57P03", "08000", "08006", "40001", "40P01", "53300", "53100", "55P03", "25006",
        ])
    func transient(_ sqlstate: String) {
        #expect(server(sqlstate).isTransient && !server(sqlstate).isData)
    }

    @Test("of the data is no transient one", arguments: ["22P02", "22012", "23514", "54000", "54001"])
    func data(_ sqlstate: String) {
        #expect(server(sqlstate).isData && !server(sqlstate).isTransient)
    }

    @Test("of neither kind is neither", arguments: ["23505", "57014", "42601", "25P02"])
    func neither(_ sqlstate: String) {
        #expect(!server(sqlstate).isData && !server(sqlstate).isTransient)
    }

    @Test("of the way to the server is transient, whether or not the outcome is known")
    func way() {
        let errors: [(PostgresError, Bool)] = [
            (.connectionLost("x", outcomeUnknown: true), true),
            (.connectionLost("x", outcomeUnknown: false), false),
            (.timedOut(after: .seconds(1), outcomeUnknown: true), true), (.cannotConnect("x"), false),
            (.poolExhausted(waited: .seconds(1)), false),
        ]
        for (error, isUnknown) in errors {
            #expect(error.isTransient && error.isOutcomeUnknown == isUnknown && error.sqlstate == nil)
        }
        #expect(!PostgresError.closed.isTransient && !PostgresError.badParameter("x").isTransient)
    }
}
