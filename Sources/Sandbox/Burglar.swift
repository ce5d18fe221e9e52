internal import Glibc
internal import World

/// What code in the place of steamcmd may try against the farm that started it, told where everything is.
///
/// Each try is harmless should it succeed, and says what came of it. The farm is as well kept as its slots when every one
/// of them fails.
struct Burglar {
    /// What an insider would tell: `state` a folder, `pid` a process, `front` and `port` TCP ports, `abstract` and `socket`
    /// the names of unix sockets, `secret` a file, `slot` another slot, `mark` what to call a process that survives.
    let inside: [String: String]
    /// The slot's folder for what is temporary.
    let temporary: String

    init(_ lines: some Sequence<String>, home: String) {
        temporary = home + "/../tmp"
        var inside: [String: String] = [:]
        for line in lines where line.hasPrefix("inside ") {
            let parts = line.dropFirst(7).split(separator: "=", maxSplits: 1)
            if parts.count == 2 { inside[String(parts[0])] = String(parts[1]) }
        }
        self.inside = inside
    }

    /// One try.
    struct Try {
        let name: String
        /// `nil`: it succeeded.
        let failure: String?

        var line: String { "\(failure == nil ? "DONE" : "failed")\t\(name)\t\(failure ?? "")" }
    }

    func tries() -> [Try] {
        files + database + sockets + processes + kernel
    }

    // MARK: Files

    private var state: String { inside["state"] ?? "/nowhere" }

    private var files: [Try] {
        let slot = inside["slot"] ?? "/nowhere"
        var found = [
            // Not the state folder itself: where it leads to the slot it may be there, with nothing else in it.
            code(
                "list the database's files",
                descriptor: open(state + "/data", O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
            code("make a file in the state folder", made(state + "/burglar")),
            code(
                "list the mods",
                descriptor: open(state + "/workshop/mods", O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
            code("make a file among the mods", made(state + "/workshop/mods/burglar")),
            code("change the mode of the state folder", changedMode(state)),
            code(
                "change the times of the mods' folder", utimensat(AT_FDCWD, state + "/workshop/mods", nil, 0)),
            code("read another slot", read(slot + "/use/work/secret")),
            code("make a file in another slot", made(slot + "/use/work/burglar")),
            code("read a file of the account elsewhere", read(inside["secret"] ?? "/nowhere")),
            code("make a file in /dev/shm of all", madeInSharedMemory),
        ]
        for name in [
            "passwords", "tokens", "data/PG_VERSION", "data/pg_hba.conf", "log/start.log", "farm.lock",
        ] {
            found.append(code("read \(name) in the state folder", read(state + "/" + name)))
        }
        return found
    }

    /// The mode that it has.
    private func changedMode(_ path: String) -> Int32 {
        var status = stat()
        let mode = stat(path, &status) == 0 ? status.st_mode & 0o7777 : 0o700
        return chmod(path, mode)
    }

    /// Whether a file there is one that others see; ours alone is no harm.
    private var madeInSharedMemory: Int32 {
        guard access("/dev/shm/" + (inside["mark"] ?? ""), F_OK) == 0 else {
            errno = ENOENT
            return -1
        }
        return made("/dev/shm/burglar")
    }

    // MARK: The database

    private var database: [Try] {
        ["motorpool", "motorpool_owner", "motorpool_worker", "postgres"].flatMap { role in
            [
                logIn(
                    "log in to the database as \(role), by its socket", role,
                    unixSocket(named: state + "/socket/.s.PGSQL.5432")),
                logIn("log in to the database as \(role), by TCP", role, tcp(5432)),
            ]
        }
    }

    /// Speaks as far as to the server's word on who we are.
    private func logIn(_ name: String, _ role: String, _ socket: Int32) -> Try {
        guard socket >= 0 else { return code(name, socket) }
        defer { close(socket) }
        let words = Array("user\0\(role)\0database\0motorpool\0\0".utf8)
        let length = UInt32(words.count + 8)
        let head: [UInt8] = [
            UInt8(length >> 24), UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), 0,
            3, 0, 0,
        ]
        let bytes = head + words
        guard send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            return code(name, -1)
        }
        var answer = [UInt8](repeating: 0, count: 9)
        guard recv(socket, &answer, answer.count, Int32(MSG_WAITALL)) == answer.count else {
            return Try(name: name, failure: "no answer")
        }
        // AuthenticationOk is R with a 0.
        let isIn = answer[0] == UInt8(ascii: "R") && answer[5...8].allSatisfy { $0 == 0 }
        let wish = answer[0] == UInt8(ascii: "R") ? "a password is wanted" : "refused"
        return Try(name: name, failure: isIn ? nil : wish)
    }

    // MARK: Sockets

    private var sockets: [Try] {
        var found = [
            code(
                "connect to an abstract socket",
                descriptor: unixSocket(named: "\0" + (inside["abstract"] ?? ""))),
            code("connect to a named socket", descriptor: unixSocket(named: inside["socket"] ?? "/nowhere")),
        ]
        for name in ["front", "port"] {
            guard let port = inside[name].flatMap(UInt16.init) else { continue }
            found.append(
                code(
                    "connect to the TCP port of \(name == "front" ? "the front" : "another program")",
                    descriptor: tcp(port)))
        }
        return found
    }

    private func unixSocket(named name: String) -> Int32 {
        let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return socket }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(name.utf8.prefix(107))
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + (name.hasPrefix("\0") ? 0 : 1))
        return connected(socket, &address, length)
    }

