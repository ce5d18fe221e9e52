import Glibc

/// The server process of a data directory, found through what it leaves there and what the system knows of it.
struct ServerProcess {
    let pid: Int32

    /// The server that runs on this data directory.
    ///
    /// A pid file alone proves nothing: after a crash its number may be somebody else's. The server works in its data
    /// directory, so that is what is asked.
    static func running(on data: String) -> ServerProcess? {
        guard let pid = recorded(on: data), works(pid, in: data) else { return nil }
        return ServerProcess(pid: pid)
    }

    /// The number in the pid file, whoever has it now.
    static func recorded(on data: String) -> Int32? {
        guard let first = SmallFile.read(data + "/postmaster.pid")?.split(separator: "\n").first else {
            return nil
        }
        return Int32(first.filter { $0 != " " })
    }

    /// Removes a pid file whose number went to an unrelated process, for which the server would refuse to start.
    ///
    /// Not while any process works in the directory: orphans of a killed server may still write to its memory, and the
    /// pid file is what makes a new server check for them. A number that nobody has is the server's own business.
    static func removeStalePidFile(on data: String) {
        guard let pid = recorded(on: data), Glibc.kill(pid, 0) == 0, !works(pid, in: data) else { return }
        let numbers = SmallFile.names(in: "/proc").compactMap { Int32($0) }
        guard !numbers.contains(where: { works($0, in: data) }) else { return }
        unlink(data + "/postmaster.pid")
    }

    private static func works(_ pid: Int32, in data: String) -> Bool {
        guard let directory = SmallFile.target(of: "/proc/\(pid)/cwd"), let real = realpath(data, nil) else {
            return false
        }
        defer { free(real) }
        return directory == String(cString: real)
    }
}
