import FoundationEssentials
import Glibc
import Platform
import TestSupport
import Testing

/// A whole farm with a private server, and code in the place of steamcmd that knows where everything is.
@Suite("A burglar in a slot", .serialized)
struct BurglarTests {
    /// What came of one try.
    struct Outcome: Sendable {
        let name: String
        let isDone: Bool
        let why: String

        init?(_ line: Substring) {
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard parts.count == 3, ["DONE", "failed"].contains(parts[0]) else { return nil }
            (name, isDone, why) = (String(parts[1]), parts[0] == "DONE", String(parts[2]))
        }
    }

    private static let isLong = getenv("MOTORPOOL_BURGLAR") != nil
    private static let firstID = 3_900_000_001
    /// How many mods the sandbox has that steamcmd fetches.
    private static let triesMin = 40

    @Test("C2, H3: gets at no file, database, socket or process of the farm, and leaves nothing behind")
    func kept() async throws {
        try #require(
            Confinement.Kernel.shared.gaps(with: .all).isEmpty,
            "this kernel has \(Confinement.Kernel.shared.words)")
        let outcomes = try await burgle("available")
        Self.show("with everything the kernel offers", outcomes)
        #expect(outcomes.filter(\.isDone).map(\.name) == [])
        #expect(outcomes.count >= Self.triesMin)
    }

    @Test("C2, H3: the same without Landlock, but for TCP and abstract sockets", .enabled(if: isLong))
    func withoutLandlock() async throws {
        let outcomes = try await burgle("without-landlock")
        Self.show("without Landlock", outcomes)
        let limits = [
            "connect to an abstract socket", "connect to the TCP port of the front",
            "connect to the TCP port of another program",
        ]
        #expect(outcomes.filter(\.isDone).map(\.name) == limits)
    }

    @Test(
        "C2, H3: the same without namespaces, but for named sockets and the modes of files",
        .enabled(if: isLong))
    func withoutNamespaces() async throws {
        let outcomes = try await burgle("without-namespaces")
        Self.show("without namespaces", outcomes)
        let limits = [
            "change the mode of the state folder", "change the times of the mods' folder",
            "connect to a named socket",
        ]
        #expect(outcomes.filter(\.isDone).map(\.name) == limits)
    }

    @Test(
        "a stated limit: with neither, only the database's passwords are asked for, and they can be read",
        .enabled(if: isLong))
    func unconfined() async throws {
        let outcomes = try await burgle("none")
        Self.show("with neither", outcomes)
        let done = Set(outcomes.filter(\.isDone).map(\.name))
        #expect(done.contains("read passwords in the state folder"))
        // Nobody gets in by being of the same account.
        #expect(!done.contains { $0.hasPrefix("log in") })
    }

    @Test(
        "H4: takes no more memory, disk and processes than it may, wherever in its slot",
        .timeLimit(.minutes(5)))
    func bounded() async throws {
        try await withBurgledFarm("available") { farm in
            for (number, (trouble, words)) in [
                ("burglar-memory", "more memory"), ("burglar-disk", "far more came"),
            ].enumerated() {
                let id = Self.firstID + 10 + number
                try await farm.turn(on: trouble, for: id)
                var most = (memory: 0, disk: 0)
                let why = try await farm.ending(of: id) {
                    most.disk = max(most.disk, farm.slotBytes)
                }
                #expect(why.contains(words), "\(trouble): \(why)")
                #expect(most.disk < 3 << 30)
                print("\(trouble): ended; at most \(most.disk >> 20) MiB on the disk")
            }
            let id = Self.firstID + 12
            try await farm.turn(on: "burglar-processes", for: id)
            var most = 0
            try await farm.ending(of: id) { most = max(most, farm.processes(named: "sleep 30")) }
            print("burglar-processes: at most \(most) of 1000 at once")
            #expect(most > 0 && most <= 128)
            #expect(farm.processes(named: "sleep 30") == 0)
        }
    }

    // MARK: - Help

    private static func show(_ title: String, _ outcomes: [Outcome]) {
        print("---- \(title): \(outcomes.count) tries, \(outcomes.count(where: \.isDone)) succeeded")
        for each in outcomes {
            let name = each.name + String(repeating: " ", count: max(1, 60 - each.name.count))
            print("  \(each.isDone ? "DONE  " : "failed") \(name)\(each.why)")
        }
    }

    private func burgle(_ confinement: String) async throws -> [Outcome] {
        let mark = "\(86_000 + Int.random(in: 0..<9000)).\(Int.random(in: 10_000..<99_999))"
        return try await withBurgledFarm(confinement) { farm in
            let hosts = try Hosts(in: farm.folder)
            defer { hosts.close() }
            try await farm.tell([
                "state=\(farm.folder)/state", "pid=\(farm.worker.child.pid)", "front=\(farm.front.port)",
                "port=\(hosts.port)", "abstract=\(hosts.abstract)", "socket=\(hosts.path)",
                "secret=\(farm.folder)/secret", "slot=\(farm.folder)/state/workshop/slots/1", "mark=\(mark)",
            ])
            try await farm.turn(on: "burglar", for: Self.firstID)
            try await farm.ending(of: Self.firstID)
            var outcomes = try await farm.sandbox.ask("GET", "/sandbox/burglar").body.split(separator: "\n")
                .compactMap(Outcome.init)
            let survivors = farm.processes(named: mark)
            outcomes.append(
                try #require(
                    Outcome(
                        "\(survivors == 0 ? "failed" : "DONE")\toutlive the session\t\(survivors) processes are left"
                    )))
            // With nothing that keeps it, it may be there; not for long.
            farm.end(named: mark)
            return outcomes
        }
    }
}

