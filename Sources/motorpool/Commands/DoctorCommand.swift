internal import Farm
internal import Jobs
internal import Postgres
internal import Store

/// Examines the farm and says what is wrong with it.
enum DoctorCommand: Command {
    static let name = "doctor"
    static let summary = "Examine database, workers, queues and configuration, and say what is wrong"
    static let settings: Set<Setting.Group> = [.database, .policies, .trial, .farm]
    static let flags: [Flag] = [.json]
    static let notes = "Ends with 1 when something is ✗, with 69 when the database can't be reached."

    static func run(_ call: Invocation) async throws -> ExitCode {
        // What is wrong with a server can't be told without it.
        let call = call.changing { $0.acceptsAnyServer = true }
        let store = Store(call.settings.connection, connectionsMax: 3, claimConnectionsMax: 1)
        let findings =
            policies(call.settings) + [ConfinementCheck.finding(call.settings)]
            + (await Examination(store: store, settings: call.settings).findings())
        await store.close()
        if call.has(.json) {
            let list = findings.map(\.json)
            let isWell = !findings.contains { $0.level == .bad }
            Console.print(JSONText.object([("ok", .bool(isWell)), ("findings", .array(list))]).text)
        } else {
            for finding in findings { Console.print(finding.text) }
        }
        if findings.contains(where: { $0.topic == Examination.unreachable }) { return .unavailable }
        return findings.contains { $0.level == .bad } ? .failed : .ok
    }

    private static func policies(_ settings: Settings) -> [Finding] {
        let (definitions, faults) = settings.jobs.load(
            kinds: Workplace.kinds(settings), withTrial: settings.hasTrialKinds)
        guard faults.isEmpty else {
            let told = faults.prefix(20).map { Finding(.bad, "policies", $0.description) }
            guard faults.count > 20 else { return told }
            return told + [Finding(.bad, "policies", "and \(faults.count - 20) more faults: motorpool check")]
        }
        return [
            Finding(.fine, "policies", "\(settings.jobs.path): \(definitions.byKind.count) kinds, no faults")
        ]
    }
}