    private func tcp(_ port: UInt16) -> Int32 {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return socket }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return connected(socket, &address, socklen_t(MemoryLayout<sockaddr_in>.size))
    }

    private func connected<Address>(_ socket: Int32, _ address: inout Address, _ length: socklen_t) -> Int32 {
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket, $0, length) }
        }
        guard result != 0 else { return socket }
        let code = errno
        close(socket)
        errno = code
        return -1
    }

    // MARK: Processes

    private var processes: [Try] {
        let pid = inside["pid"].flatMap(Int32.init) ?? 0x3fff_ffff
        var text = [CChar](repeating: 0, count: 100)
        return [
            code("send the farm a signal", kill(pid, 0)),
            code("let the farm go on", kill(pid, SIGCONT)),
            code("send everybody a signal", everybody),
            code("read the environment of the farm", read("/proc/\(pid)/environ")),
            code("read the memory map of the farm", read("/proc/\(pid)/maps")),
            code(
                "look into the descriptors of the farm",
                Int32(clamping: readlink("/proc/\(pid)/fd/0", &text, text.count))),
            // The kernel asks for the right to ptrace.
            code("open the memory of the farm", descriptor: open("/proc/\(pid)/mem", O_RDWR | O_CLOEXEC)),
        ]
    }

    /// Whether one of a few thousand processes that are none of ours can be sent a signal.
    private var everybody: Int32 {
        for pid in Int32(2)...40_000 where pid != getpid() && getpgid(pid) != getpgrp() && kill(pid, 0) == 0 {
            return 0
        }
        errno = ESRCH
        return -1
    }

    // MARK: The kernel

    private var kernel: [Try] {
        [
            call("make memory that nobody counts", "python3 -c 'import os; os.memfd_create(\"x\")'"),
            call("make rooms of its own", "unshare --user true"),
            call("mount something", "unshare --user --map-root-user --mount mount -t tmpfs none \"$TMPDIR\""),
        ]
    }

    // MARK: Words

    private func call(_ name: String, _ script: String) -> Try {
        let status = shell(script + " 2>/dev/null")
        return Try(name: name, failure: status == 0 ? nil : "status \(status >> 8)")
    }

    private func code(_ name: String, descriptor: Int32) -> Try {
        let it = code(name, descriptor)
        if descriptor >= 0 { close(descriptor) }
        return it
    }

    private func code(_ name: String, _ result: Int32) -> Try {
        Try(name: name, failure: result >= 0 ? nil : String(cString: strerror(errno)))
    }

    private func read(_ path: String) -> Int32 {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return -1 }
        defer { close(file) }
        var byte: UInt8 = 0
        return Int32(clamping: Glibc.read(file, &byte, 1))
    }

    private func made(_ path: String) -> Int32 {
        let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { return -1 }
        close(file)
        return unlink(path)
    }
}

// MARK: - What ends a session

extension Burglar {
    /// Ends those above it, after starting a process that is known by nothing.
    ///
    /// - Returns: only when they can't be ended.
    func outlive() -> [Try] {
        let mark = inside["mark"] ?? "3599"
        shell(
            "(exec 3>&- 0</dev/null 1>/dev/null 2>/dev/null; setsid /bin/sh -c 'setsid /bin/sleep \(mark) & exit') & sleep 0.2"
        )
        let parent = getppid()
        let result = kill(parent, SIGKILL)
        usleep(200_000)
        return [
            // The first process of rooms is sent nothing by those inside, whatever the answer.
            result == 0 && getppid() == parent && kill(parent, 0) == 0
                ? Try(name: "end the keeper", failure: "it lives on") : code("end the keeper", result)
        ]
    }

    /// Takes 4 GB of memory in four processes.
    func takeMemory() {
        shell(
            "for i in 1 2 3 4; do (head -c 1000000000 /dev/zero | tail -c 1000000000 | sleep 60) & done; wait"
        )
    }

    /// Fills the slot's other folders, and hides what it can.
    func fillDisk() {
        shell(
            """
            cd "$TMPDIR" && mkdir -p hidden && cd hidden && for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
            head -c 256000000 /dev/zero > $i; chmod 0 . ; sleep 0.3; chmod 700 .; done; chmod 0 .; sleep 5
            """)
    }

    /// Starts a thousand processes.
    func crowd() {
        shell("i=0; while [ $i -lt 1000 ]; do sleep 30 & i=$((i + 1)); done; sleep 3")
    }

    /// - Returns: the status, as `waitpid` tells it.
    @discardableResult
    private func shell(_ script: String) -> Int32 {
        var arguments = [strdup("/bin/sh"), strdup("-c"), strdup(script), nil]
        defer { for each in arguments { free(each) } }
        var environment = [strdup("PATH=/usr/bin:/bin")]
        environment.append(strdup("TMPDIR=" + temporary))
        environment.append(nil)
        defer { for each in environment { free(each) } }
        var pid = pid_t()
        guard posix_spawn(&pid, "/bin/sh", nil, nil, &arguments, &environment) == 0 else { return -1 }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        return status
    }
}
