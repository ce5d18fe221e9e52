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
            let room = try await makeRoom()
            try await desk.catalogue.forgetWords(olderThan: Self.wordAgeMax)
            return .done(
                result: JSON(
                    text:
                        "{\"slots\":\(slots),\"evicted\":\(room.evicted),\"orphans\":\(room.orphans)}"
                ))
        } catch let fault as FileFault {
            return .fail(error: "\(fault)")
        }
    }

    /// Mods go until what is kept fits the budget and the disk has some room.
    ///
    /// A mod's row goes first. Its file is then one that no row names, and goes with the others of that kind: while nobody
    /// publishes, so that a mod which comes back at this very moment keeps the file of the same name.
    private func makeRoom() async throws -> (evicted: Int, orphans: Int) {
        var evicted = 0
        var orphans = 0
        while true {
            try Task.checkCancellation()
            let count = try await evict()
            let removed = try await removeOrphans()
            evicted += count ?? 0
            orphans += removed ?? 0
            // Whoever could not get in leaves the rest to the next time.
            guard let count, removed != nil, count > 0 else { return (evicted, orphans) }
        }
    }

    /// - Returns: how many went; `nil` when others were at the storehouse.
    private func evict() async throws -> Int? {
        try await desk.catalogue.tidyingStorehouse { tx in
            let free = try Disk.freeBytes(at: desk.storehouse.folder)
            return try await desk.catalogue.forgetOldest(
                keeping: desk.settings.diskBytesMax, freeing: desk.settings.diskFreeMin - free,
                atMost: Self.batch, in: tx)
        }
    }

    /// - Returns: how many went; `nil` when others were at the storehouse.
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
