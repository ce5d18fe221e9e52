/// Where the database is and how to treat it.
package struct ConnectionSettings: Sendable {
    /// A URI (`postgres://…`) or libpq keyword text (`host=… dbname=…`).
    ///
    /// Several hosts may be named; they are tried in order. Only a server that takes writes will do, unless the text says
    /// otherwise (`target_session_attrs`).
    package var url: String
    /// Whether the way leads through a pooler in transaction mode: then no prepared statements, no session settings and
    /// no LISTEN; timeouts travel with each transaction.
    package var pooled: Bool
    /// Shown in `pg_stat_activity`.
    package var applicationName: String
    /// The server ends a statement that runs longer (57014).
    package var statementTimeout: Duration
    /// The server ends a statement that waits longer for a lock (55P03).
    package var lockTimeout: Duration
    /// For each host, from the first packet to a ready session.
    package var connectTimeout: Duration
    /// A call whose answers have more bytes ends its connection; `nil`: answers of any size are taken. For statements
    /// whose answers are bounded in other ways as well: whether such a call took effect is not known.
    package var answerBytesMax: Int?
    /// Statements run after each connect when not pooled, such as `SET enable_seqscan = off`.
    package var sessionSetup: [String]
    /// Whether any server will do: also a single host that takes no writes, and a database that is not UTF8. For a look
    /// at what is wrong with it.
    package var acceptsAnyServer = false

    /// How each server is protected that is not on this machine: the place, and libpq's `sslmode` where it is known.
    /// Empty: every server is on this machine.
    /// - Throws: `PostgresError.badAddress`.
    package func placesElsewhere() throws -> [(place: String, sslmode: String?)] {
        try ConnectionTarget.all(in: self).filter { !$0.isThisMachine }.map { target in
            (target.place, target.parameters.first { $0.keyword == "sslmode" }?.value)
        }
    }

    package init(
        url: String, pooled: Bool = false, applicationName: String = "motorpool",
        statementTimeout: Duration = .seconds(15), lockTimeout: Duration = .seconds(2),
        connectTimeout: Duration = .seconds(5), answerBytesMax: Int? = nil, sessionSetup: [String] = []
    ) {
        self.url = url
        self.pooled = pooled
        self.applicationName = applicationName
        self.statementTimeout = statementTimeout
        self.lockTimeout = lockTimeout
        self.connectTimeout = connectTimeout
        self.answerBytesMax = answerBytesMax
        self.sessionSetup = sessionSetup
    }
}
