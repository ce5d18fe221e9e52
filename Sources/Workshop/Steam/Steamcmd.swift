internal import Glibc
internal import Platform
internal import World

/// Runs steamcmd in a slot, one item a session, and judges by what it said and what lies there.
///
/// Its executable is known by its path alone; ids are numbers printed by us, so nothing from outside can become a
/// command of its own.
struct Steamcmd: Sendable {
    let executable: String
    /// What it may use besides its slot and its own folder.
    let reach: Child.Reach

    init(executable: String, settings: SteamSettings) {
        self.executable = executable
        var reach = Child.Reach()
        reach.reads = settings.steamcmdReads
        reach.ports = settings.steamcmdPorts
        reach.means = settings.means
        self.reach = reach
        diskFreeMin = settings.diskFreeMin / 2
    }

    /// A session that leaves less room on the disk is ended. What may be begun leaves twice as much.
    private let diskFreeMin: Int64
    /// steamcmd is of 32 bits, so that a process of it has no use for more.
    static let processBytesMax: Int64 = 4 << 30
    /// All its processes together.
    static let residentBytesMax: Int64 = 2 << 30
    /// Processes and threads.
    static let processesMax: Int64 = 128
    static let entriesMax = 200_000
    static let sessionMax = Duration.seconds(25 * 60)

    /// Downloads one item.
    ///
    /// - Parameters:
    ///   - stallMax: how long it may bring neither a byte nor a word.
    ///   - progress: told about once a second how many bytes have come, on some thread.
    /// - Throws: `SteamcmdFailure`, `SteamFailure`, `CancellationError`. Nothing of the session runs any more then, either.
    func download(
        _ item: SteamItem, in slot: Slot, stallMax: Duration, progress: @escaping @Sendable (Int64) -> Void
    ) async throws -> ItemFiles {
        let report = Lock(SteamcmdReport())
        let ending: Child.Ending
        do {
            ending = try await session(item, slot, stallMax, progress) { line in
                report.withLock { $0.read(line.utf8) }
            }
        } catch let error as ChildProcessError {
            throw SteamFailure.disk("steamcmd can't be run: \(error)")
        }
        switch report.withLock({ $0 }).outcome(of: item.id) {
        case .failure(let failure): throw failure
        case .success(let download): return try await judged(download, item, slot)
        case nil:
            switch ending.cause {
            case .silence, .overtime: throw SteamcmdFailure.timeout
            case .flood: throw SteamcmdFailure.silent("wrote too much")
            case .weight: throw SteamFailure.hostile("far more came than Steam announced")
            case .memory: throw SteamFailure.hostile("steamcmd took more memory than it may")
            case .crowd: throw SteamFailure.hostile("steamcmd started more processes than it may")
            case .itself: throw SteamcmdFailure.silent(ending.status.description)
            }
        }
    }

    private func session(
        _ item: SteamItem, _ slot: Slot, _ stallMax: Duration,
        _ progress: @escaping @Sendable (Int64) -> Void,
        _ line: @escaping @Sendable (String) -> Void
    ) async throws -> Child.Ending {
        var limits = Child.Limits()
        limits.timeMax = Self.sessionMax
        limits.idleMax = stallMax
        // What is staged stands beside what is finished for a moment, and steamcmd itself is some hundred megabytes.
        limits.slotBytesMax = 2 * item.size + (1 << 30)
        limits.slotEntriesMax = Self.entriesMax
        limits.diskFreeMin = diskFreeMin
        limits.process.fileBytes = limits.slotBytesMax
        limits.process.memoryBytes = Self.processBytesMax
        limits.process.residentBytes = Self.residentBytesMax
        limits.process.processes = Self.processesMax
        return try await Child.run(
            executable,
            [
                "+force_install_dir", slot.install, "+login", "anonymous", "+workshop_download_item",
                String(item.game),
                String(item.id), "+quit",
            ],
            environment: ["PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"], directory: slot.work,
            slot: slot, reach: reach,
            watch: Child.Watch(folder: slot.install, report: progress), limits: limits, line: line)
    }

    // MARK: The judgement

    /// Success is the right line, a folder of ours with files, an entry in steamcmd's own book, and the announced size.
    private func judged(
        _ download: SteamcmdReport.Download, _ item: SteamItem, _ slot: Slot
    ) async throws -> ItemFiles {
        let book = slot.install + "/steamapps/workshop/appworkshop_\(item.game).acf"
        let install = slot.install
        return try await blocking("judge") {
            guard let real = Tree.realPath(download.path), let own = Tree.realPath(install),
                real.hasPrefix(own + "/")
            else { throw SteamcmdFailure.elsewhere(download.path) }
            let tree = FileTree(real)
            if let odd = tree.odd {
                throw SteamFailure.hostile("it is no plain file: \(odd.dropFirst(real.count + 1))")
            }
            guard tree.files > 0 else { throw SteamcmdFailure.noFiles }
            guard let bytes = Self.read(book), let manifest = try? WorkshopManifest.parse(bytes),
                manifest.items[item.id] != nil
            else { throw SteamcmdFailure.notNoted }
            guard tree.bytes == item.size else {
                throw SteamcmdFailure.wrongSize(expected: item.size, found: tree.bytes)
            }
            return ItemFiles(folder: real, bytes: tree.bytes)
        }
    }

    private static func read(_ path: String) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= KeyValues.bytesMax {
            let count = Glibc.read(file, &chunk, chunk.count)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return bytes
    }
}
