import Glibc
import Jobs
import Platform
import World

/// `motorpool sandbox`, a process of its own that outlives the farms it stands in for Steam for.
final class SandboxProcess: Sendable {
    let address: String
    let steamcmd: String
    private let child: ChildProcess
    private let caller: Caller

    /// Returns when it stands.
    /// - Parameter folder: where it keeps its files.
    static func start(_ binary: String, in folder: String, asked caller: Caller) async throws
        -> SandboxProcess
    {
        let log = "\(folder).log"
        let child = try ChildProcess.start(
            [binary, "sandbox", "--port", "0", "--folder", folder],
            environment: ["PATH": "/usr/bin:/bin", "MOTORPOOL_STATE": folder], directory: "/",
            output: .file(log))
        var told: [Substring: Substring] = [:]
        try await eventually("the sandbox stands", within: .seconds(30)) {
            told = [:]
            for line in TextFile.read(log).split(separator: "\n") {
                let parts = line.split(separator: "=", maxSplits: 1)
                if parts.count == 2 { told[parts[0]] = parts[1] }
            }
            if let ended = child.wait(deadline: .zero) {
                throw TortureError("the sandbox \(ended): \(TextFile.read(log))")
            }
            return told["MOTORPOOL_SANDBOX"] != nil && told["MOTORPOOL_STEAMCMD"] != nil
        }
        return SandboxProcess(
            address: String(told["MOTORPOOL_SANDBOX"] ?? ""),
            steamcmd: String(told["MOTORPOOL_STEAMCMD"] ?? ""), child, caller)
    }

    private init(address: String, steamcmd: String, _ child: ChildProcess, _ caller: Caller) {
        self.address = address
        self.steamcmd = steamcmd
        self.child = child
        self.caller = caller
    }

    var pid: Int32 { child.pid }

    func end() { child.kill() }

    /// A mod as the sandbox tells of it.
    struct Mod: Sendable {
        let id: Int64
        let files: Int
        /// Of all its files; what Steam says of an archive is another number.
        let bytes: Int64
    }

    /// What there is, in the sandbox's order.
    func mods() async throws -> [Mod] {
        guard case .array(let parts) = try await ask("mods").value else {
            throw TortureError("the sandbox tells no list of mods")
        }
        return try parts.map { part in
            guard let id = part["id"]?.whole, let files = part["files"]?.whole,
                let bytes = part["unpacked"]?.whole
            else { throw TortureError("the sandbox tells no mod: \(part.json)") }
            return Mod(id: id, files: Int(files), bytes: bytes)
        }
    }

    func counts() async throws -> SandboxCounts { try SandboxCounts(await ask("counts")) }

    /// Makes something go wrong for a mod.
    func turnOn(_ trouble: String, for mod: Int64) async throws {
        _ = try await ask("switches/\(mod)/\(trouble)", .put)
    }

    private func ask(_ path: String, _ method: WebRequest.Method = .get) async throws -> JSONPart {
        let answer = try await caller.ask("\(address)/sandbox/\(path)", method)
        guard answer.isSuccess else { throw TortureError("the sandbox answered \(answer.status) to \(path)") }
        return try JSON(answer.body).parts()
    }
}

/// What the sandbox was asked so far.
struct SandboxCounts: Equatable, Sendable {
    /// By place, then by mod or game.
    private var counts: [String: [Int64: Int]] = [:]

    init(_ part: JSONPart) throws {
        guard case .object(let places) = part.value else { throw TortureError("no counts: \(part.json)") }
        for (place, numbers) in places {
            guard case .object(let each)? = numbers["each"]?.value else { continue }
            for (id, count) in each {
                counts[place, default: [:]][Int64(id) ?? 0] = count.whole.map { Int($0) }
            }
        }
    }

    /// How often a mod's files were fetched, by steamcmd or by plain HTTP.
    func downloads(of mod: Int64) -> Int { (counts["steamcmd"]?[mod] ?? 0) + (counts["file"]?[mod] ?? 0) }

    /// Everything, by place.
    var totals: [String: Int] { counts.mapValues { $0.values.reduce(0, +) } }
}

extension JSONPart {
    /// The number, when it is a whole one.
    var whole: Int64? { if case .number(let text) = value { Int64(text) } else { nil } }
}
