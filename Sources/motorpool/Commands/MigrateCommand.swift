internal import Jobs
internal import Postgres

/// Brings the database up to date.
enum MigrateCommand: Command {
    static let name = "migrate"
    static let summary = "Bring the database's tables up to date"
    static let settings: Set<Setting.Group> = [.database, .trial]
    static let dryRun = Flag("--dry-run", "Only say what would be applied")
    static let flags = [dryRun, Flag.json]

    static func run(_ call: Invocation) async throws -> ExitCode {
        var applied: [(schema: String, number: Int)] = []
        for (name, migrator) in Workplace.migrators(call.settings) {
            let numbers =
                call.has(dryRun)
                ? try await missing(migrator, call.settings.connection)
                : try await migrator.migrate(call.settings.connection)
            applied += numbers.map { (name, $0) }
        }
        tell(applied, call)
        return .ok
    }

    private static func missing(_ migrator: Migrator, _ connection: ConnectionSettings) async throws -> [Int]
    {
        switch try await migrator.check(connection) {
        case .current, .newer: return []
        case .behind(let numbers): return numbers
        case .drifted(let differences): throw MigrationDrift(differences: differences)
        }
    }

    private static func tell(_ applied: [(schema: String, number: Int)], _ call: Invocation) {
        let isDry = call.has(dryRun)
        if call.has(.json) {
            let list = applied.map {
                JSONText.object([("schema", .string($0.schema)), ("number", JSONText($0.number))])
            }
            Console.print(JSONText.object([(isDry ? "missing" : "applied", .array(list))]).text)
        } else if applied.isEmpty {
            Console.print("nothing to do")
        } else {
            for (schema, number) in applied {
                Console.print(isDry ? "\(schema) \(number) is missing" : "\(schema) \(number) applied")
            }
        }
    }
}
