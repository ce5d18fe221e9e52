import Glibc

/// A program that runs beside us, in a process group of its own.
///
/// It sees exactly the environment it is given, /dev/null as its input, no descriptor of ours but the output,
/// and signals as they are by default. Whatever its own children leave behind ends with it: when the leader has
/// ended, the rest of the group is killed. A child that nobody holds any more is killed too.
///
/// `start`, `wait` and `terminate` block; call them on a thread of your own. `run` is the `async` face.
package final class ChildProcess: Sendable {
    /// Where standard output and standard error go, together.
    package enum OutputTarget: Sendable {
        case discarded
        /// An open descriptor, which stays the caller's.
        case descriptor(Int32)
        /// A file, made when missing and appended to.
        case file(String)
        /// Kept in memory, the first `bytesMax`; the rest is read and dropped, so that the child never stalls.
        /// It is read while somebody waits.
        case captured(bytesMax: Int)
    }

    /// How a process ended.
    package enum ExitStatus: Sendable, Equatable, CustomStringConvertible {
        case exited(Int32)
        case signalled(Int32)

        package var isSuccess: Bool { self == .exited(0) }

        package var description: String {
            switch self {
            case .exited(let code): "exited with code \(code)"
            case .signalled(let number): "ended by signal \(number)"
            }
        }
    }

    package let pid: Int32
    private let name: String
    private let state: Lock<State>

    private struct State {
        /// Readable when the process has ended; -1 once it is reaped.
        var ended: Int32
        /// Our end of the output, -1 when there is none.
        var source: Int32
        var bytes: [UInt8] = []
        var bytesMax: Int
        var isCut = false
        var status: ExitStatus?
        /// To the keeper of a kept child.
        var lifeline: Lifeline
        var keeper = KeeperWord()
    }

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - argv: The program, looked up in our own PATH when it holds no slash, and its arguments. No shell reads them.
    ///   - environment: Everything that the child sees; nothing is inherited.
    ///   - directory: The working directory, ours when nil.
    /// - Throws: `ChildProcessError.cannotStart`.
    package static func start(
        _ argv: [String], environment: [String: String], directory: String? = nil,
        output: OutputTarget = .discarded
    ) throws -> ChildProcess {
        precondition(!argv.isEmpty, "a program needs a name")
        let sink = try Sink(output)
        defer { sink.closeOurCopy() }
        do {
            let pid = try spawn(argv, environment: environment, directory: directory, output: sink.write)
            return ChildProcess(pid: pid, name: argv[0], output: sink)
        } catch {
            sink.closeSource()
            throw error
        }
    }

    init(pid: pid_t, name: String, output sink: Sink, lifeline: Int32 = -1) {
        self.pid = pid
        self.name = name
        state = Lock(
            State(
                ended: openProcess(pid), source: sink.source, bytesMax: sink.bytesMax,
                lifeline: Lifeline(descriptor: lifeline)))
    }

    deinit {
        guard state.withLock({ $0.status }) == nil else { return }
        endGroup()
        state.withLock { _ = $0.lifeline.close() }
        var raw: Int32 = 0
        while waitpid(pid, &raw, 0) < 0 && errno == EINTR {}
        state.withLock { state in
            if state.ended >= 0 { close(state.ended) }
            if state.source >= 0 { close(state.source) }
        }
    }

    /// Waits until the process has ended, at most this long from now.
    /// - Returns: How it ended, the same every time; nil when it is still running.
    package func wait(deadline: Duration) -> ExitStatus? {
        let end = BootClock.now + deadline
        while true {
            if let status = step() { return status }
            let left = end - BootClock.now
            guard left > .zero else { return nil }
            // Two threads may wait for one child, and only one of them sees the end: look again now and then.
            poll(atMost: min(left, .milliseconds(200)))
        }
    }

    /// Sends a signal to the process and to all of its group; nothing happens once it has ended.
    package func signalGroup(_ signal: Int32) {
        state.withLock { state in
            // Until it is reaped nobody else can get this number.
            guard state.status == nil else { return }
            if state.lifeline.exists {
                state.lifeline.send(signal, toLeaderAlone: false)
            } else {
                _ = Glibc.kill(-pid, signal)
            }
        }
    }

    private func endGroup() {
        signalGroup(SIGKILL)
        // A child may have stopped its keeper.
        signalOurs(SIGCONT)
    }

    private func signalOurs(_ signal: Int32) {
        state.withLock { if $0.status == nil { _ = Glibc.kill(pid, signal) } }
    }

    /// Sends a signal to the process alone; nothing happens once it has ended.
    package func signal(_ signal: Int32) {
        state.withLock { state in
            guard state.status == nil else { return }
            if state.lifeline.exists {
                state.lifeline.send(signal, toLeaderAlone: true)
            } else {
                _ = Glibc.kill(pid, signal)
            }
        }
    }

    /// Asks the group to end, and kills it after `grace`.
    ///
    /// Safe to call twice.
    @discardableResult
    package func terminate(grace: Duration) -> ExitStatus {
        signalGroup(SIGTERM)
        if let status = wait(deadline: grace) { return status }
        return kill()
    }

    /// Kills the group and waits for its end; a keeper that does not get there in ten seconds is killed itself.
    @discardableResult
    package func kill() -> ExitStatus {
        var rounds = 0
        while true {
            endGroup()
            if let status = wait(deadline: .seconds(1)) { return status }
            rounds += 1
            if rounds > 10 { signalOurs(SIGKILL) }
        }
    }

    /// Whether the child was kept, and its keeper saw that nothing of it is left.
    package var isClean: Bool { state.withLock { $0.keeper.isClean } }

    /// Why the keeper ended the child: nil when it did not.
    package var excess: Excess? { state.withLock { $0.keeper.excess } }

    /// What was captured so far.
    package var output: [UInt8] { state.withLock { $0.bytes } }

    /// What was captured so far, as text; what is no UTF-8 is repaired.
    package var outputText: String { String(decoding: output, as: UTF8.self) }

    /// Whether the child wrote more than was kept.
    package var isOutputCut: Bool { state.withLock { $0.isCut } }
}

