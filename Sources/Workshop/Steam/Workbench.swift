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

    /// Empties what a try has left, for another one.
    func startAnew() async throws {
        try await blocking("slot") {
            for path in [self.home, self.install] {
                try Tree.remove(path)
                guard mkdir(path, 0o700) == 0 else { throw FileFault("making the folder \(path)") }
            }
        }
    }

    /// Ends what crashed farms left running in the slots of a folder, and empties them. Those in use are left alone, also
    /// those whose holder can't be seen from here.
    /// - Returns: how many had something in them, and what was wrong with the last one that could not be emptied.
    static func tidy(_ folder: String) async -> (emptied: Int, fault: (any Error)?) {
        var count = 0
        var fault: (any Error)?
        for number in 0..<downloadsMax where access("\(folder)/\(number)/use", F_OK) == 0 {
            do {
                let slot = try await take("\(folder)/\(number)", patience: .seconds(1))
                try await slot.release()
                count += 1
            } catch is SlotError { continue } catch { fault = error }
        }
        return (count, fault)
    }
}
