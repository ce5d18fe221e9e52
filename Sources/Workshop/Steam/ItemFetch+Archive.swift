internal import Farm
internal import Glibc
internal import Platform
internal import World

/// What an item's author packed.
extension ItemFetch {
    /// Unpacks an item's one file, which is gone then.
    ///
    /// - Returns: nil for what is compressed and no archive; it is still there.
    /// - Throws: `SteamFailure`, `FileFault`, `CancellationError`.
    func unpack(_ file: String, _ sign: ArchiveSign, in slot: Slot) async throws -> ItemFiles? {
        guard let executable = settings.unpacker else { throw SteamFailure.unpacking(.noProgram) }
        let folder = slot.install + "/files"
        await run.report(phase: "unpacking", done: 0, total: item.size, isNewPhase: true)
        let contents = try await makingRoom(at: slot.install) { bytesMax in
            let unpacker = Unpacker(
                executable: executable, bytesMax: bytesMax, stallMax: settings.stallMax,
                means: settings.means)
            return try await Ticker.telling("unpacking", total: item.size, of: run) { done in
                try await unpacker.unpack(file, into: folder, in: slot) { bytes in
                    done.withLock { $0 = bytes }
                }
            }
        }
        guard let contents else {
            guard sign == .wrapped else {
                throw SteamFailure.unpacking(.refused("it is damaged, or cut off"))
            }
            return nil
        }
        // Its room is the ZIP's.
        guard unlink(file) == 0 else { throw FileFault("removing \(file)") }
        return ItemFiles(folder: folder, bytes: contents.bytes)
    }

    /// How much comes out shows only then: as long as it is more than there is room for, twice as much room is made.
    private func makingRoom(
        at folder: String, _ unpack: (_ bytesMax: Int64) async throws -> Archive.Contents?
    ) async throws -> Archive.Contents? {
        while true {
            let bytesMax = min(settings.itemBytesMax, try roomForContents(at: folder))
            do { return try await unpack(bytesMax) } catch SteamFailure.unpacking(.tooLarge(let most))
                where most < settings.itemBytesMax
            {
                try await room.require(2 * min(settings.itemBytesMax, 2 * most))
            }
        }
    }

    /// What comes out of an archive stands beside its ZIP for a while, and some of the disk stays free.
    private func roomForContents(at folder: String) throws -> Int64 {
        let room = (try settings.freeBytes(folder) - settings.diskFreeMin) / 2
        guard room > 0 else { throw FileFault("unpacking at \(folder)", code: ENOSPC) }
        return room
    }
}
