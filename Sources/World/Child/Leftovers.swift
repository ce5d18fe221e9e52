import Glibc
internal import Platform

/// Processes of a program whose keeper is gone.
///
/// They are known by the word in their environment, and by holding a slot's lock that somebody took who is gone. A
/// farm that is alive holds the locks that it took itself.
package struct Leftovers {
    /// Something outlived SIGKILL, or is not ours to end.
    package struct Remain: Error, CustomStringConvertible {
        package let pids: [Int32]
        package var description: String { "processes \(pids) of a program are left" }
    }

    private let mark: ChildMark?
    private let lock: FileIdentity?

    init(of mark: ChildMark?, lock: FileIdentity?) {
        self.mark = mark
        self.lock = lock
    }

    /// Kills them until there are none; what they start meanwhile is of them, too.
    ///
    /// - Throws: `Remain`.
    func end(within limit: Duration) throws {
        let deadline = BootClock.now + limit
        while true {
            let remaining = endOnce()
            if remaining.isEmpty { return }
            guard BootClock.now < deadline else { throw Remain(pids: remaining) }
            usleep(10_000)
        }
    }

    /// Kills those that are there now, and returns their numbers.
    func endOnce() -> [Int32] {
        let ours = getpid()
        return RunningProcess.all.filter { $0.pid != ours && isOne($0) }.map { process in
            process.kill { isOne(process) }
            return process.pid
        }
    }

    private func isOne(_ process: RunningProcess) -> Bool {
        guard process.startTicks != nil else { return false }
        if let mark, process.carries(mark) { return true }
        guard let lock, let locker = process.locker(of: lock), locker != process.pid else { return false }
        // A copy of ourselves is about to be the keeper of another program, and drops what it holds.
        if locker == getpid() { return process.program != RunningProcess(pid: locker).program }
        return locker == 0 || RunningProcess(pid: locker).startTicks == nil
    }
}
