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
        let room = try roomForContents(at: slot.install)
        let unpacker = Unpacker(
            executable: executable, bytesMax: min(settings.itemBytesMax, room), stallMax: settings.stallMax)
        await run.report(phase: "unpacking", done: 0, total: item.size, isNewPhase: true)
        let contents: Archive.Contents?
        do {
            contents = try await Ticker.telling("unpacking", total: item.size, of: run) { done in
                try await unpacker.unpack(file, into: folder, in: slot) { bytes in
                    done.withLock { $0 = bytes }
                }
            }
        } catch SteamFailure.unpacking(.tooLarge(let bytesMax)) where bytesMax < settings.itemBytesMax {
            throw SteamFailure.disk("there is room for \(bytesMax) bytes, and the archive holds more")
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

    /// What comes out of an archive stands beside its ZIP for a while, and some of the disk stays free.
    private func roomForContents(at folder: String) throws -> Int64 {
        let room = (try settings.freeBytes(folder) - settings.diskFreeMin) / 2
        guard room > 0 else { throw FileFault("unpacking at \(folder)", code: ENOSPC) }
        return room
    }
}
