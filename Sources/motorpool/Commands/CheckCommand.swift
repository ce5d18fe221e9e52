internal import Farm
internal import Jobs
internal import Postgres

/// Reads the policies and lists every fault.
enum CheckCommand: Command {
    static let name = "check"
    static let summary =
        "List every fault of the configuration, and of the schema if the database can be reached"
    static let settings: Set<Setting.Group> = [.database, .policies, .trial, .farm]
    static let flags: [Flag] = [.json]

    static func run(_ call: Invocation) async throws -> ExitCode {
        let (policies, found) = Policies.load(call.settings, kinds: Workplace.kinds(call.settings))
        let (drift, remarks) = await look(call.settings)
        let faults = found + drift
        if call.has(.json) {
            Console.print(json(faults, remarks, policies).text)
        } else {
            for fault in faults { Console.print(fault.description) }
            for remark in remarks { Console.complain(remark) }
            if faults.isEmpty {
                let count = policies.definitions.byKind.count
                Console.print("\(count) kinds, \(policies.schedule.count) lines of the schedule, no faults")
            }
        }
        return faults.isEmpty ? .ok : .failed
    }

    /// What is wrong with the schema, and what kept us from looking.
    private static func look(_ settings: Settings) async -> (faults: [Fault], remarks: [String]) {
        var faults: [Fault] = []
        for (name, migrator) in Workplace.migrators(settings) {
            do {
                switch try await migrator.check(settings.connection) {
                case .current, .newer: continue
                case .behind(let numbers):
                    let list = numbers.map(String.init).joined(separator: ", ")
                    faults.append(
                        Fault(file: "schema \(name)", message: "\(list) not applied: run motorpool migrate"))
                case .drifted(let differences):
                    faults += differences.map { Fault(file: "schema \(name)", message: $0) }
                }
            } catch {
                return (faults, ["the schema was not looked at: \(error)"])
            }
        }
        return (faults, [])
    }

    private static func json(_ faults: [Fault], _ remarks: [String], _ policies: Policies) -> JSONText {
        let list = faults.map { fault in
            JSONText.object([
                ("file", .string(fault.file)), ("line", fault.line > 0 ? JSONText(fault.line) : .null),
                ("message", .string(fault.message)),
            ])
        }
        return .object([
            ("kinds", .array(policies.definitions.kinds.map { .string($0) })),
            ("schedule", .array(policies.schedule.map { .string($0.name) })), ("faults", .array(list)),
            ("remarks", .array(remarks.map { .string($0) })),
        ])
    }
}
