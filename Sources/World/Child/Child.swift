package import Platform

/// Runs programs of strangers so that nothing of them is left.
package enum Child {
    /// What a program may use up.
    package struct Limits: Sendable, Equatable {
        /// For each of its processes.
        package var process = ChildProcess.Limits()
        /// From start to end.
        package var timeMax: Duration = .seconds(600)
        /// Without a byte of output, and without growth of the watched folder.
        package var idleMax: Duration = .seconds(120)
        /// From SIGTERM to SIGKILL.
        package var grace: Duration = .seconds(3)
        /// Of all output; one byte more ends the program.
        package var outputBytesMax = 16 << 20
        /// Of one line; the rest of a longer one is dropped.
        package var lineBytesMax = 16 << 10
        /// On the disk, below the watched folder; looked at once a second.
        package var folderBytesMax: Int64 = .max
        /// On the disk, in all folders of the slot together; looked at once a second.
        package var slotBytesMax: Int64 = .max
        /// Files and folders in the slot.
        package var slotEntriesMax = Int.max
        /// What stays free on the slot's disk; looked at ten times a second.
        package var diskFreeMin: Int64 = 0

        package init() {}
    }

    /// What a program in a slot may use outside the slot's `use` folder and the system's own files.
    package struct Reach: Sendable {
        /// Folders that it may change, its own for one that updates itself.
        package var changes: [String] = []
        /// Files and folders to be read. The folder that the program lies in is one of them, unless the slot lies below it.
        package var reads: [String] = []
        /// TCP ports to connect to, on any host.
        package var ports: [UInt16] = []
        /// How it is kept to that.
        package var means = Confinement.Kernel.shared.means

        package init() {}
    }

    /// A folder that is weighed while the program runs.
    package struct Watch: Sendable {
        package let folder: String
        /// Told on a thread of its own, about once a second, how many bytes stand there.
        package let report: @Sendable (Int64) -> Void

        package init(folder: String, report: @escaping @Sendable (Int64) -> Void = { _ in }) {
            self.folder = folder
            self.report = report
        }
    }

    /// How it ended.
    package struct Ending: Sendable, Equatable {
        package enum Cause: Sendable, Equatable {
            /// By itself.
            case itself
            /// It ran longer than allowed.
            case overtime
            /// It gave no sign of life for longer than allowed.
            case silence
            /// It wrote more output than allowed.
            case flood
            /// It put more on the disk than allowed.
            case weight
            /// Its processes held more memory than allowed.
            case memory
            /// It had more processes than allowed.
            case crowd
        }

        package let cause: Cause
        package let status: ChildProcess.ExitStatus
        package let outputBytes: Int

        package init(cause: Cause, status: ChildProcess.ExitStatus, outputBytes: Int) {
            self.cause = cause
            self.status = status
            self.outputBytes = outputBytes
        }
    }

    /// Runs a program to its end.
    ///
    /// It sees the environment it is given, /dev/null as its input, signals as they are by default, and none of our
    /// descriptors; no shell reads its arguments. When this returns or throws, no process that it began runs any more,
    /// whatever it did about groups and sessions. Should we die meanwhile, the same happens at once.
    ///
    /// - Parameters:
    ///   - executable: With a slash in it.
    ///   - slot: Its environment is added, its lock is held until all has ended, and the program is kept inside its `use`
    ///     folder, as far as the kernel knows how (`Confinement.Kernel.gaps`).
    ///   - reach: What it may use besides. Without a slot it may use all that we may.
    ///   - line: Told on a thread of its own of every line of output and errors together, without its end; what is no
    ///     UTF-8 is repaired. A carriage return ends a line, too. While it works, nothing more is read.
    /// - Throws: `ChildProcessError.cannotStart`; `CancellationError` when the task was cancelled, after the program's
    ///   end; `Leftovers.Remain`, should something have outlived SIGKILL.
    package static func run(
        _ executable: String, _ arguments: [String] = [], environment: [String: String],
        directory: String? = nil, slot: Slot? = nil, reach: Reach = Reach(),
        watch: Watch? = nil, limits: Limits = Limits(),
        line: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> Ending {
        try await stoppable("child") { stop in
            let mark = slot?.mark ?? ChildMark.fresh()
            var surroundings = environment
            if let slot { surroundings.merge(slot.environment) { _, ours in ours } }
            surroundings[ChildMark.name] = mark.token
            let run = try ChildRun(
                [executable] + arguments, environment: surroundings, directory: directory, slot: slot,
                fence: slot.map { fence($0, executable, reach) }, watch: watch, limits: limits, line: line)
            let ending = run.toTheEnd { stop.isAsked }
            // Only somebody who killed the keeper gets here.
            if !run.isClean { try Leftovers(of: mark, lock: slot?.lock).end(within: .seconds(10)) }
            try stop.check()
            return ending
        }
    }

    private static func fence(_ slot: Slot, _ executable: String, _ reach: Reach) -> Fence {
        var reads = reach.reads
        for path in [executable, Tree.realPath(executable)].compactMap({ $0 }) {
            reads.append(path)
            guard let folder = path.lastIndex(of: "/").map({ String(path[..<$0]) }), !folder.isEmpty else {
                continue
            }
            // A folder that holds slots may hold more that is none of the program's business.
            if !slot.path.hasPrefix(folder + "/") { reads.append(folder) }
        }
        return Fence(
            reads: reads, changes: [slot.use] + reach.changes, ports: reach.ports, means: reach.means)
    }
}
