internal import Farm
internal import Jobs
internal import Postgres
internal import Store
internal import Trial
internal import Workshop

/// What commands share: the farm, the policies, the schema.
enum Workplace {
    /// Lends the farm for as long as `body` takes, by its database or over HTTP; what it rang is heard before this
    /// returns.
    static func withDoor<T: Sendable>(
        _ call: Invocation, _ body: (any Door) async throws -> T
    ) async throws -> T {
        let door: any Door
        if let address = try call.settings.remote.address() {
            door = RemoteDoor(address, token: try call.settings.remote.token())
        } else {
            door = StoreDoor(call.settings.connection)
        }
        let result: Result<T, any Error>
        do { result = .success(try await body(door)) } catch { result = .failure(error) }
        await door.close()
        return try result.get()
    }

    static var kinds: [AnyKind] { TrialKinds.all }

    /// The schemas, each with its name.
    static let migrators: [(name: String, migrator: Migrator)] = [
        ("motorpool", Schema.migrator), ("trial", TrialSchema.migrator),
        ("workshop", WorkshopSchema.migrator),
    ]

    /// - Throws: `ConfigurationFaults` with every fault of the policies and the schedule.
    static func policies(_ settings: Settings) throws -> Policies {
        let (policies, faults) = Policies.load(settings, kinds: kinds.map(\.name))
        guard faults.isEmpty else { throw ConfigurationFaults(faults: faults) }
        return policies
    }
}
