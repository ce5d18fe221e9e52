internal import Glibc
import Platform

/// Something that handlers wait at until a test opens it.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
        var arrived = 0
    }

    private let state = Lock(State())

    /// How many came to it so far.
    var arrived: Int { state.withLock { $0.arrived } }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for one in waiting { one.resume() }
    }

    /// Returns when the gate is open; hears no cancel.
    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                state.arrived += 1
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    /// How many descriptors this process has open.
    static var descriptors: Int {
        entries("/proc/self/fd").count
    }

    /// How many descriptors of this process lead to a file.
    static func opened(_ path: String) -> Int {
        entries("/proc/self/fd").count { entry in
            var target = [CChar](repeating: 0, count: 4_096)
            guard readlink("/proc/self/fd/" + entry, &target, target.count - 1) > 0 else { return false }
            return target.withUnsafeBufferPointer { String(cString: $0.baseAddress!) } == path
        }
    }

    /// How many threads of this process have names that begin so.
    static func threads(named prefix: String) -> Int {
        entries("/proc/self/task").count { entry in
            guard let file = fopen("/proc/self/task/\(entry)/comm", "r") else { return false }
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 32)
            guard fgets(&line, 32, file) != nil else { return false }
            return line.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }.hasPrefix(prefix)
        }
    }

    private static func entries(_ folder: String) -> [String] {
        guard let open = opendir(folder) else { return [] }
        defer { closedir(open) }
        var names: [String] = []
        while let entry = readdir(open) {
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                })
        }
        return names.filter { $0 != "." && $0 != ".." }
    }
}
