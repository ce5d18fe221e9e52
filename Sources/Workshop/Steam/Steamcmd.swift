internal import Glibc
internal import Platform
internal import World

/// Runs steamcmd in a slot, one item a session, and judges by what it said and what lies there.
///
/// Its executable is known by its path alone; ids are numbers printed by us, so nothing from outside can become a
/// command of its own.
struct Steamcmd: Sendable {
    let executable: String

    static let outputBytesMax = 16 << 20

    /// How a session went on its way.
    struct Watch: Sendable {
        /// Told now and then how many bytes have come.
        let progress: @Sendable (Int64) async -> Void
        /// How long it may bring nothing, by how long it has been going on.
        let stallMax: @Sendable () -> Duration
    }

    /// Downloads one item.
    /// - Returns: the folder with its files.
    /// - Throws: `SteamcmdFailure`, `SteamFailure.hostile`, `ChildProcessError`, `CancellationError`. Nothing of the
    ///   session runs any more then, either.
    func download(_ item: SteamItem, in slot: SteamSlot, _ watch: Watch) async throws -> String {
        let (report, end) = try await session(item, slot, watch)
        switch report.outcome(of: item.id) {
        case .failure(let failure): throw failure
        case .success(let download): return try await judged(download, item, slot)
        case nil:
            if case .stalled = end { throw SteamcmdFailure.timeout }
            throw SteamcmdFailure.silent(end.words)
        }
    }

    // MARK: The session

    private enum End: Sendable {
        case ended(ChildProcess.ExitStatus)
        case stalled
        case flooded

        var words: String {
            switch self {
            case .ended(let status): status.description
            case .stalled: "brought nothing for too long"
            case .flooded: "wrote more than \(outputBytesMax) bytes"
            }
        }
    }

    private func session(
        _ item: SteamItem, _ slot: SteamSlot, _ watch: Watch
    ) async throws -> (SteamcmdReport, End) {
        try Task.checkCancellation()
        let child = try ChildProcess.start(
            [
                executable, "+force_install_dir", slot.install, "+login", "anonymous", "+workshop_download_item",
                String(item.game), String(item.id), "+quit",
            ],
            environment: ["HOME": slot.home, "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"],
            directory: slot.folder, output: .captured(bytesMax: Self.outputBytesMax))
        let end: End
        do {
            end = try await withThrowingTaskGroup(of: End.self) { group in
                group.addTask { try await Self.ending(of: child) }
                group.addTask { try await Self.watching(slot, child, watch) }
                guard let first = try await group.next() else { throw CancellationError() }
                group.cancelAll()
                return first
            }
        } catch {
            try await leave(child, slot)
            throw error
        }
        try await leave(child, slot)
        try Task.checkCancellation()
        var report = SteamcmdReport()
        for line in child.output.split(separator: 0x0a) { report.read(line.prefix(65_536)) }
        return (report, end)
    }

    /// Whoever is still there goes, whichever way he left the family.
    private func leave(_ child: ChildProcess, _ slot: SteamSlot) async throws {
        try await blocking("steamcmd end") {
            child.kill()
            try slot.endResidents()
        }
    }

    private static func ending(of child: ChildProcess) async throws -> End {
        try await withTaskCancellationHandler {
            try await blocking("steamcmd") {
                while true {
                    if let status = child.wait(deadline: .seconds(3600)) { return .ended(status) }
                }
            }
        } onCancel: {
            child.signalGroup(SIGKILL)
        }
    }

    /// Looks twice a second how far it is.
    private static func watching(_ slot: SteamSlot, _ child: ChildProcess, _ watch: Watch) async throws -> End {
        var last: Int64 = -1
        var moved = BootClock.now
        while true {
            try await Task.sleep(for: .milliseconds(500))
            let install = slot.install
            let bytes = try await blocking("measure") { FileTree(install + "/steamapps").bytes }
            if bytes != last {
                (last, moved) = (bytes, BootClock.now)
                await watch.progress(bytes)
            }
            if child.isOutputCut { return .flooded }
            if BootClock.now - moved > watch.stallMax() { return .stalled }
        }
    }

    // MARK: The judgement

    /// Success is the right line, a folder of ours with files, an entry in steamcmd's own book, and the announced size.
    private func judged(
        _ download: SteamcmdReport.Download, _ item: SteamItem, _ slot: SteamSlot
    ) async throws -> String {
        let book = slot.install + "/steamapps/workshop/appworkshop_\(item.game).acf"
        return try await blocking("judge") {
            guard let real = Self.realPath(download.path), let own = Self.realPath(slot.install),
                real.hasPrefix(own + "/")
            else { throw SteamcmdFailure.elsewhere(download.path) }
            let tree = FileTree(real)
            if let odd = tree.odd { throw SteamFailure.hostile("it is no plain file: \(odd.dropFirst(real.count + 1))") }
            guard tree.files > 0 else { throw SteamcmdFailure.noFiles }
            guard let bytes = Self.read(book), let manifest = try? WorkshopManifest.parse(bytes),
                manifest.items[item.id] != nil
            else { throw SteamcmdFailure.notNoted }
            guard tree.bytes == item.size else {
                throw SteamcmdFailure.wrongSize(expected: item.size, found: tree.bytes)
            }
            return real
        }
    }

    private static func realPath(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    private static func read(_ path: String) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
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
