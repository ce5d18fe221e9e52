internal import Glibc
internal import Platform
internal import World

/// A folder of its own for one download, fresh each time.
///
/// It is held by a lock that ends with our process. Who takes it after a crash first ends what the crashed farm's child
/// left running in it: such a process is known by its home or its working folder.
final class SteamSlot: Sendable {
    static let slotsMax = 64

    let folder: String
    private let lock: Lock<Int32?>

    /// What steamcmd takes for its home.
    var home: String { folder + "/home" }
    /// Where steamcmd installs, and where files by plain HTTP go.
    var install: String { folder + "/install" }
    /// The ZIP while it is being made.
    var part: String { folder + "/pack.zip" }

    private init(_ folder: String, _ lock: Int32) {
        self.folder = folder
        self.lock = Lock(lock)
    }

    deinit { unlock() }

    /// Takes the first free one below `slots`, empties it and makes its folders.
    /// - Throws: `FileFault`; `SteamFailure.disk` when all are taken, or one can't be emptied.
    static func take(in slots: String) async throws -> SteamSlot {
        try await blocking("slot") {
            for number in 1...slotsMax {
                guard let slot = try claim(slots + "/\(number)") else { continue }
                try slot.clear()
                for path in [slot.folder, slot.home, slot.install] {
                    guard mkdir(path, 0o700) == 0 else { throw FileFault("making the folder \(path)") }
                }
                return slot
            }
            throw SteamFailure.disk("all \(slotsMax) slots are taken")
        }
    }

    /// Empties the slots that nobody holds.
    /// - Returns: how many had something in them.
    static func tidy(_ slots: String) async throws -> Int {
        try await blocking("slot") {
            var count = 0
            for number in 1...slotsMax where access(slots + "/\(number)", F_OK) == 0 {
                guard let slot = try claim(slots + "/\(number)") else { continue }
                try slot.clear()
                slot.unlock()
                count += 1
            }
            return count
        }
    }

    /// Ends whatever is still running in it, empties it and lets it go. Twice is once.
    func release() async {
        try? await blocking("slot") {
            guard self.lock.withLock({ $0 }) != nil else { return }
            // What can't be removed now is removed by who takes it next.
            try? self.clear()
            self.unlock()
        }
    }

    /// Empties the folder for another try.
    func startAnew() async throws {
        try await blocking("slot") {
            try self.endResidents()
            for path in [self.home, self.install] {
                try Tree.remove(path)
                guard mkdir(path, 0o700) == 0 else { throw FileFault("making the folder \(path)") }
            }
        }
    }

    // MARK: Holding

    private static func claim(_ folder: String) throws -> SteamSlot? {
        let file = open(folder + ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw FileFault("opening \(folder).lock") }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            close(file)
            return nil
        }
        return SteamSlot(folder, file)
    }

    private func unlock() {
        lock.withLock { file in
            if let held = file { close(held) }
            file = nil
        }
    }

    private func clear() throws {
        try endResidents()
        try Tree.remove(folder)
    }

    // MARK: Residents

    /// Ends every process that lives here. Blocks for some milliseconds, or up to five seconds with one that won't go.
    func endResidents() throws {
        let end = BootClock.now + .seconds(5)
        while true {
            let pids = residents()
            if pids.isEmpty { return }
            guard BootClock.now < end else {
                throw SteamFailure.disk("process \(pids[0]) does not leave the slot \(folder)")
            }
            for pid in pids { kill(pid, SIGKILL) }
            usleep(10_000)
        }
    }

    /// The processes of our account, zombies aside, whose home or working folder is here.
    private func residents() -> [pid_t] {
        guard let stream = opendir("/proc") else { return [] }
        defer { closedir(stream) }
        let mark = Array(("HOME=" + home).utf8)
        var pids: [pid_t] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let pid = pid_t(name), pid != getpid(), lives(name, mark) else { continue }
            pids.append(pid)
        }
        return pids
    }

    private func lives(_ name: String, _ mark: [UInt8]) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let length = readlink("/proc/\(name)/cwd", &bytes, bytes.count)
        if length > 0 {
            let place = String(decoding: bytes[..<length], as: UTF8.self)
            if place == folder || place.hasPrefix(folder + "/") { return true }
        }
        let file = open("/proc/\(name)/environ", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        var environment = [UInt8](repeating: 0, count: 65_536)
        let count = read(file, &environment, environment.count)
        guard count > 0 else { return false }
        return environment[..<count].split(separator: 0).contains { $0.elementsEqual(mark) }
    }
}
