import Glibc
internal import Platform

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

    /// Removes what a dead server left, when its number went to an unrelated process or stayed with a zombie.
    ///
    /// The server would refuse to start for either, and a farm that is the first process of a container collects no
    /// zombies. Not while any process works in the directory: orphans of a killed server may still write to its memory,
    /// and the pid file is what makes a new server check for them. A number that nobody has is the server's own business.
    static func removeStaleFiles(on data: String, socket: String) {
        let numbers = (FolderListing.names(in: "/proc") ?? []).compactMap { Int32($0) }
        guard !numbers.contains(where: { works($0, in: data) }) else { return }
        if let pid = recorded(on: data), Glibc.kill(pid, 0) == 0 { unlink(data + "/postmaster.pid") }
        for name in FolderListing.names(in: socket) ?? [] { unlink(socket + "/" + name) }
    }

    private static func works(_ pid: Int32, in data: String) -> Bool {
        guard let directory = SmallFile.target(of: "/proc/\(pid)/cwd"), let real = realpath(data, nil) else {
            return false
        }
        defer { free(real) }
        return directory == String(cString: real)
    }
}
