internal import CPlatform
import Glibc

/// The two ends of a child's output while it is being started.
struct Sink {
    /// What the child writes to.
    let write: Int32
    /// What we read from, -1 when nothing is captured.
    let source: Int32
    let bytesMax: Int
    private let isOurs: Bool

    init(_ target: ChildProcess.OutputTarget) throws {
        switch target {
        case .descriptor(let descriptor):
            (write, source, bytesMax, isOurs) = (descriptor, -1, 0, false)
        case .discarded:
            (write, source, bytesMax, isOurs) = (try Self.open("/dev/null"), -1, 0, true)
        case .file(let path):
            (write, source, bytesMax, isOurs) = (try Self.open(path), -1, 0, true)
        case .captured(let bytesMax):
            var ends: [Int32] = [-1, -1]
            guard platform_pipe(&ends) == 0 else {
                throw ChildProcessError.cannotStart("a pipe", String(cString: strerror(errno)))
            }
            _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
            (write, source, self.bytesMax, isOurs) = (ends[1], ends[0], bytesMax, true)
        }
    }

    private static func open(_ path: String) throws -> Int32 {
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw ChildProcessError.cannotStart("output to \(path)", String(cString: strerror(errno)))
        }
        return descriptor
    }

    /// The child has its own; ours would keep the pipe from ending.
    func closeOurCopy() {
        if isOurs { close(write) }
    }

    func closeSource() {
        if source >= 0 { close(source) }
    }
}

/// A descriptor that becomes readable when the process ends, -1 when the system has none.
func openProcess(_ pid: pid_t) -> Int32 { platform_pidfd(pid) }

/// Starts a program in a group of its own with default signals and three descriptors.
func spawn(
    _ argv: [String], environment: [String: String], directory: String?, output: Int32
) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    platform_spawn_closefrom(&actions, 3)
    if let directory { platform_spawn_chdir(&actions, directory) }

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    makePlain(&attributes)

    var pid: pid_t = 0
    let code = withCStrings(argv) { arguments in
        withCStrings(environment.map { "\($0.key)=\($0.value)" }) { variables in
            posix_spawnp(&pid, arguments[0]!, &actions, &attributes, arguments, variables)
        }
    }
    guard code == 0 else { throw ChildProcessError.cannotStart(argv[0], String(cString: strerror(code))) }
    return pid
}

/// A group of its own, no signal blocked, none ignored: we block and ignore some, and a child inherits both.
private func makePlain(_ attributes: inout posix_spawnattr_t) {
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    let flags = Int32(POSIX_SPAWN_SETPGROUP) | Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)
    posix_spawnattr_setflags(&attributes, Int16(flags))
}

/// Lends a NULL-terminated array of C strings.
func withCStrings<R>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R
) -> R {
    var pointers = strings.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
}
