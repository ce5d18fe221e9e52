internal import Farm
internal import Jobs
internal import World

/// Keeps the disk in order: slots of crashed farms, files that no row names, and the mods that were asked for longest ago
/// when there is no room.
struct WorkshopUpkeep: JobKind {
    static let name = "workshop-upkeep"
    let desk: WorkshopKinds.Desk

    static let batch = 100
    /// What Steam said of items that are not here is forgotten after so long.
    static let wordAgeMax = Duration.seconds(86_400)

    func run(_ args: NoArgs, _ run: Run) async throws -> Outcome {
        do {
            try desk.storehouse.open()
            let slots = try await Slot.tidy(desk.storehouse.slots)
            let evicted = try await evict()
            let orphans = try await removeOrphans()
            try await desk.catalogue.forgetWords(olderThan: Self.wordAgeMax)
            return .done(
                result: JSON(
                    text:
                        "{\"slots\":\(slots),\"evicted\":\(evicted),\"orphans\":\(orphans.map { "\($0)" } ?? "null")}"
                ))
        } catch let fault as FileFault {
            return .fail(error: "\(fault)")
        }
    }

    /// Mods go until what is kept fits the budget and the disk has some room: row first, then file.
    private func evict() async throws -> Int {
        var count = 0
        while true {
            try Task.checkCancellation()
            var stored = try await desk.catalogue.bytesStored()
            var missing = desk.settings.diskFreeMin - (try Disk.freeBytes(at: desk.storehouse.folder))
            guard stored > desk.settings.diskBytesMax || missing > 0 else { return count }
            let oldest = try await desk.catalogue.oldestAsked(Self.batch)
            guard !oldest.isEmpty else { return count }
            for mod in oldest where stored > desk.settings.diskBytesMax || missing > 0 {
                guard try await desk.catalogue.forget(mod.id, copy: mod.file) else { continue }
                try await desk.storehouse.remove([Storehouse.name(mod.id, mod.file)])
                stored -= mod.file.bytes
                missing -= mod.file.bytes
                count += 1
            }
        }
    }

    /// - Returns: how many went; `nil` when somebody was publishing, and it is left to the next time.
    private func removeOrphans() async throws -> Int? {
        try await desk.catalogue.tidyingStorehouse { tx in
            let names = try await desk.storehouse.names()
            let ids = Set(names.compactMap(Storehouse.mod))
            let files = try await desk.catalogue.files(of: ids.sorted(), in: tx)
            let wanted = Set(files.map { Storehouse.name($0.key, $0.value) })
            let orphans = names.filter { !wanted.contains($0) }
            try await desk.storehouse.remove(orphans)
            return orphans.count
        }
    }
}
