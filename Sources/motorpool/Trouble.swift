internal import Farm
internal import HTTPServer
internal import Jobs
internal import Postgres
internal import Store

/// An error as an operator reads it: sentences and an exit code. Holds no password, as no error of ours does.
struct Trouble {
    let lines: [String]
    let code: ExitCode

    /// - Parameter settings: `nil` before they could be read.
    init(_ error: any Error, _ settings: Settings?) {
        switch error {
        case let error as UsageError: self.init(error.description, .usage)
        case let error as Refusal: self.init(error.description, error.code)
        case let error as ConfigurationFaults:
            self.init(lines: error.faults.map(\.description), code: .configuration)
        case StoreError.locked(let row): self.init(row.sentence, .temporary)
        case let error as StoreError: self.init(error.description, .failed)
        case let error as MigrationDrift:
            self.init(lines: error.differences, code: .configuration)
        case let error as PrivateServerError: self.init(error)
        case let error as WornOut: self.init(error.description, .wornOut)
        case let error as BindFailure: self.init(error.description, .unavailable)
        case let error as PostgresError: self.init(error, settings)
        default: self.init("\(error)", .failed)
        }
    }

    private init(lines: [String], code: ExitCode) {
        self.lines = lines
        self.code = code
    }

    private init(_ line: String, _ code: ExitCode) { self.init(lines: [line], code: code) }

    private init(_ error: PrivateServerError) {
        switch error {
        case .taken, .failed: self.init(error.description, .unavailable)
        default: self.init(error.description, .configuration)
        }
    }

    private init(_ error: PostgresError, _ settings: Settings?) {
        switch error {
        case .cannotConnect where settings?.database == nil:
            let state = settings?.state ?? ""
            self.init(
                "no DATABASE_URL and no farm running in \(state): start one with ./run, or set DATABASE_URL",
                .unavailable)
        case .cannotConnect(let reason) where reason.contains("unsupported startup parameter"):
            self.init("pgbouncer in transaction mode answers there: set MOTORPOOL_POOLED=1", .configuration)
        case .unsuitable: self.init(error.explanation, .configuration)
        case .badAddress(let reason):
            self.init("DATABASE_URL, the address of the database, can't be read: \(reason)", .unavailable)
        default: self.init(error.explanation, Trouble.code(for: error.cause))
        }
    }

    private static func code(for cause: PostgresError.Cause) -> ExitCode {
        switch cause {
        case .away, .readOnly, .slow, .crowded, .full: .unavailable
        case .locked, .conflict: .temporary
        case .schema: .configuration
        case .denied, .data, .unusable, .fault: .failed
        }
    }
}
