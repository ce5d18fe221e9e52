internal import Glibc
internal import Postgres
internal import World

/// Room for mods on the disk: files that no row names go, and then the mods that were asked for longest ago.
struct StorehouseRoom: Sendable {
    let settings: SteamSettings
    let catalogue: Catalogue
    let storehouse: Storehouse

    /// What went.
    struct Made: Sendable {
        var evicted = 0
        /// Files, those of mods that went just before included.
        var orphans = 0
    }

    static let batch = 100

    private var free: Int64 { get throws { try settings.freeBytes(storehouse.folder) } }

    /// Sees to it that so many bytes can be written and the disk keeps what is to stay free.
    ///
    /// Nothing goes when that would not be enough.
    /// - Throws: `FileFault` with `ENOSPC` when there is no such room, nor by letting mods go.
    func require(_ bytes: Int64) async throws {
        let needed = bytes + settings.diskFreeMin
        if try free >= needed { return }
        if try await catalogue.bytesStored() >= needed - free { _ = try await make(for: bytes) }
        guard try free >= needed else {
            throw FileFault("\(needed) bytes at \(storehouse.folder)", code: ENOSPC)
        }
    }

    /// Mods go until what is kept fits the budget, and `bytes` fit on the disk besides what is to stay free.
    ///
    /// A mod's row goes first. Its file is then one that no row names, and goes with the others of that kind: while nobody
    /// publishes, so that a mod which comes back at this very moment keeps the file of the same name. What is lacking is
    /// measured once, when such files are gone: some file systems give room back late, and no more is to go for that.
    func make(for bytes: Int64 = 0) async throws -> Made {
        var made = Made()
        var lacking: Int64?
        while true {
            try Task.checkCancellation()
            let round = try await catalogue.tidyingStorehouse { tx in
                let orphans = try await removeOrphans(in: tx)
                let missing = try lacking ?? bytes + settings.diskFreeMin - free
                let gone = try await catalogue.forgetOldest(
                    keeping: settings.diskBytesMax, freeing: missing, atMost: Self.batch, in: tx)
                return (orphans: orphans, evicted: gone.count, lacking: missing - gone.bytes)
            }
            // Whoever could not get in leaves the rest to the next time.
            guard let round else { return made }
            made.orphans += round.orphans
            made.evicted += round.evicted
            lacking = round.lacking
            if round.evicted == 0 { return made }
        }
    }

    private func removeOrphans(in tx: Transaction) async throws -> Int {
        let names = try await storehouse.names()
        let ids = Set(names.compactMap(Storehouse.mod))
        let files = try await catalogue.files(of: ids.sorted(), in: tx)
        let wanted = Set(files.map { Storehouse.name($0.key, $0.value) })
        let orphans = names.filter { !wanted.contains($0) }
        try await storehouse.remove(orphans)
        return orphans.count
    }
}
