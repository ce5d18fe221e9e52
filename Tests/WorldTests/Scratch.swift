import FoundationEssentials
import Glibc
import Platform
import TestSupport
import Testing
import World

/// Lends an empty folder and takes it back with all that is in it.
func withScratch<T: Sendable>(
    in parent: String? = nil, _ body: (String) async throws -> T
) async throws -> T {
    try await FileSizes.share {
        let parent = parent ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/mp-world.XXXXXX".utf8CString)
        let made = mkdtemp(&template)
        let path = try #require(made.map { String(cString: $0) })
        let result: Result<T, any Error>
        do { result = .success(try await body(path)) } catch { result = .failure(error) }
        try Tree.remove(path)
        return try result.get()
    }
}

/// Keeps the test that limits the size of the whole process's files apart from those that write large ones.
enum FileSizes {
    private static let state = Lock((sharing: 0, isLimited: false))

    static func share<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        try await eventually("files may grow again", within: .seconds(300)) {
            state.withLock { state in
                if !state.isLimited { state.sharing += 1 }
                return !state.isLimited
            }
        }
        defer { state.withLock { $0.sharing -= 1 } }
        return try await body()
    }

    static func limit<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        try await eventually("nobody writes large files", within: .seconds(300)) {
            state.withLock { state in
                if state.sharing == 0 { state.isLimited = true }
                return state.sharing == 0
            }
        }
        defer { state.withLock { $0.isLimited = false } }
        return try await body()
    }
}

/// Runs a Python program, whose arguments are `sys.argv[1:]`, and returns what it printed.
@discardableResult
func python(_ program: String, _ arguments: String...) async throws -> String {
    let output = try await ChildProcess.run(
        ["/usr/bin/python3", "-c", program] + arguments,
        environment: ["PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"], deadline: .seconds(120), outputMax: 1 << 20
    )
    try #require(output.status.isSuccess, "\(output.text)")
    return output.text
}

/// Every path below a folder, folders with a slash, in the order of their bytes.
func paths(in folder: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder).map { path in
        var isFolder = false
        _ = FileManager.default.fileExists(atPath: "\(folder)/\(path)", isDirectory: &isFolder)
        return isFolder ? path + "/" : path
    }
    .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
}

func bytes(of path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }

func put(_ bytes: [UInt8], to path: String) throws { try Data(bytes).write(to: URL(filePath: path)) }

func put(_ text: String, to path: String) throws { try put(Array(text.utf8), to: path) }

func makeFolder(_ path: String) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
}

func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
}

/// How often something was told, and the last of it.
final class Told<Value: Sendable>: Sendable {
    private let state = Lock<[Value]>([])

    func add(_ value: Value) { state.withLock { $0.append(value) } }

    var all: [Value] { state.withLock { $0 } }
}
