internal import Glibc
internal import Platform
internal import World

/// Unpacks an archive in a slot, in a process of its own, and judges by what that said and what lies there.
///
/// An archive is the work of a stranger, and so may be whatever its reader does with it. So the reader is a child with
/// limits, which can write in the slot alone where the kernel knows Landlock, and it is believed as little as the
/// archive: it says one of a few things, and what it made is counted again.
struct Unpacker: Sendable {
    /// The path of an executable with the command line of `motorpool unpack`.
    let executable: String
    /// How large the contents may be.
    let bytesMax: Int64
    /// How long nothing may appear.
    let stallMax: Duration
    let means: Confinement.Means

    /// Of address space. A hundred thousand members with long names take some 300 MB.
    static let memoryBytesMax: Int64 = 512 << 20
    /// One, with the threads of Swift's pool.
    private static let processesMax: Int64 = 128
    /// bzip2, the slowest of what is read, brings three times as much.
    private static let bytesPerSecondMin: Int64 = 8 << 20

    /// Unpacks a file.
    ///
    /// - Parameters:
    ///   - folder: Must not exist; its parent does. Both lie in the slot's `install`.
    ///   - progress: told about once a second how many bytes are out, on some thread.
    /// - Returns: nil when the file is none of the formats that are read; nothing came out then.
    /// - Throws: `SteamFailure`, `CancellationError`. Nothing of the child runs any more then, either.
    func unpack(
        _ archive: String, into folder: String, in slot: Slot, progress: @escaping @Sendable (Int64) -> Void
    ) async throws -> Archive.Contents? {
        let lines = Lock<[String]>([])
        let size = try Self.size(of: archive)
        let place = Tree.realPath(slot.install)
        let watch = Child.Watch(folder: slot.use) { progress(max(0, $0 - size)) }
        let ending: Child.Ending
        do {
            ending = try await Child.run(
                executable, ["unpack", archive, folder, String(bytesMax)], environment: Self.surroundings,
                directory: slot.work, slot: slot, reach: reach, watch: watch,
                limits: limits(archiveBytes: size),
                line: { line in lines.withLock { $0.append(line) } })
        } catch let error as ChildProcessError {
            throw SteamFailure.disk("archives can't be unpacked: \(error)")
        }
        switch try report(ending, lines.withLock { $0 }) {
        case .unpacked(let contents):
            guard let place, Tree.realPath(folder)?.hasPrefix(place + "/") == true else {
                throw SteamFailure.unpacking(.untrue("the folder is not where it was to be"))
            }
            return try await judged(contents, folder)
        case .noArchive: return nil
        case .tooLarge: throw SteamFailure.unpacking(.tooLarge(bytesMax: bytesMax))
        case .refused(let words): throw SteamFailure.unpacking(.refused(words))
        case .disk(let words): throw SteamFailure.disk(words)
        }
    }

    // MARK: The child

    /// Nothing of ours. One arena: others would reserve address space that nobody uses.
    private static let surroundings = ["LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "1"]

    /// The program is ours, and its libraries are those that we have loaded.
    private var reach: Child.Reach {
        var reach = Child.Reach()
        reach.reads = loadedLibraries()
        reach.means = means
        return reach
    }

    private func limits(archiveBytes: Int64) -> Child.Limits {
        let most = mostBytes(archiveBytes)
        let seconds = 30 + most / Self.bytesPerSecondMin
        var limits = Child.Limits()
        limits.process.memoryBytes = Self.memoryBytesMax
        limits.process.cpuSeconds = seconds
        limits.process.fileBytes = most
        limits.process.descriptors = 256
        limits.process.residentBytes = Self.memoryBytesMax
        limits.process.processes = Self.processesMax
        limits.timeMax = .seconds(2 * seconds)
        limits.idleMax = stallMax * 3
        limits.grace = .zero
        limits.outputBytesMax = 2 * UnpackReport.lineBytesMax
        limits.lineBytesMax = UnpackReport.lineBytesMax + 1
        // The smallest file takes a block of its own.
        limits.folderBytesMax = archiveBytes + most + Int64(ArchiveLimits().entriesMax) * 4096
        return limits
    }

    /// What may come out of an archive of this size.
    private func mostBytes(_ archiveBytes: Int64) -> Int64 {
        let limits = ArchiveLimits()
        let (dense, isMore) = archiveBytes.multipliedReportingOverflow(by: limits.ratioMax)
        return isMore ? bytesMax : min(bytesMax, max(limits.denseBytes, dense))
    }

    private static func size(of path: String) throws -> Int64 {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw FileFault("looking at \(path)") }
        return Int64(status.st_size)
    }

    // MARK: The judgement

    private func report(_ ending: Child.Ending, _ lines: [String]) throws -> UnpackReport {
        switch ending.cause {
        case .overtime, .silence: throw SteamFailure.unpacking(.unbounded("does not come to an end"))
        case .weight: throw SteamFailure.unpacking(.unbounded("fills the disk"))
        case .flood: throw SteamFailure.unpacking(.unclear("it said too much"))
        case .memory, .crowd: throw SteamFailure.unpacking(.unbounded("takes more memory than it may"))
        case .itself: break
        }
        switch ending.status {
        case .signalled(SIGKILL), .signalled(SIGXCPU): throw SteamFailure.unpacking(.killed)
        case .signalled(let signal): throw SteamFailure.unpacking(.crashed(signal: signal))
        case .exited(let code):
            guard let report = UnpackReport(code: code, lines: lines) else {
                throw SteamFailure.unpacking(.unclear(ending.status.description))
            }
            return report
        }
    }

    /// What the child says that it made is there, and nothing else.
    private func judged(_ contents: Archive.Contents, _ folder: String) async throws -> Archive.Contents {
        let tree = try await blocking("judge") { FileTree(folder) }
        if let odd = tree.odd {
            throw SteamFailure.hostile("it is no plain file: \(odd.dropFirst(folder.count + 1))")
        }
        guard tree.files > 0, tree.files == contents.files, tree.bytes == contents.bytes else {
            throw SteamFailure.unpacking(
                .untrue(
                    "\(contents.files) files of \(contents.bytes) bytes, and there are \(tree.files) of \(tree.bytes)"
                ))
        }
        guard tree.bytes <= bytesMax else { throw SteamFailure.unpacking(.tooLarge(bytesMax: bytesMax)) }
        return contents
    }
}