// MARK: - Waiting

extension ChildProcess {
    /// Reads what there is and reaps the child when it has ended.
    private func step() -> ExitStatus? {
        state.withLock { state in
            if let status = state.status { return status }
            let status = Self.peek(pid)
            Self.drain(&state)
            guard let status else { return nil }
            // While the leader is a zombie the group's number is still its own.
            _ = Glibc.kill(-pid, SIGKILL)
            Self.drain(&state)
            var raw: Int32 = 0
            while waitpid(pid, &raw, 0) < 0 && errno == EINTR {}
            if state.source >= 0 { close(state.source) }
            if state.ended >= 0 { close(state.ended) }
            state.keeper = state.lifeline.close()
            state.source = -1
            state.ended = -1
            state.status = status
            return status
        }
    }

    /// How the child ended, leaving it to be reaped.
    private static func peek(_ pid: pid_t) -> ExitStatus? {
        var info = siginfo_t()
        let options = WEXITED | WNOHANG | WNOWAIT
        while waitid(P_PID, id_t(pid), &info, options) < 0 {
            // Somebody reaped our child behind our back: its status is lost, and it is gone for certain.
            guard errno == EINTR else { return .exited(255) }
        }
        guard info.si_signo == SIGCHLD else { return nil }
        let code = info._sifields._sigchld.si_status
        return info.si_code == Int32(CLD_EXITED) ? .exited(code) : .signalled(code)
    }

    /// Reads what stands in the pipe, at most a few pieces: a child that never stops writing must not keep us here.
    private static func drain(_ state: inout State) {
        guard state.source >= 0 else { return }
        var chunk = [UInt8](repeating: 0, count: 16_384)
        for _ in 0..<8 {
            let count = read(state.source, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            if count == 0 {
                close(state.source)
                state.source = -1
            }
            guard count > 0 else { return }
            let kept = min(count, state.bytesMax - state.bytes.count)
            state.bytes.append(contentsOf: chunk[..<kept])
            if kept < count { state.isCut = true }
        }
    }

    private func poll(atMost wait: Duration) {
        var descriptors = state.withLock { state in
            [state.ended, state.source].filter { $0 >= 0 }
                .map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        }
        let parts = wait.components
        let milliseconds = parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000
        _ = Glibc.poll(&descriptors, nfds_t(descriptors.count), Int32(max(1, milliseconds)))
    }
}

// MARK: - The async face

extension ChildProcess {
    /// What a finished program said.
    package struct Output: Sendable {
        package let status: ExitStatus
        package let bytes: [UInt8]
        /// Whether there was more than `outputMax`.
        package let isCut: Bool

        package var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    /// Runs a program to its end, off the pool of tasks.
    ///
    /// - Parameters:
    ///   - deadline: How long it may run; then its group is killed.
    ///   - outputMax: How many bytes of its output are kept.
    /// - Throws: `ChildProcessError`; `CancellationError` when the task was cancelled, after the group was killed.
    package static func run(
        _ argv: [String], environment: [String: String], directory: String? = nil,
        deadline: Duration, outputMax: Int = 65_536
    ) async throws -> Output {
        try Task.checkCancellation()
        let child = try start(
            argv, environment: environment, directory: directory, output: .captured(bytesMax: outputMax))
        let status = try await withTaskCancellationHandler {
            try await blocking("child") { () -> ExitStatus? in
                if let status = child.wait(deadline: deadline) { return status }
                child.kill()
                return nil
            }
        } onCancel: {
            child.signalGroup(SIGKILL)
        }
        try Task.checkCancellation()
        guard let status else { throw ChildProcessError.timedOut(argv[0], after: deadline) }
        return Output(status: status, bytes: child.output, isCut: child.isOutputCut)
    }
}
