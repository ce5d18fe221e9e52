import Glibc
internal import Platform

/// A place in which one program at a time may make a mess.
///
/// ```
/// slot/lock          held by us, and by every process of the program; says who took it
/// slot/use/home      new for every use
/// slot/use/work      new for every use
/// slot/use/tmp       new for every use
/// ```
///
/// When we die, the lock stays with what is left of the program, so that whoever takes the slot next finds it and ends
/// it before he makes the folders anew.
package final class Slot: Sendable {
    /// Without a slash at its end.
    package let path: String
    /// All that the program may write.
    package var use: String { path + "/use" }
    package var home: String { use + "/home" }
    /// Where it is to put its results.
    package var work: String { use + "/work" }
    package var temporary: String { use + "/tmp" }

    let mark: ChildMark
    let lock: FileIdentity
    private let state: Lock<Int32>

    /// What the child inherits; -1 once it was given back.
    var descriptor: Int32 { state.withLock { $0 } }

    /// What a program in the slot sees of it.
    var environment: [String: String] { ["HOME": home, "TMPDIR": temporary] }

    /// Takes the slot, makes the folder if it is missing, ends what a farm that died left running in it, and empties it.
    ///
    /// - Parameters:
    ///   - path: Its parent exists.
    ///   - patience: How long what is left may take to end.
    /// - Throws: `SlotError`, `FileFault`.
    package static func take(_ path: String, patience: Duration = .seconds(10)) async throws -> Slot {
        try await blocking("slot") { try Slot(path, patience: patience) }
    }

    /// Takes the first slot of `0` to `count - 1` in a folder, which is made if it is missing, that nobody uses.
    ///
    /// What is wrong with one of them, or runs on in it, is nothing to the others: that one is tried again only when none
    /// is free. Its holder may be alive on another machine, or in another container, where we can't see him.
    ///
    /// - Parameter patience: How long what is left may take to end, in all of them together.
    /// - Throws: `SlotError.taken` when all are in use; else as `take`.
    package static func takeFree(
        in folder: String, count: Int, patience: Duration = .seconds(10)
    ) async throws -> Slot {
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw FileFault("making the folder \(folder)")
        }
        var stuck: [String] = []
        for number in 0..<count {
            let path = "\(folder)/\(number)"
            do { return try await take(path, patience: .zero) } catch SlotError.taken { continue } catch {
                stuck.append(path)
            }
        }
        let deadline = BootClock.now + patience
        var reason: any Error = SlotError.taken(folder)
        for path in stuck {
            do { return try await take(path, patience: max(.zero, deadline - BootClock.now)) } catch {
                reason = error
            }
        }
        throw reason
    }

    private init(_ path: String, patience: Duration) throws {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw FileFault("making the folder \(path)") }
        let file = try SlotLock(path + "/lock")
        let deadline = BootClock.now + patience
        while try !file.take() {
            if let holder = file.note?.holder, holder.isAlive { throw SlotError.taken(path) }
            let left = Leftovers(of: file.note?.mark, lock: file.identity).endOnce()
            guard BootClock.now < deadline else { throw SlotError.held(path, by: left) }
            usleep(10_000)
        }
        if let before = file.note?.mark {
            try Leftovers(of: before, lock: nil).end(within: max(.zero, deadline - BootClock.now))
        }
        let mark = ChildMark.fresh()
        try file.write(SlotNote(holder: .ourselves, mark: mark))
        self.path = path
        self.mark = mark
        lock = file.identity
        state = Lock(file.release())
        try Self.empty(path)
        for folder in [use, home, work, temporary] {
            guard mkdir(folder, 0o700) == 0 else { throw FileFault("making the folder \(folder)") }
        }
    }

    /// Gives the slot back when the task that took it forgot to; what is in it is removed by whoever takes it next.
    deinit { giveBack() }

    /// Ends what may be left of the program, empties the slot and gives it back; nothing happens the second time.
    ///
    /// - Throws: `FileFault`, `Leftovers.Remain`; the slot is given back all the same, and whoever takes it next sees to
    ///   it.
    package func release() async throws {
        let file = descriptor
        guard file >= 0 else { return }
        defer { giveBack() }
        let (path, left) = (path, Leftovers(of: mark, lock: lock))
        try await blocking("slot") {
            try left.end(within: .seconds(5))
            try Self.empty(path)
        }
        // The note is about a use that is over. Nobody of the slot's holds the lock any more, but perhaps a child of somebody
        // else's that was made at this moment and has not let go yet.
        _ = ftruncate(file, 0)
        _ = flock(file, LOCK_UN)
    }

    private func giveBack() {
        state.withLock { descriptor in
            if descriptor >= 0 { close(descriptor) }
            descriptor = -1
        }
    }

    /// Removes all but the lock.
    private static func empty(_ path: String) throws {
        for name in try Folder(path).names() where name.text != "lock" {
            try Tree.remove(path + "/" + name.text)
        }
    }
}
