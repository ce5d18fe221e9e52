internal import Jobs
internal import Postgres

/// Brings the database up to date, and publishes kinds that it does not know.
enum MigrateCommand: Command {
    static let name = "migrate"
    static let summary = "Bring the database's tables up to date"
    static let settings: Set<Setting.Group> = [.database, .policies, .trial]
    static let notes = """
        Publishes the kinds of this program that the database does not know yet, so that producers
        may enqueue before any farm has run. Policies that are there stay as they are.
        """
    static let dryRun = Flag("--dry-run", "Only say what would be applied")
    static let flags = [dryRun, Flag.json]

    static func run(_ call: Invocation) async throws -> ExitCode {
        var applied: [(schema: String, number: Int)] = []
        for (name, migrator) in Workplace.migrators(call.settings) {
            let numbers =
                call.has(dryRun)
                ? try await missing(migrator, call.settings.connection)
                : try await migrator.migrate(call.settings.ownerConnection)
            applied += numbers.map { (name, $0) }
        }
        let kinds = call.has(dryRun) ? [] : try await publish(call.settings)
        tell(applied, kinds, call)
        return .ok
    }

    /// What can't be published is told and undoes nothing: a farm publishes its kinds when it starts.
    private static func publish(_ settings: Settings) async throws -> [String] {
        let (kinds, faults) = try await KindPublisher(settings: settings).publish()
        for fault in faults.prefix(20) { Console.complain("no kinds published: \(fault.description)") }
        if faults.count > 20 { Console.complain("and \(faults.count - 20) more faults: motorpool check") }
        return kinds
    }

    private static func missing(_ migrator: Migrator, _ connection: ConnectionSettings) async throws -> [Int]
    {
        switch try await migrator.check(connection) {
        case .current, .newer: return []
        case .behind(let numbers): return numbers
        case .drifted(let differences): throw MigrationDrift(differences: differences)
        }
    }

    private static func tell(
        _ applied: [(schema: String, number: Int)], _ kinds: [String], _ call: Invocation
    ) {
        let isDry = call.has(dryRun)
        if call.has(.json) {
            let list = applied.map {
                JSONText.object([("schema", .string($0.schema)), ("number", JSONText($0.number))])
            }
            var members: [(String, JSONText)] = [(isDry ? "missing" : "applied", .array(list))]
            if !isDry { members.append(("published", .array(kinds.map { .string($0) }))) }
            Console.print(JSONText.object(members).text)
        } else if applied.isEmpty, kinds.isEmpty {
            Console.print("nothing to do")
        } else {
            for (schema, number) in applied {
                Console.print(isDry ? "\(schema) \(number) is missing" : "\(schema) \(number) applied")
            }
            if !kinds.isEmpty { Console.print("kinds published: \(kinds.joined(separator: ", "))") }
        }
    }
}
