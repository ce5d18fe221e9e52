internal import CPlatform
import Glibc

extension ChildProcess {
    /// What a kept child may use up; nil leaves what we have ourselves.
    package struct Limits: Sendable, Equatable {
        /// Seconds of processor time for each process.
        package var cpuSeconds: Int64?
        /// Bytes of each file that it writes.
        package var fileBytes: Int64?
        /// Open descriptors of each process.
        package var descriptors: Int64? = 1024
        /// Bytes of address space of each process.
        package var memoryBytes: Int64?
        /// Processes that run at once. With rooms of its own the kernel keeps to it and counts threads as well; elsewhere
        /// the child is ended within about 250 ms.
        package var processes: Int64?
        /// Bytes of memory that all its processes hold together; what they share counts for each. Looked at every 250 ms,
        /// so that a fast one gets beyond it for a moment: bound `memoryBytes` and `processes` as well.
        package var residentBytes: Int64?

        package init() {}
    }

    /// Starts a program under a keeper: a process of ours that is given whatever the program's children leave behind.
    ///
    /// When the child is reaped, nothing of it runs any more, whatever it did about groups and sessions; `isClean` says
    /// whether the keeper lived to see it. When we die, the keeper ends the child. The program cannot gain rights
    /// (`no_new_privs`), leaves no core, and has a session of its own. What `pid` names is the keeper.
    ///
    /// - Parameters:
    ///   - argv: The program with a slash in its path, and its arguments.
    ///   - output: Not `.captured`.
    ///   - kept: A descriptor that the keeper holds until all has ended; the child gets it as its number 3 unless it has
    ///     rooms of its own.
    ///   - fence: What it may use; all that we may when nil.
    /// - Throws: `ChildProcessError.cannotStart`, also when there is no such program or folder inside the fence.
    package static func startKept(
        _ argv: [String], environment: [String: String], directory: String? = nil,
        output: OutputTarget = .discarded, limits: Limits = Limits(), kept: Int32? = nil,
        fence: Fence? = nil
    ) throws -> ChildProcess {
        precondition(argv.first?.contains("/") == true, "a kept program is named by its path")
        let sink = try Sink(output)
        defer { sink.closeOurCopy() }
        var what = platform_kept()
        what.output = sink.write
        what.kept = kept ?? -1
        what.cpu_seconds = limits.cpuSeconds ?? -1
        what.file_bytes = limits.fileBytes ?? -1
        what.descriptors = limits.descriptors ?? -1
        what.memory_bytes = limits.memoryBytes ?? -1
        what.processes = limits.processes ?? -1
        what.resident_bytes = limits.residentBytes ?? -1
        var pid: Int32 = 0
        var lifeline: Int32 = -1
        func keep(_ fence: UnsafePointer<platform_fence>?) -> Int32 {
            withCStrings(argv) { arguments in
                withCStrings(environment.map { "\($0.key)=\($0.value)" }) { variables in
                    withCStrings(directory.map { [$0] } ?? []) { paths in
                        what.program = UnsafePointer(arguments[0])
                        what.arguments = UnsafePointer(arguments)
                        what.environment = UnsafePointer(variables)
                        what.directory = directory == nil ? nil : UnsafePointer(paths[0])
                        what.fence = fence
                        return platform_keep(&what, &pid, &lifeline)
                    }
                }
            }
        }
        let code = retryingWhileBusy { fence.map { $0.withFence { keep($0) } } ?? keep(nil) }
        guard code == 0 else {
            sink.closeSource()
            throw ChildProcessError.cannotStart(argv[0], String(cString: strerror(code)))
        }
        return ChildProcess(pid: pid, name: argv[0], output: sink, lifeline: lifeline)
    }

    /// What `ps` calls a keeper.
    package static let keeperName = PLATFORM_KEEPER_NAME
}

/// A program that was just written is busy while a process forked meanwhile still holds the descriptor that wrote it;
/// that is over at once.
private func retryingWhileBusy(_ start: () -> Int32) -> Int32 {
    for _ in 0..<50 {
        let code = start()
        guard code == ETXTBSY else { return code }
        usleep(20_000)
    }
    return start()
}

/// Our end of what ties a keeper to us.
struct Lifeline {
    /// -1 when there is none, or no more.
    private(set) var descriptor: Int32

    var exists: Bool { descriptor >= 0 }

    /// Hands on a signal.
    func send(_ signal: Int32, toLeaderAlone: Bool) {
        var word = UInt8(truncatingIfNeeded: signal & 0x7f) | (toLeaderAlone ? 0x80 : 0)
        _ = Glibc.send(descriptor, &word, 1, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    }

    /// Closes our end.
    ///
    /// - Returns: What the keeper had said.
    mutating func close() -> KeeperWord {
        guard exists else { return KeeperWord() }
        var words = [UInt8](repeating: 0, count: 8)
        let count = recv(descriptor, &words, words.count, Int32(MSG_DONTWAIT))
        _ = Glibc.close(descriptor)
        descriptor = -1
        let said = words[..<max(0, count)]
        return KeeperWord(
            isClean: said.last == UInt8(PLATFORM_KEEPER_DONE),
            excess: said.contains(UInt8(PLATFORM_KEEPER_CROWD))
                ? .processes : said.contains(UInt8(PLATFORM_KEEPER_MEMORY)) ? .memory : nil)
    }
}

/// The last that a keeper said.
struct KeeperWord {
    /// Whether nothing of the child is left.
    var isClean = false
    /// Why it ended the child itself.
    var excess: ChildProcess.Excess?
}

extension ChildProcess {
    /// Of what a kept child had too much, all its processes together.
    package enum Excess: Sendable {
        case processes, memory
    }
}