extension Confinement.Means {
    static let all: Confinement.Means = [.landlock, .rooms]
}

/// Sockets of other programs of the account.
private final class Hosts {
    let port: Int
    let path: String
    let abstract = "motorpool-burglar-\(UInt32.random(in: 0 ... .max))"
    private var open: [Int32] = []

    init(in folder: String) throws {
        path = folder + "/named"
        let (tcp, port) = try Loopback.listen(on: "127.0.0.1")
        self.port = port
        open = [tcp]
        for name in [path, "\0" + abstract] { open.append(try Self.listen(name)) }
    }

    func close() { for each in open { _ = Glibc.close(each) } }

    private static func listen(_ name: String) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(name.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + (name.hasPrefix("\0") ? 0 : 1))
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard result == 0, Glibc.listen(descriptor, 5) == 0 else {
            throw Broken(description: "no socket \(name)")
        }
        return descriptor
    }
}

/// `motorpool up --sandbox` with a private server, in a folder of its own.
private struct BurgledFarm: Sendable {
    let folder: String
    let worker: Worker
    let front: RawClient
    let sandbox: RawClient

    func tell(_ lines: [String]) async throws {
        _ = try await sandbox.ask("PUT", "/sandbox/burglar", lines.joined(separator: "\n"))
    }

    func turn(on trouble: String, for id: Int) async throws {
        let answer = try await sandbox.ask("PUT", "/sandbox/switches/\(id)/steamcmd:\(trouble)")
        guard answer.status == 200 else { throw Broken(description: answer.text) }
    }

    /// Asks for a mod, waits until a run of its download has ended, and returns what the log says of that.
    @discardableResult
    func ending(of id: Int, meanwhile: () -> Void = {}) async throws -> String {
        let before = endings.count
        _ = try await front.ask("GET", "/download/steam/\(id)")
        try await eventually("the download of \(id) has ended", within: .seconds(120)) {
            meanwhile()
            return endings.count > before
        }
        return endings.last.map(String.init) ?? ""
    }

    private var endings: [Substring] {
        _ = worker.child.wait(deadline: .zero)
        return worker.child.outputText.split(separator: "\n").filter { line in
            ["run_failed", "run_ended"].contains { line.contains("\"event\":\"\($0)\"") }
                && line.contains("steam-download")
        }
    }

    var slotBytes: Int {
        let output = try? ChildProcess.start(
            ["/usr/bin/du", "-s", "-B1", folder + "/state/workshop/slots"], environment: [:],
            output: .captured(bytesMax: 1000))
        _ = output?.wait(deadline: .seconds(10))
        return output.flatMap { Int($0.outputText.prefix { $0.isNumber }) } ?? 0
    }

    private func pids(named words: String) -> [pid_t] {
        (FolderListing.names(in: "/proc") ?? []).compactMap { pid_t($0) }.filter { pid in
            guard let text = try? TextOf.file("/proc/\(pid)/cmdline") else { return false }
            let line = text.split(separator: "\0").joined(separator: " ")
            return line.contains(words) && line.hasPrefix("sleep") || line.hasPrefix("/bin/sleep \(words)")
        }
    }

    func processes(named words: String) -> Int { pids(named: words).count }

    func end(named words: String) { for pid in pids(named: words) { kill(pid, SIGKILL) } }
}

private func withBurgledFarm<T: Sendable>(
    _ confinement: String, _ body: (BurgledFarm) async throws -> T
) async throws -> T {
    try await withFolder(["secret": "of the farm's account"]) { folder in
        mkdir(folder + "/state", 0o700)
        let program = Program(variables: [
            "MOTORPOOL_STATE": folder + "/state", "MOTORPOOL_CONFINEMENT": confinement,
        ])
        let worker = try program.start([
            "up", "--sandbox", "--port", "0", "--log", "json", "--verbose", "--jobs", Checkout.path + "/jobs",
        ])
        let result: Result<T, any Error>
        do {
            try await eventually("the front listens", within: .seconds(60)) {
                guard worker.child.wait(deadline: .zero) == nil else {
                    throw Broken(description: worker.child.outputText)
                }
                return worker.child.outputText.contains("\"event\":\"listening\"")
            }
            let text = worker.child.outputText
            func port(after event: String) throws -> UInt16 {
                let line = text.split(separator: "\n").first { $0.contains("\"event\":\"\(event)\"") } ?? ""
                let mark = "\"address\":\"http://127.0.0.1:"
                guard let place = line.firstRange(of: mark),
                    let port = UInt16(line[place.upperBound...].prefix { $0.isNumber })
                else { throw Broken(description: text) }
                return port
            }
            let slot = folder + "/state/workshop/slots/1/use/work"
            for end in [
                "workshop", "workshop/slots", "workshop/slots/1", "workshop/slots/1/use",
                "workshop/slots/1/use/work",
            ] {
                mkdir(folder + "/state/" + end, 0o700)
            }
            let file = fopen(slot + "/secret", "w")
            if let file { fclose(file) }
            result = .success(
                try await body(
                    BurgledFarm(
                        folder: folder, worker: worker, front: RawClient(port: try port(after: "listening")),
                        sandbox: RawClient(port: try port(after: "sandbox")))))
        } catch { result = .failure(error) }
        _ = worker.child.terminate(grace: .seconds(30))
        return try result.get()
    }
}
