import Glibc
import Platform
import TestSupport
import Testing

@Suite("Help and usage")
struct HelpTests {
    static let commands = [
        "up", "work", "migrate", "check", "enqueue", "job", "jobs", "cancel", "retry", "release", "pause",
        "resume", "doctor",
        "help", "version",
    ]

    @Test("the help lists every command and every exit code")
    func overview() async throws {
        let answer = try await Program()("help")
        #expect(answer.code == 0)
        for command in Self.commands { #expect(answer.text.contains("\n  \(command) ")) }
        for code in [0, 1, 2, 64, 69, 75] { #expect(answer.text.contains("\n  \(code) ")) }
    }

    @Test("every command tells its flags, by --help and by help", arguments: commands)
    func page(command: String) async throws {
        let asked = try await Program()(command, "--help")
        let told = try await Program()("help", command)
        #expect(asked.code == 0)
        #expect(asked.text == told.text)
        #expect(asked.text.contains("Usage: motorpool \(command)"))
        let isNarrow = asked.text.split(separator: "\n").allSatisfy { $0.count <= 100 }
        #expect(isNarrow)
    }

    @Test(
        "what can't be understood is answered with what was expected, and 64",
        arguments: [
            ([], "expected a command"), (["nope"], "no command is called “nope”"),
            (["job"], "job expects ID"), (["job", "x"], "expected the number of a job"),
            (["job", "1", "2"], "does not expect “2”"), (["jobs", "--nope"], "knows no flag --nope"),
            (["jobs", "--limit"], "--limit expects a value"), (["jobs", "--limit", "0"], "from 1 to 1000"),
            (["jobs", "--state", "odd"], "waiting, running, done, dead, cancelled"),
            (["jobs", "--json=1"], "takes no value"),
            (["enqueue"], "enqueue expects KIND"), (["enqueue", "noop", "--delay", "soon"], "a time like"),
            (["enqueue", "noop", "--args", "{\"a\": tru}"], "line 1, column 7"),
            (["enqueue", "noop", "--args", "{"], "found the end"),
            (["enqueue", "noop", "--count", "2", "--wait"], "--count goes with neither"),
        ] as [([String], String)])
    func usage(words: [String], sentence: String) async throws {
        let output = try await ChildProcess.run(
            [TestServer.binary()] + words, environment: ["DATABASE_URL": "postgres://nobody@127.0.0.1:1/x"],
            deadline: .seconds(10))
        #expect(output.status == .exited(64))
        #expect(output.text.contains(sentence), "\(output.text)")
    }

    @Test("a reader that has gone ends the program in peace")
    func brokenPipe() async throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        close(ends[0])
        let child = try ChildProcess.start(
            [TestServer.binary(), "help"], environment: [:], output: .descriptor(ends[1]))
        close(ends[1])
        let status = try await blocking("wait") { child.wait(deadline: .seconds(10)) }
        #expect(status == .exited(0))
    }
}
