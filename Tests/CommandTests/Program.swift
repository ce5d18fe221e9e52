import FoundationEssentials
import Glibc
import Platform
import Postgres
import TestSupport

/// What a test needs could not be had.
struct Broken: Error, CustomStringConvertible {
    let description: String
}

/// The built program, run as people run it.
struct Program {
    /// `nil`: no DATABASE_URL.
    var database: String?
    var variables: [String: String] = [:]

    struct Answer {
        let code: Int32
        let text: String

        /// The JSON documents it printed, one a line.
        func decoded<T: Decodable>(_ type: T.Type) throws -> [T] {
            try text.split(separator: "\n").map { try JSONDecoder().decode(T.self, from: Data($0.utf8)) }
        }
    }

    /// Runs a command to its end.
    @discardableResult
    func callAsFunction(_ words: String..., variables more: [String: String] = [:]) async throws -> Answer {
        try await run(words, variables: more)
    }

    /// The same, of words in a list.
    func run(_ words: [String], variables more: [String: String] = [:]) async throws -> Answer {
        let output = try await ChildProcess.run(
            [TestServer.binary()] + words, environment: environment.merging(more) { $1 },
            deadline: .seconds(60),
            outputMax: 1 << 20)
        guard case .exited(let code) = output.status else { return Answer(code: -1, text: output.text) }
        return Answer(code: code, text: output.text)
    }

    /// Starts a worker and returns when it works.
    func work(_ words: String...) async throws -> Worker {
        let worker = try start(["work", "--jobs", Checkout.path + "/jobs"] + words)
        try await worker.says("started")
        return worker
    }

    /// Starts a command that goes on until it is ended.
    func start(_ words: [String]) throws -> Worker {
        Worker(
            child: try ChildProcess.start(
                [TestServer.binary()] + words, environment: environment, output: .captured(bytesMax: 1 << 20))
        )
    }

    private var environment: [String: String] {
        var all = [
            "PATH": "/usr/bin:/bin", "USER": "tester", "MOTORPOOL_STATE": "/nonexistent/state",
            // The shipped schedule would fire in the middle of a test.
            "MOTORPOOL_SCHEDULE": "0", "MOTORPOOL_TRIAL": "1",
            // Tests that are not about callers ask without a token.
            "MOTORPOOL_TRUST_LOCAL": "1",
        ]
        if let database { all["DATABASE_URL"] = database }
        return all.merging(variables) { $1 }
    }
}

/// A running `motorpool work` or `motorpool serve`.
struct Worker {
    let child: ChildProcess

    /// Waits for an event of the log.
    func says(_ event: String) async throws {
        try await eventually("the event \(event)", within: .seconds(20)) {
            _ = child.wait(deadline: .zero)
            return child.outputText.contains("\"event\":\"\(event)\"")
        }
    }

    func signal(_ number: Int32) { child.signal(number) }

    func end(within limit: Duration = .seconds(20)) async throws -> ChildProcess.ExitStatus? {
        try await blocking("wait") { child.wait(deadline: limit) }
    }
}

/// Lends a database with the queue's tables, and the program pointed at it.
func withProgram<T: Sendable>(_ body: (Program) async throws -> T) async throws -> T {
    try await withMigratedDatabase(
        "commands",
        migrate: { settings in
            let answer = try await Program(database: settings.url)("migrate")
            guard answer.code == 0 else { throw Broken(description: answer.text) }
        },
        { try await body(Program(database: $0.settings.url)) })
}

/// Lends a program and a worker that works for it; the worker is ended.
func withWorker<T: Sendable>(
    _ body: (Program, Worker) async throws -> T
) async throws -> T {
    try await withProgram { program in
        let worker = try await program.work()
        let result: Result<T, any Error>
        do { result = .success(try await body(program, worker)) } catch { result = .failure(error) }
        worker.child.kill()
        return try result.get()
    }
}

/// A folder that is removed at the end.
func withFolder<T>(_ files: [String: String], _ body: (String) async throws -> T) async throws -> T {
    var template = Array("/tmp/motorpool-test-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw Broken(description: "no folder could be made") }
    let folder = String(cString: made)
    for (name, text) in files {
        guard let file = fopen("\(folder)/\(name)", "w") else { continue }
        fputs(text, file)
        fclose(file)
    }
    let result: Result<T, any Error>
    do { result = .success(try await body(folder)) } catch { result = .failure(error) }
    FolderTree.remove(folder)
    return try result.get()
}
