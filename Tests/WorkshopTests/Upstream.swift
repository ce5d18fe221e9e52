import Farm
import Glibc
import HTTPServer
import Jobs
import Platform
import Postgres
import Sandbox
import Store
import TestSupport
import Workshop

/// A farm with the kinds of Open Workshop, a catalogue of its own and a sandbox in the place of Steam.
struct Upstream: Sendable {
    let shop: Shop
    let sandbox: Sandbox
    let folder: String
    let settings: SteamSettings

    /// Asks for a mod as the routes do.
    func ask(_ kind: String, _ id: Int64) async throws -> JobID {
        try await shop.store.enqueue(
            NewJob(kind, args: JSON(text: "{\"id\":\(id)}"), subject: String(id))
        ).job
    }

    /// How a job ended, with its last error.
    func ending(of job: JobID, within limit: Duration = .seconds(60)) async throws -> (
        state: ToldState, error: String
    ) {
        var told: ToldState = .waiting
        var error = ""
        try await eventually("job \(job) ends", within: limit) {
            guard let report = try await shop.store.job(job) else { return false }
            told = report.state
            error = try report.errors?.parts().list.last?["error"]?.word ?? ""
            return ![.waiting, .running].contains(told)
        }
        return (told, error)
    }

    func count(_ what: String, _ id: Int64) -> Int {
        guard let parts = try? sandbox.counts.parts(), let number = parts[what]?["each"]?[String(id)]?.word
        else {
            return 0
        }
        return Int(number) ?? 0
    }

    /// The names in a folder, sorted.
    func names(_ path: String) -> [String] {
        (FolderListing.names(in: folder + path) ?? []).sorted()
    }

    /// A slot is given back a moment after its job has ended well.
    func slotsAreEmpty() async throws {
        try await eventually("the slots are empty") {
            names("/slots").allSatisfy { names("/slots/\($0)") == ["lock"] }
        }
    }

    /// Processes whose command line or environment names our folder.
    func residents() -> [String] {
        let mark = folder + "/"
        return allProcesses().filter { $0.words.contains(mark) }.map(\.words)
    }

    private func allProcesses() -> [(pid: pid_t, words: String)] {
        var found: [(pid_t, String)] = []
        for name in FolderListing.names(in: "/proc") ?? [] {
            guard let pid = pid_t(name), pid != getpid() else { continue }
            for file in ["cmdline", "environ"] {
                let descriptor = open("/proc/\(name)/\(file)", O_RDONLY | O_CLOEXEC)
                guard descriptor >= 0 else { continue }
                var bytes = [UInt8](repeating: 0, count: 8192)
                let count = read(descriptor, &bytes, bytes.count)
                close(descriptor)
                if count > 0 { found.append((pid, String(decoding: bytes[..<count], as: UTF8.self))) }
            }
        }
        return found
    }
}

/// One at a time: each has a farm, a sandbox and children.
let upstreams = Turnstile(2)

/// Lends a farm at work; everything ends with `body`.
/// - Parameters:
///   - change: of the settings, which lead to the sandbox.
///   - define: changes the definition of each kind.
func withUpstream(
    change: @escaping @Sendable (inout SteamSettings) -> Void = { _ in },
    define: @escaping @Sendable (inout Definition) -> Void = { _ in },
    _ body: @escaping @Sendable (Upstream) async throws -> Void
) async throws {
    try await upstreams.pass {
        try await withShop { shop in
            let folder = shop.settings.folder
            let sandbox = try Sandbox(folder: folder + ".sandbox", program: try TestServer.binary())
            var settings = SteamSettings(folder: folder)
            // The stand-in of steamcmd is the program.
            settings.steamcmdReads = [try TestServer.binary()] + loadedLibraries()
            let base = sandbox.address.description
            (settings.api, settings.store, settings.community) = (base, base, base)
            (settings.steamcmd, settings.isSandbox) = (sandbox.steamcmd, true)
            settings.unpacker = try TestServer.binary()
            settings.patience = .seconds(6)
            settings.stallMax = .seconds(3)
            settings.diskFreeMin = 0
            change(&settings)
            // Before the first job: where it stands in line is said by its kind's definition.
            let farmSettings = farmSettings(define)
            try await shop.store.publish(farmSettings.definitions)
            let kinds = WorkshopKinds(shop.store.database, settings)
            let farm = Farm(store: shop.store, settings: farmSettings, kinds: kinds.all) { _ in }
            let work = Task { try await farm.run() }
            let result: Result<Void, any Error>
            do {
                result = .success(
                    try await body(Upstream(shop: shop, sandbox: sandbox, folder: folder, settings: settings))
                )
            } catch { result = .failure(error) }
            farm.stop()
            _ = try await work.value
            await kinds.close()
            await sandbox.close()
            try result.get()
        }
    }
}

/// Patience as in `jobs/`, budgets for a sandbox.
private func farmSettings(_ define: (inout Definition) -> Void) -> FarmSettings {
    let hosts = [
        "api.steampowered.com", "store.steampowered.com", "steamcommunity.com", "steamcmd",
        "steamusercontent.com",
    ]
    let definitions = WorkshopKinds.names.map { name in
        var definition = Definition(kind: name)
        definition.queue = name
        definition.lanes = 4
        definition.timeLimit = .seconds(120)
        definition.patience = Patience(
            attemptsMax: 2, budget: .seconds(20), backoffFirst: .milliseconds(100), backoffMax: .seconds(1))
        for host in hosts { definition.hosts[host] = Rate(count: 100, per: .seconds(1), burst: 100) }
        define(&definition)
        return definition
    }
    var settings = FarmSettings(name: "test", definitions: Definitions(definitions))
    settings.lease = .seconds(5)
    settings.grace = .seconds(5)
    return settings
}
