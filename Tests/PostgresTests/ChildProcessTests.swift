import Platform
import TestSupport
import Testing

@Suite("A child process")
struct ChildProcessTests {
    private let environment = ["PATH": "/usr/bin:/bin"]

    @Test("says what it wrote and how it ended")
    func output() async throws {
        let output = try await ChildProcess.run(
            ["sh", "-c", "echo out; echo err >&2; exit 3"], environment: environment, deadline: .seconds(10))
        #expect(output.status == .exited(3))
        #expect(output.text == "out\nerr\n")
        #expect(!output.isCut)
    }

    @Test("sees its environment, its directory and its arguments, and nothing else")
    func surroundings() async throws {
        let output = try await ChildProcess.run(
            [
                "/bin/sh", "-c", "pwd; echo \"$1\"; cat; ls /proc/self/fd | wc -l; /usr/bin/env", "-",
                "a b; $HOME",
            ],
            environment: ["ONLY": "this"], directory: "/usr", deadline: .seconds(10))
        let lines = output.text.split(separator: "\n").map(String.init)
        #expect(lines.prefix(2) == ["/usr", "a b; $HOME"])
        // Three of its own and the folder that ls reads.
        #expect(lines.dropFirst(2).first == "4")
        #expect(lines.contains("ONLY=this"))
        #expect(!lines.contains { $0.hasPrefix("HOME=") || $0.hasPrefix("PATH=/") && $0.contains("swift") })
    }

    @Test("is cut at the bound and still reaches its end")
    func bound() async throws {
        let output = try await ChildProcess.run(
            ["sh", "-c", "head -c 1000000 /dev/zero; exit 7"], environment: environment,
            deadline: .seconds(10),
            outputMax: 1000)
        #expect(output.bytes.count == 1000)
        #expect(output.isCut)
        #expect(output.status == .exited(7))
    }

    @Test("that never stops writing is killed at the deadline")
    func flood() async throws {
        await #expect(throws: ChildProcessError.self) {
            _ = try await ChildProcess.run(
                ["yes"], environment: environment, deadline: .milliseconds(200), outputMax: 100)
        }
    }

    @Test("is killed with its own children when the task is cancelled")
    func cancellation() async throws {
        let task = Task {
            try await ChildProcess.run(
                ["sh", "-c", "sleep 60 & sleep 60"], environment: environment, deadline: .seconds(60))
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { _ = try await task.value }
    }

    @Test("that ignores SIGTERM is killed after the grace, group and all")
    func terminate() throws {
        let child = try ChildProcess.start(
            ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 60; done"], environment: environment,
            output: .captured(bytesMax: 100))
        while child.output.isEmpty { #expect(child.wait(deadline: .milliseconds(20)) == nil) }
        #expect(child.terminate(grace: .milliseconds(100)) == .signalled(9))
        #expect(child.wait(deadline: .zero) == .signalled(9))
        child.signalGroup(15)
    }

    @Test("hears signals even when its parent blocks them")
    func signals() throws {
        let child = try ChildProcess.start(["sleep", "60"], environment: environment)
        #expect(child.terminate(grace: .seconds(10)) == .signalled(15))
    }

    @Test("takes what its leader leaves behind with it")
    func leftovers() async throws {
        // The background sleep keeps the pipe open; without the kill it would live on.
        let output = try await ChildProcess.run(
            ["sh", "-c", "sleep 60 & echo $!"], environment: environment, deadline: .seconds(10))
        let pid = output.text.split(separator: "\n").first.map(String.init) ?? ""
        try await eventually("the end of process \(pid)") {
            let state = try await ChildProcess.run(
                ["sh", "-c", "cat /proc/\(pid)/stat || echo gone"], environment: environment,
                deadline: .seconds(10)
            ).text
            return state.contains("gone") || state.contains(") Z ")
        }
    }

    @Test("that does not exist is an error")
    func missing() throws {
        #expect(throws: ChildProcessError.self) {
            _ = try ChildProcess.start(["/nowhere/at/all"], environment: [:])
        }
        #expect(throws: ChildProcessError.self) {
            _ = try ChildProcess.start(["true"], environment: environment, directory: "/nowhere")
        }
    }
}
