import Glibc
import Jobs
import Platform
import Postgres
import Store
import Workshop
import World

/// A stage for farms that fetch mods and serve them, with a sandbox that stands in for Steam.
///
/// The definitions are the repository's, but for the budgets of hosts: those are made for Steam, and here they would only
/// cost time.
final class ModStage: Sendable {
    let stage: Stage
    let sandbox: SandboxProcess
    private let caller: Caller

    static func open(_ name: String, on server: TortureServer, in scratch: Scratch) async throws -> ModStage {
        let stage = try await Stage.open(
            name, on: server, in: scratch, migrators: [Schema.migrator, WorkshopSchema.migrator],
            kinds: WorkshopKinds.names,
            policies: Dictionary(
                uniqueKeysWithValues: try WorkshopKinds.names.map {
                    ($0, hurried(try Environment.policy(of: $0)))
                }))
        let caller = Caller()
        do {
            return ModStage(
                stage,
                try await SandboxProcess.start(stage.binary, in: "\(stage.folder)/sandbox", asked: caller),
                caller)
        } catch {
            await caller.close()
            await stage.close()
            throw error
        }
    }

    private init(_ stage: Stage, _ sandbox: SandboxProcess, _ caller: Caller) {
        self.stage = stage
        self.sandbox = sandbox
        self.caller = caller
    }

    /// A policy with room for a hundred requests a second wherever it names a host.
    private static func hurried(_ policy: String) -> String {
        policy.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let words = line.split(whereSeparator: { " =\t".contains($0) })
            guard words.first == "host", words.count > 1 else { return String(line) }
            return "host = \(words[1]) 100/s burst 100"
        }.joined(separator: "\n")
    }

    func close() async {
        await stage.close()
        sandbox.end()
        await caller.close()
    }

    // MARK: Farms

    /// Workers and a front in one process, on a port of its own and the folder of mods that all of them share.
    func startFarm(_ name: String, lease: Duration, killPoint: String? = nil) throws -> WorkerProcess {
        var settings = stage.workerSettings()
        settings.command = ["up"]
        settings.lease = lease
        settings.variables = [
            "MOTORPOOL_SANDBOX": sandbox.address, "MOTORPOOL_STEAMCMD": sandbox.steamcmd,
            "MOTORPOOL_STATE": state, "MOTORPOOL_PORT": "0",
            // A handful of clients stands for many here.
            "MOTORPOOL_READ_RATE": "10000/s burst 10000", "MOTORPOOL_WRITE_RATE": "10000/s burst 10000",
        ]
        return try stage.start(name, settings, killPoint: killPoint)
    }

    /// Returns a client of the farm's front when that listens.
    func client(of farm: WorkerProcess) async throws -> ModClient {
        var front: String?
        try await eventually("the front of \(farm.name) listens", within: .seconds(30)) {
            front = farm.told("address", at: "listening").first
            if front == nil, let ended = farm.ended {
                throw TortureError("\(farm.name) \(ended): \(farm.lines.suffix(5).joined(separator: "\n"))")
            }
            return front != nil
        }
        return ModClient(caller: caller, front: front ?? "")
    }

    /// Ends a farm in good order.
    func end(_ farm: WorkerProcess) async throws {
        farm.signal(SIGTERM)
        let ended = try await farm.waitForEnd(within: .seconds(30))
        guard ended == .exited(0) else {
            throw TortureError("\(farm.name) \(ended.map { "\($0)" } ?? "does not end")")
        }
    }

    // MARK: What is there

    /// A new folder that belongs to nobody.
    func makeFolder(_ name: String) throws -> String {
        let folder = "\(stage.folder)/\(name)"
        guard mkdir(folder, 0o700) == 0 else {
            throw TortureError("\(folder) can't be made: \(String(cString: strerror(errno)))")
        }
        return folder
    }

    var state: String { "\(stage.folder)/state" }
    private var slots: String { "\(state)/workshop/slots" }
    private var mods: String { "\(state)/workshop/mods" }

    /// The files that rows name, with their sizes.
    func filesNamed() async throws -> [String: Int64] {
        let rows = try await stage.store.database.run(
            "SELECT id || '-' || encode(substring(zip_sha256 FOR 8), 'hex') || '.zip', zip_bytes FROM workshop.mods"
        )
        return try rows.reduce(into: [:]) { $0[try $1.get(0)] = try $1.get(1, as: Int64.self) }
    }

    /// The files that are there, with their sizes.
    func filesThere() -> [String: Int64] {
        (FolderListing.names(in: mods) ?? []).reduce(into: [:]) { files, name in
            var status = stat()
            if lstat("\(mods)/\(name)", &status) == 0 { files[name] = Int64(status.st_size) }
        }
    }

    /// What stands in slots besides their locks.
    func slotsFilled() -> [String] {
        (FolderListing.names(in: slots) ?? []).flatMap { slot in
            (FolderListing.names(in: "\(slots)/\(slot)") ?? []).filter { $0 != "lock" }.map {
                "\(slot)/\($0)"
            }
        }
    }

    /// Every process that began here, by its command line, but for the sandbox and those.
    func strays(besides farms: [WorkerProcess]) -> [String] {
        let known = Set(farms.map(\.pid) + [sandbox.pid, getpid()])
        return (FolderListing.names(in: "/proc") ?? []).compactMap { name in
            guard let pid = Int32(name), !known.contains(pid) else { return nil }
            let words = TextFile.read("/proc/\(pid)/cmdline")
            guard (words + TextFile.read("/proc/\(pid)/environ")).contains("\(stage.folder)/") else {
                return nil
            }
            return "\(pid) \(words.split(separator: "\0").joined(separator: " "))"
        }
    }
}

extension Theatre {
    /// A stage for mods for as long as `body` takes.
    func withModStage<T: Sendable>(_ name: String, _ body: (ModStage) async throws -> T) async throws -> T {
        let stage = try await ModStage.open(name, on: server, in: scratch)
        let result: Result<T, any Error>
        do { result = .success(try await body(stage)) } catch { result = .failure(error) }
        await stage.close()
        return try result.get()
    }
}
