import Foundation
import Platform
import Postgres
import TestSupport
import Testing

/// They start real servers, one at a time: two cores.
@Suite("A private server", .serialized)
struct PrivateServerTests {
    @Test("keeps what was committed from one start to the next, and the second start is quick")
    func secondStart() async throws {
        try await withFolder { folder in
            let first = try await PrivateServer.start(in: folder, log: { _ in })
            try await run("CREATE TABLE kept (n int)", on: first)
            try await first.stop()

            let before = BootClock.now
            let second = try await PrivateServer.start(in: folder, log: { _ in })
            // Under one second on an idle machine; here the other suites' programs share it.
            #expect(BootClock.now - before < .seconds(3))
            try await run("INSERT INTO kept VALUES (1)", on: second)
            try await second.stop()
        }
    }

    @Test("that survived its farm is adopted")
    func adoption() async throws {
        try await withFolder { folder in
            let said = Lock<[String]>([])
            let process: Int?
            do {
                let first = try await PrivateServer.start(in: folder, log: { _ in })
                process = pid(of: folder)
                // Dropped without a stop, as by a farm that was killed.
                _ = first
            }
            let second = try await PrivateServer.start(
                in: folder, log: { line in said.withLock { $0.append(line) } })
            #expect(pid(of: folder) == process)
            #expect(said.withLock { $0 }.contains { $0.contains("adopting") })
            try await second.stop()
            #expect(pid(of: folder) == nil)
        }
    }

    @Test("that was killed recovers, and neither a zombie nor somebody else's number is an obstacle")
    func stalePidFile() async throws {
        try await withFolder { folder in
            do {
                let first = try await PrivateServer.start(in: folder, log: { _ in })
                try await run("CREATE TABLE kept (n int)", on: first)
            }
            let process = try #require(pid(of: folder))
            kill(pid_t(process), SIGKILL)
            try await eventually("the end of the server", within: .seconds(20)) {
                kill(pid_t(process), 0) != 0 || isZombie(process)
            }
            let file = folder + "/data/postmaster.pid"
            let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").dropFirst()
            // Our own number: alive, of the same account, and no server.
            try ("\(getpid())\n" + lines.joined(separator: "\n") + "\n")
                .write(toFile: file, atomically: true, encoding: .utf8)
            try await eventually("the end of its children", within: .seconds(20)) {
                try await ChildProcess.run(
                    ["pgrep", "-f", folder], environment: ["PATH": "/usr/bin:/bin"], deadline: .seconds(5)
                ).text.isEmpty
            }

            let second = try await PrivateServer.start(in: folder, log: { _ in })
            try await run("INSERT INTO kept VALUES (1)", on: second)
            try await second.stop()
        }
    }

    @Test("that dies under its farm is started again, with what was committed")
    func revival() async throws {
        try await withFolder { folder in
            let said = Lock<[String]>([])
            let server = try await PrivateServer.start(in: folder) { line in
                said.withLock { $0.append(line) }
            }
            try await run("CREATE TABLE kept (n int)", on: server)
            let process = try #require(pid(of: folder))
            kill(pid_t(process), SIGKILL)
            try await eventually("another server", within: .seconds(60)) {
                guard let now = pid(of: folder), now != process else { return false }
                return (try? await run("INSERT INTO kept VALUES (1)", on: server)) != nil
            }
            let words = said.withLock { $0 }
            #expect(words.contains { $0.contains("died under us") })
            try await server.stop()
            #expect(pid(of: folder) == nil)
        }
    }

    @Test("is refused to a second farm on the same folder")
    func lock() async throws {
        try await withFolder { folder in
            let first = try await PrivateServer.start(in: folder, log: { _ in })
            await #expect(throws: PrivateServerError.self) {
                _ = try await PrivateServer.start(in: folder, log: { _ in })
            }
            try await first.stop()
            try await first.stop()
        }
    }

    @Test("is made anew when the first making was interrupted")
    func interrupted() async throws {
        try await withFolder { folder in
            try FileManager.default.createDirectory(
                atPath: folder + "/data.new/base", withIntermediateDirectories: true)
            try "15\n".write(toFile: folder + "/data.new/PG_VERSION", atomically: true, encoding: .utf8)
            let server = try await PrivateServer.start(in: folder, log: { _ in })
            try await server.stop()
        }
    }

    @Test("says so when the folder's path leaves no room for a socket")
    func longPath() async throws {
        let folder = "/tmp/" + String(repeating: "x", count: 100)
        await #expect(throws: PrivateServerError.self) {
            _ = try await PrivateServer.start(in: folder, log: { _ in })
        }
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    @Test("keeps only the newest files of its log")
    func logs() async throws {
        try await withFolder { folder in
            let server = try await PrivateServer.start(in: folder, log: { _ in })
            try await server.stop()
            for number in 1...9 {
                try "".write(
                    toFile: folder + "/log/server-2020010\(number)-000000.log", atomically: true,
                    encoding: .utf8)
            }
            let again = try await PrivateServer.start(in: folder, log: { _ in })
            try await eventually {
                try FileManager.default.contentsOfDirectory(atPath: folder + "/log")
                    .filter { $0.hasPrefix("server-") }.count <= 4
            }
            try await again.stop()
        }
    }

    // MARK: - Help

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder =
            (ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp") + "/ps\(Int.random(in: 0..<1_000_000))"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        do {
            try await body(folder)
        } catch {
            if let process = pid(of: folder) { kill(pid_t(process), SIGQUIT) }
            throw error
        }
    }

    private func run(_ statement: String, on server: PrivateServer) async throws {
        let connection = try await Connection.open(ConnectionSettings(url: server.url))
        try await connection.runScript(statement, within: .seconds(15))
        await connection.close()
    }

    private func pid(of folder: String) -> Int? {
        let text = try? String(contentsOfFile: folder + "/data/postmaster.pid", encoding: .utf8)
        return text?.split(separator: "\n").first.flatMap { Int($0) }
    }

    private func isZombie(_ process: Int) -> Bool {
        (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8))?.contains(") Z ") ?? true
    }
}
