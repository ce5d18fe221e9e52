import Glibc
import Platform

/// A folder of our own that is gone at the end.
struct Scratch: Sendable {
    let path: String

    /// Below `TMPDIR`, or `/tmp` when that is too long for a socket in it.
    init() throws {
        let asked = Environment.value("TMPDIR") ?? "/tmp"
        let parent = asked.utf8.count <= 60 ? asked : "/tmp"
        var template = Array("\(parent)/mp-torture.XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else {
            throw TortureError(
                "no scratch folder can be made in \(parent): \(String(cString: strerror(errno)))")
        }
        path = String(cString: made)
    }

    func folder(_ name: String) throws -> String {
        let folder = "\(path)/\(name)"
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw TortureError("\(folder) can't be made: \(String(cString: strerror(errno)))")
        }
        return folder
    }

    func remove() async {
        _ = try? await ChildProcess.run(
            ["/bin/rm", "-rf", path], environment: [:], directory: "/", deadline: .seconds(60))
    }
}

/// What the shell told us.
enum Environment {
    static func value(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }

    /// The program under torture: `MOTORPOOL_BINARY`, or what was built beside us, or in the current folder.
    static func binary() throws -> String {
        var own = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &own, own.count - 1)
        let self_ = String(decoding: own.prefix(max(0, length)).map(UInt8.init(bitPattern:)), as: UTF8.self)
        let beside = self_.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/motorpool"
        let candidates = [value("MOTORPOOL_BINARY"), beside, ".build/release/motorpool"].compactMap { $0 }
        guard let found = candidates.first(where: { access($0, X_OK) == 0 }) else {
            throw TortureError(
                "no motorpool at \(candidates.joined(separator: ", ")): build it, or set MOTORPOOL_BINARY")
        }
        return found
    }

    /// What the repository says of a kind: `MOTORPOOL_CHECKOUT`, or the current folder, holds it.
    static func policy(of kind: String) throws -> String {
        let file = "\(value("MOTORPOOL_CHECKOUT") ?? ".")/jobs/\(kind).conf"
        let text = TextFile.read(file)
        guard !text.isEmpty else { throw TortureError("\(file) is not there: set MOTORPOOL_CHECKOUT") }
        return text
    }
}

/// Files of a few lines.
enum TextFile {
    /// Empty when it is not there.
    static func read(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            guard count > 0 else { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func write(_ text: String, to path: String) throws { try write(Array(text.utf8), to: path) }

    static func write(_ bytes: [UInt8], to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw TortureError("\(path) can't be written: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw TortureError("\(path) can't be written: \(String(cString: strerror(errno)))")
        }
    }
}
