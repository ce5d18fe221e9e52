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

    /// The names of all kinds that this program holds.
    static func allKinds(_ settings: Settings) -> [String] {
        (settings.hasTrialKinds ? TrialKinds.names : []) + WorkshopKinds.names
    }

    /// The names of those that are known here.
    static func kinds(_ settings: Settings) -> [String] {
        allKinds(settings).filter { settings.kinds?.contains($0) ?? true }
    }

    /// All schemas, each with its name. The trial kinds have theirs only where they are known.
    static func migrators(_ settings: Settings) -> [(name: String, migrator: Migrator)] {
        [("motorpool", Schema.migrator)] + (settings.hasTrialKinds ? [("trial", TrialSchema.migrator)] : [])
            + [("workshop", WorkshopSchema.migrator)]
    }

    /// The schemas that the kinds known here stand on.
    static func neededMigrators(_ settings: Settings) -> [(name: String, migrator: Migrator)] {
        let kinds = kinds(settings)
        return migrators(settings).filter {
            $0.name != "workshop" || WorkshopKinds.names.contains(where: kinds.contains)
        }
    }

    /// A fault for each kind that `--kinds` names and this program does not know.
    static func unknownKinds(_ settings: Settings) -> [Fault] {
        let known = allKinds(settings)
        return (settings.kinds ?? []).subtracting(known).sorted().map { kind in
            let cure =
                TrialKinds.names.contains(kind)
                ? "start with --trial to know it" : "the kinds are \(known.sorted().joined(separator: ", "))"
            return Fault(file: "MOTORPOOL_KINDS", message: "no kind is called “\(kind)”; \(cure)")
        }
    }

    /// - Throws: `ConfigurationFaults` with every fault of the policies and the schedule.
    static func policies(_ settings: Settings) throws -> Policies {
        let (policies, faults) = Policies.load(settings, kinds: kinds(settings))
        guard faults.isEmpty else { throw ConfigurationFaults(faults: faults) }
        return policies
    }
}
