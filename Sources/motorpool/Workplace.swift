internal import Farm
internal import Jobs
internal import Postgres
internal import Store
internal import Trial
internal import Workshop

/// What commands share: the queue, the policies, the schema.
enum Workplace {
    /// Lends a store for as long as `body` takes; what it rang is heard before this returns.
    static func withStore<T: Sendable>(_ call: Invocation, _ body: (Store) async throws -> T) async throws
        -> T
    {
        let store = Store(call.settings.connection, connectionsMax: 2, claimConnectionsMax: 1)
        do {
            let value = try await body(store)
            await store.bell.settled()
            await store.close()
            return value
        } catch {
            await store.bell.settled()
            await store.close()
            throw error
        }
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
