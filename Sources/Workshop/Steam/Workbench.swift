internal import Glibc
internal import Platform
internal import World

/// What a download does with its slot.
extension Slot {
    static let downloadsMax = 64

    /// Where steamcmd installs, and where files by plain HTTP go.
    var install: String { work + "/install" }
    /// The ZIP while it is being made.
    var part: String { work + "/pack.zip" }

    /// Takes a free one, which is empty.
    static func forDownload(in folder: String) async throws -> Slot {
        let slot = try await takeFree(in: folder, count: downloadsMax)
        try await slot.startAnew()
        return slot
    }

    /// Where a path leads in the end; `nil` when nothing is there. What ran in a slot may have left links on the way.
    static func realPath(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    /// Empties what a try has left, for another one.
    func startAnew() async throws {
        try await blocking("slot") {
            for path in [self.home, self.install] {
                try Tree.remove(path)
                guard mkdir(path, 0o700) == 0 else { throw FileFault("making the folder \(path)") }
            }
        }
    }

    /// Ends what crashed farms left running in the slots of a folder, and empties them. Those in use are left alone.
    /// - Returns: how many had something in them.
    static func tidy(_ folder: String) async throws -> Int {
        var count = 0
        for number in 0..<downloadsMax where access("\(folder)/\(number)/use", F_OK) == 0 {
            do {
                let slot = try await take("\(folder)/\(number)")
                try await slot.release()
                count += 1
            } catch SlotError.taken { continue }
        }
        return count
    }
}
