import Glibc
internal import Platform

/// One program being run, on the thread that runs it.
final class ChildRun {
    private let child: ChildProcess
    private let limits: Child.Limits
    private let watch: Child.Watch?
    private let slotFolder: String?
    private var lines: LineSplitter
    /// Where its output comes from, -1 after its end.
    private var source: Int32
    private var outputBytes = 0
    private let start = BootClock.now
    private var lastSign = BootClock.now
    private var nextLook = BootClock.now
    private var weight: Int64 = 0
    /// How often we look at the clock, the folder and the caller's wish.
    private static let turn: Duration = .milliseconds(100)
    private static let lookInterval: Duration = .seconds(1)

    init(
        _ argv: [String], environment: [String: String], directory: String?, slot: Slot?, fence: Fence?,
        watch: Child.Watch?, limits: Child.Limits, line: @escaping (String) -> Void
    ) throws {
        let (source, sink) = try Self.makePipe()
        defer { close(sink) }
        do {
            child = try ChildProcess.startKept(
                argv, environment: environment, directory: directory, output: .descriptor(sink),
                limits: limits.process, kept: slot?.descriptor, fence: fence)
        } catch {
            close(source)
            throw error
        }
        self.source = source
        self.limits = limits
        self.watch = watch
        slotFolder = slot?.use
        lines = LineSplitter(bytesMax: limits.lineBytesMax, line: line)
    }

    deinit { shut() }

    /// Whether its keeper saw that nothing is left.
    var isClean: Bool { child.isClean }

    /// Reads its output until it ends, by itself or by a limit or because it is not wanted any more.
    func toTheEnd(isUnwanted: () -> Bool) -> Child.Ending {
        while true {
            if let status = takeTurn() { return finish(.itself, status) }
            let cause = isUnwanted() ? .itself : limitPassed()
            guard let cause else { continue }
            return finish(cause, child.terminate(grace: limits.grace))
        }
    }

    private func finish(_ cause: Child.Ending.Cause, _ status: ChildProcess.ExitStatus) -> Child.Ending {
        // Nobody writes any more, so what stands in the pipe is all.
        while outputBytes <= limits.outputBytesMax, read() {}
        lines.finish()
        shut()
        var cause = cause
        if cause == .itself {
            switch child.excess {
            case .memory: cause = .memory
            case .processes: cause = .crowd
            case nil: if outputBytes > limits.outputBytesMax { cause = .flood }
            }
        }
        return Child.Ending(cause: cause, status: status, outputBytes: outputBytes)
    }

    /// Waits for output or the end, a short while.
    private func takeTurn() -> ChildProcess.ExitStatus? {
        guard source >= 0 else { return child.wait(deadline: Self.turn) }
        var watched = pollfd(fd: source, events: Int16(POLLIN), revents: 0)
        guard poll(&watched, 1, 100) > 0 else { return child.wait(deadline: .zero) }
        // The end of the output is the end of all who could write, or a program that closed it.
        if !read() { return source < 0 ? child.wait(deadline: Self.turn) : nil }
        return nil
    }

    private func limitPassed() -> Child.Ending.Cause? {
        let now = BootClock.now
        if outputBytes > limits.outputBytesMax { return .flood }
        if now - start > limits.timeMax { return .overtime }
        if diskIsFull() { return .weight }
        if now >= nextLook {
            nextLook = now + Self.lookInterval
            if weigh() > limits.folderBytesMax || slotIsTooHeavy() { return .weight }
        }
        return now - lastSign > limits.idleMax ? .silence : nil
    }

    /// Whether less stays free on the disk than has to. What can't be asked is no reason to end anything.
    private func diskIsFull() -> Bool {
        guard limits.diskFreeMin > 0, let slotFolder, let free = try? Disk.freeBytes(at: slotFolder) else {
            return false
        }
        return free < limits.diskFreeMin
    }

    private func slotIsTooHeavy() -> Bool {
        guard let slotFolder, limits.slotBytesMax < .max || limits.slotEntriesMax < .max else { return false }
        let weight = Tree.weight(of: slotFolder, entriesMax: limits.slotEntriesMax)
        return weight.bytes > limits.slotBytesMax || weight.entries > limits.slotEntriesMax
    }

    private func weigh() -> Int64 {
        guard let watch else { return weight }
        // More names than can be counted are more than is allowed.
        guard let bytes = Tree.diskBytes(in: watch.folder) else { return .max }
        if bytes > weight { lastSign = BootClock.now }
        weight = bytes
        watch.report(bytes)
        return bytes
    }

    /// Reads what there is, at most one piece; false when there is nothing, or nothing any more.
    private func read() -> Bool {
        guard source >= 0 else { return false }
        return withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { buffer in
            let count = Glibc.read(source, buffer.baseAddress, buffer.count)
            guard count > 0 else {
                if count == 0 { shut() }
                return false
            }
            lastSign = BootClock.now
            outputBytes += count
            lines.add(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            return true
        }
    }

    private func shut() {
        if source >= 0 { close(source) }
        source = -1
    }

    private static func makePipe() throws -> (source: Int32, sink: Int32) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw ChildProcessError.cannotStart("a pipe", String(cString: strerror(errno)))
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        return (ends[0], ends[1])
    }
}
